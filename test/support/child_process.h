// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "test/support/temp_dir.h"

namespace mortise::test {

// A child that a test has started; killed and reaped when this goes, and by the
// kernel when the test's process dies. Its output is kept in files. Not thread-safe.
class ChildProcess {
 public:
  using Environment = std::map<std::string, std::string>;  // added to this process's own

  explicit ChildProcess(const std::vector<std::string>& arguments,
                        const Environment& environment = {});
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  bool IsRunning() { return !Poll().has_value(); }
  void Kill(int signal_number);

  // The exit status as a shell has it (128 + signal); nothing: still running then.
  std::optional<int> WaitFor(std::chrono::milliseconds limit = std::chrono::seconds(30));
  // Whether `text` was seen on either output within `limit`.
  bool WaitForOutput(const std::string& text,
                     std::chrono::milliseconds limit = std::chrono::seconds(30));

  std::string StandardOutput() const;
  std::string StandardError() const;

 private:
  std::optional<int> Poll();

  TempDir folder_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

struct CommandResult {
  int status;
  std::string out;
  std::string err;
};

// Runs a command to its end; throws std::runtime_error if it takes over a minute.
CommandResult RunCommand(const std::vector<std::string>& arguments,
                         const ChildProcess::Environment& environment = {});

}  // namespace mortise::test
