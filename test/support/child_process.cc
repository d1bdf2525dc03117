// SPDX-License-Identifier: Apache-2.0
#include "test/support/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "base/file.h"

namespace mortise::test {
namespace {

constexpr std::size_t kOutputLimit = 64 << 20;
constexpr std::chrono::milliseconds kPollInterval(2);

std::vector<std::string> MergedEnvironment(const ChildProcess::Environment& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string name(*entry, std::strcspn(*entry, "="));
    if (!added.contains(name)) merged.emplace_back(*entry);
  }
  for (const auto& [name, value] : added) merged.push_back(name + "=" + value);
  return merged;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

UniqueFd CreateFile(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0600));
}

// Polls `condition` until it holds or the time is up.
template <typename Condition>
bool Await(Condition condition, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(kPollInterval);
  }
  return true;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments,
                           const Environment& environment) {
  std::vector<std::string> argument_texts = arguments;
  std::vector<std::string> environment_texts = MergedEnvironment(environment);
  const std::vector<char*> argv = Pointers(argument_texts);
  const std::vector<char*> envp = Pointers(environment_texts);
  const UniqueFd in(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd out = CreateFile(folder_ / "out");
  const UniqueFd err = CreateFile(folder_ / "err");

  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(in.get(), STDIN_FILENO);
  dup2(out.get(), STDOUT_FILENO);
  dup2(err.get(), STDERR_FILENO);
  execvpe(argv[0], argv.data(), envp.data());
  _exit(127);
}

ChildProcess::~ChildProcess() {
  if (!IsRunning()) return;
  Kill(SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void ChildProcess::Kill(int signal_number) {
  if (IsRunning()) kill(pid_, signal_number);
}

std::optional<int> ChildProcess::Poll() {
  int status = 0;
  if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_) {
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  return status_;
}

std::optional<int> ChildProcess::WaitFor(std::chrono::milliseconds limit) {
  Await([this] { return !IsRunning(); }, limit);
  return status_;
}

bool ChildProcess::WaitForOutput(const std::string& text, std::chrono::milliseconds limit) {
  const auto seen = [&] {
    return StandardOutput().find(text) != std::string::npos ||
           StandardError().find(text) != std::string::npos;
  };
  Await([&] { return seen() || !IsRunning(); }, limit);
  return seen();
}

std::string ChildProcess::StandardOutput() const {
  return ReadFile(folder_ / "out", kOutputLimit);
}
std::string ChildProcess::StandardError() const {
  return ReadFile(folder_ / "err", kOutputLimit);
}

CommandResult RunCommand(const std::vector<std::string>& arguments,
                         const ChildProcess::Environment& environment) {
  ChildProcess child(arguments, environment);
  const auto status = child.WaitFor(std::chrono::minutes(1));
  if (!status)
    throw std::runtime_error(arguments[0] + " took over a minute: " + child.StandardError());
  return {*status, child.StandardOutput(), child.StandardError()};
}

}  // namespace mortise::test
