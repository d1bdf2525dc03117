// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/launcher.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/hardening.h"
#include "hsm/worker/channel.h"

namespace mortise::hsm {
namespace {

constexpr int kExecutableFd = kChannelFd + 1;

// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void BecomeWorker(int channel, int executable, int nothing, char* const* arguments,
                               char* const* environment) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // Lifted above what is about to be overwritten, whatever their numbers are.
  const int channel_high = fcntl(channel, F_DUPFD_CLOEXEC, 64);
  const int executable_high = fcntl(executable, F_DUPFD_CLOEXEC, 64);
  if (channel_high < 0 || executable_high < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
      dup2(channel_high, kChannelFd) < 0 || dup3(executable_high, kExecutableFd, O_CLOEXEC) < 0) {
    _exit(127);
  }
  syscall(SYS_close_range, kExecutableFd + 1, ~0U, 0);
  syscall(SYS_execveat, kExecutableFd, "", arguments, environment, AT_EMPTY_PATH);
  _exit(127);
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Launcher::Launcher(const std::string& executable)
    : executable_(open(executable.c_str(), O_PATH | O_CLOEXEC)) {
  if (!executable_) {
    throw Error(Reason::kConfig, executable + ": " + ErrnoText(errno) +
                                     "; the worker must be installed beside mortise");
  }
}

LaunchedWorker Launcher::Launch(const std::string& token,
                                const std::map<std::string, std::string>& environment) const {
  Channel::Pair pair = Channel::MakePair();
  const UniqueFd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!nothing) throw Error(Reason::kInternal, "/dev/null: " + ErrnoText(errno));
  std::vector<std::string> arguments = {"mortise-token-worker", token, std::to_string(getpid())};
  std::vector<std::string> variables = {kBindSymbolsAtStart};
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(variables);
  const pid_t pid = fork();
  if (pid < 0) throw Error(Reason::kInternal, "cannot start a worker: fork: " + ErrnoText(errno));
  if (pid == 0) {
    BecomeWorker(pair.worker.get(), executable_.get(), nothing.get(), argv.data(), envp.data());
  }
  return {pid, std::move(pair.front)};
}

std::string WorkerExecutable() {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "mortise-token-worker")
      .string();
}

}  // namespace mortise::hsm
