// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mortise::doctor {

// kWarning: it works, but should not stay so. kSkip: it could not be looked at, and why.
enum class CheckStatus : std::uint8_t { kPass, kWarning, kFail, kSkip };
std::string_view Name(CheckStatus status);  // "pass", "warn", "fail", "skip"

// One thing that was looked at.
struct Check {
  std::string category;  // "host", ...
  std::string id;        // which thing, in words that never change: "clock-sync"
  CheckStatus status = CheckStatus::kPass;
  std::string what;  // what was seen, and where
  std::string hint;  // what to do next; never empty for a failure or a warning
};

// The findings of one category, in the order they were made.
class CheckList {
 public:
  explicit CheckList(std::string category) : category_(std::move(category)) {}

  void Pass(std::string id, std::string what);
  void Skip(std::string id, std::string what);
  void Warn(std::string id, std::string what, std::string hint);
  void Fail(std::string id, std::string what, std::string hint);

  const std::vector<Check>& checks() const { return checks_; }

 private:
  std::string category_;
  std::vector<Check> checks_;
};

// "what happened; what to do next", as the project's errors are written, taken apart at its
// last semicolon. `otherwise` is the hint of a text that has none.
struct Advised {
  std::string what;
  std::string hint;
};
Advised TakeApart(const std::string& message, const std::string& otherwise);

}  // namespace mortise::doctor
