// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "test/support/child_process.h"

namespace mortise::test {

// A command at a terminal of its own, and the person before it. Killed and reaped when
// this goes. Not thread-safe.
class Terminal {
 public:
  explicit Terminal(const std::vector<std::string>& arguments,
                    const ChildProcess::Environment& environment = {});
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void Type(const std::string& text);
  // Whether `text` was shown, after what earlier calls waited for.
  bool Await(const std::string& text, std::chrono::milliseconds limit = std::chrono::seconds(30));
  // The exit status, once the command has ended; -1 where it does not.
  int Wait();

  bool IsEchoing() const;
  const std::string& Shown() const { return shown_; }

 private:
  bool ReadSome(std::chrono::milliseconds limit);

  UniqueFd master_;
  UniqueFd slave_;  // keeps the settings when the command has ended
  pid_t pid_ = -1;
  std::string shown_;
  std::size_t awaited_ = 0;
};

}  // namespace mortise::test
