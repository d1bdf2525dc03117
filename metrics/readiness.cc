// SPDX-License-Identifier: Apache-2.0
#include "metrics/readiness.h"

#include <fmt/format.h>

#include <string_view>

namespace mortise::metrics {
namespace {

// "; token hsm-a: PIN rejected ..." for each token that is down.
std::string TokenProblems(const hsm::KeyringStatus& status) {
  std::string text;
  for (const hsm::TokenStatus& token : status.tokens) {
    if (token.is_up) continue;
    text += fmt::format("; token {} is down{}{}", token.name, token.problem.empty() ? "" : ": ",
                        token.problem);
  }
  return text;
}

}  // namespace

std::string WhyNotReady(const hsm::KeyringStatus& status, config::Duration staleness,
                        Clock::time_point now) {
  if (status.fatal) return status.fatal->what();
  if (status.active_key_id.empty() || !status.last_proof) {
    return fmt::format("no active key has been proved yet{}{}{}",
                       status.waiting_for.empty() ? "" : "; waiting for ", status.waiting_for,
                       TokenProblems(status));
  }
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - *status.last_proof);
  if (now - *status.last_proof <= staleness) return "";
  return fmt::format(
      "the active key last opened a ciphertext {} s ago, more than "
      "statusStaleness ({} s){}",
      age.count(), std::chrono::duration<double>(staleness).count(), TokenProblems(status));
}

std::string WhyNotWrapping(const hsm::KeyringStatus& status) {
  if (!status.wrap_refusal) return "";
  constexpr std::string_view kPrefix = "nothing is wrapped: ";
  const std::string why = status.wrap_refusal->what();
  return why.starts_with(kPrefix) ? why.substr(kPrefix.size()) : why;
}

std::string ReadinessLine(const hsm::KeyringStatus& status, const std::string& why_not_ready) {
  if (!why_not_ready.empty()) return why_not_ready;
  const std::string why_not_wrapping = WhyNotWrapping(status);
  return why_not_wrapping.empty() ? "ready" : "ready, but nothing is wrapped: " + why_not_wrapping;
}

}  // namespace mortise::metrics
