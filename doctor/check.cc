// SPDX-License-Identifier: Apache-2.0
#include "doctor/check.h"

namespace mortise::doctor {

std::string_view Name(CheckStatus status) {
  switch (status) {
    case CheckStatus::kPass:
      return "pass";
    case CheckStatus::kWarning:
      return "warn";
    case CheckStatus::kFail:
      return "fail";
    case CheckStatus::kSkip:
      return "skip";
  }
  return "fail";
}

void CheckList::Pass(std::string id, std::string what) {
  checks_.push_back({category_, std::move(id), CheckStatus::kPass, std::move(what), ""});
}

void CheckList::Skip(std::string id, std::string what) {
  checks_.push_back({category_, std::move(id), CheckStatus::kSkip, std::move(what), ""});
}

void CheckList::Warn(std::string id, std::string what, std::string hint) {
  checks_.push_back(
      {category_, std::move(id), CheckStatus::kWarning, std::move(what), std::move(hint)});
}

void CheckList::Fail(std::string id, std::string what, std::string hint) {
  checks_.push_back(
      {category_, std::move(id), CheckStatus::kFail, std::move(what), std::move(hint)});
}

Advised TakeApart(const std::string& message, const std::string& otherwise) {
  const std::size_t at = message.rfind("; ");
  if (at == message.npos) return {message, otherwise};
  return {message.substr(0, at), message.substr(at + 2)};
}

}  // namespace mortise::doctor
