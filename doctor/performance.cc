// SPDX-License-Identifier: Apache-2.0
#include "doctor/performance.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "config/duration.h"
#include "doctor/encryption_provider.h"

namespace mortise::doctor {
namespace {

constexpr std::size_t kOperations = 200;
constexpr auto kLongestRun = std::chrono::seconds(30);

double Milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

void CheckPerformance(TokenCrypto& crypto, const config::Token& token, config::Duration timeout,
                      CheckList& list) {
  const std::optional<TokenCrypto::Unwrap> unwrap = crypto.UnwrapToMeasure();
  if (!unwrap) {
    return list.Skip("latency", fmt::format("token {}: no key to measure by", token.name));
  }
  std::vector<Clock::duration> took;
  const Deadline end =
      Clock::now() + std::min<Clock::duration>(kLongestRun, token.start_timeout / 2);
  try {
    while (took.size() < kOperations && Clock::now() < end) {
      const Clock::time_point start = Clock::now();
      unwrap->run();
      took.push_back(Clock::now() - start);
    }
  } catch (const Error& error) {
    return list.Fail("latency",
                     fmt::format("token {}: unwrap {} of {} failed: {}", token.name,
                                 took.size() + 1, kOperations, error.what()),
                     "a token that fails now and then: see the HSM's log and the network to it");
  }
  JudgePerformance(std::move(took), unwrap->of, token, timeout, list);
}

void JudgePerformance(std::vector<Clock::duration> took, const std::string& of,
                      const config::Token& token, config::Duration timeout, CheckList& list) {
  if (took.empty()) return;
  std::ranges::sort(took);
  const auto at = [&took](std::size_t percent) {
    return took[std::min(took.size() - 1, took.size() * percent / 100)];
  };
  const config::Duration attempt = AttemptWithin(timeout, token.operation_timeout);
  const std::string shown = fmt::format(
      "token {}: {} unwraps ({}) by one session: p50 {:.2f} ms, p99 {:.2f} ms; kube-apiserver "
      "waits {}, "
      "so an attempt may take {}",
      token.name, took.size(), of, Milliseconds(at(50)), Milliseconds(at(99)),
      config::FormatDuration(timeout), config::FormatDuration(attempt));
  if (at(99) >= attempt) {
    list.Fail("latency", shown,
              "find out what slows the HSM or the network to it; until then raise kms.timeout and "
              "tokens[].operationTimeout");
  } else if (at(99) >= attempt / 4) {
    list.Warn("latency", shown,
              "little is left for a queue: find out what slows the HSM, or raise kms.timeout and "
              "tokens[].operationTimeout");
  } else {
    list.Pass("latency", shown);
  }
}

}  // namespace mortise::doctor
