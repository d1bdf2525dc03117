// SPDX-License-Identifier: Apache-2.0
#include "cli/self.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file.h"

namespace mortise::cli {
namespace {

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!added.contains(std::string(*entry, std::strcspn(*entry, "="))))
      merged.emplace_back(*entry);
  }
  for (const auto& [name, value] : added) merged.push_back(name + "=" + value);
  return merged;
}

class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

}  // namespace

ExitCode RunSelf(const std::vector<std::string>& arguments,
                 const std::map<std::string, std::string>& environment) {
  std::vector<std::string> argument_texts = arguments;
  argument_texts.insert(argument_texts.begin(), "mortise");
  std::vector<std::string> environment_texts = Environment(environment);
  FileActions actions;
  posix_spawn_file_actions_addopen(actions.get(), STDOUT_FILENO, "/dev/null", O_WRONLY, 0);

  pid_t pid = -1;
  const int problem =
      posix_spawn(&pid, "/proc/self/exe", actions.get(), nullptr, Pointers(argument_texts).data(),
                  Pointers(environment_texts).data());
  if (problem != 0)
    throw Error(Reason::kPermission, "cannot start a process: " + ErrnoText(problem));
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) return static_cast<ExitCode>(WEXITSTATUS(status));
  throw Error(Reason::kUnavailable,
              "`mortise " + arguments[0] + " " + arguments[1] + "` was ended by signal " +
                  std::to_string(WTERMSIG(status)) + "; the PKCS#11 library may have crashed");
}

}  // namespace mortise::cli
