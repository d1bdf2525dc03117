// SPDX-License-Identifier: Apache-2.0
// What counting costs on the path of every request.
#include <benchmark/benchmark.h>

#include "metrics/metrics.h"

namespace mortise::metrics {
namespace {

Metrics& Shared() {
  static Metrics metrics({.tokens = {"hsm-a", "hsm-b"},
                          .keyrings = {"prod", "test"},
                          .codes = {"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT"},
                          .peer_rejections = {"uid"}});
  return metrics;
}

void CountOperation(benchmark::State& state) {
  const hsm::OperationResult operation{.token = "hsm-b",
                                       .kind = hsm::OperationKind::kUnwrap,
                                       .failure = {},
                                       .queue_wait = std::chrono::microseconds(60),
                                       .token_time = std::chrono::microseconds(18)};
  for (auto _ : state) Shared().OnOperation(operation);
}
BENCHMARK(CountOperation)->Threads(1)->Threads(2)->Threads(4)->UseRealTime();

void CountRequest(benchmark::State& state) {
  for (auto _ : state) {
    Shared().OnRequestStart("test", Method::kDecrypt);
    Shared().OnRequest("test", Method::kDecrypt, 0, std::chrono::microseconds(205));
  }
}
BENCHMARK(CountRequest)->Threads(1)->Threads(2)->Threads(4)->UseRealTime();

}  // namespace
}  // namespace mortise::metrics

BENCHMARK_MAIN();
