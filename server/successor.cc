// SPDX-License-Identifier: Apache-2.0
#include "server/successor.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "base/error.h"

namespace mortise::server {
namespace {

// No signal of ours blocked or ignored, and none of our descriptors but the standard ones.
int Spawn(pid_t* pid, char* const* arguments) {
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  const int error = posix_spawn(pid, arguments[0], &actions, &attributes, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return error;
}

}  // namespace

void Successor::Start(const std::vector<std::string>& command) {
  if (pid_ != 0) {
    throw Error(Reason::kUnavailable,
                fmt::format("a successor is being started already (pid {})", pid_));
  }
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  if (const int error = Spawn(&pid_, arguments.data()); error != 0) {
    pid_ = 0;
    throw Error(Reason::kUnavailable, fmt::format("no successor could be started: {}: {}",
                                                  command.front(), ErrnoText(error)));
  }
}

std::optional<int> Successor::Ended() {
  int status = 0;
  if (pid_ == 0 || waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = 0;
  constexpr int kSignalled = 128;
  return WIFSIGNALED(status) ? kSignalled + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string OwnExecutable() {
  return std::filesystem::read_symlink("/proc/self/exe");
}

}  // namespace mortise::server
