// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <exception>
#include <thread>
#include <vector>

#include "cli/latency_histogram.h"

namespace mortise::bench {

using LoopClock = std::chrono::steady_clock;

// Repeats `step` until `end`, one after the other.
template <typename Step>
cli::LatencyHistogram Repeat(LoopClock::time_point end, const Step& step) {
  cli::LatencyHistogram latency;
  for (auto before = LoopClock::now(); before < end;) {
    step();
    const auto after = LoopClock::now();
    latency.Record(after - before);
    before = after;
  }
  return latency;
}

struct Loops {
  cli::LatencyHistogram latency;  // of all threads
  double seconds = 0;             // that it took
};

// `threads` threads, the i-th of which does `loop(i, end)`. Rethrows what the first one threw.
template <typename Loop>
Loops RunLoops(int threads, double seconds, const Loop& loop) {
  std::vector<cli::LatencyHistogram> parts(static_cast<std::size_t>(threads));
  std::vector<std::exception_ptr> failures(parts.size());
  const auto start = LoopClock::now();
  const auto end = start + std::chrono::duration_cast<LoopClock::duration>(
                               std::chrono::duration<double>(seconds));
  {
    std::vector<std::jthread> running;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      running.emplace_back([&, i] {
        try {
          parts[i] = loop(i, end);
        } catch (...) {
          failures[i] = std::current_exception();
        }
      });
    }
  }
  Loops all{.latency = {},
            .seconds = std::chrono::duration<double>(LoopClock::now() - start).count()};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (failures[i]) std::rethrow_exception(failures[i]);
    all.latency.Merge(parts[i]);
  }
  return all;
}

}  // namespace mortise::bench
