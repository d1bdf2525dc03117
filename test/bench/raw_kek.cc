// SPDX-License-Identifier: Apache-2.0
// What the token alone can do with a keyring's KEK: each thread has a session and unwraps one
// blob in a closed loop, with the scheme's own Cryptoki calls and nothing around them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <thread>

#include "base/hardening.h"
#include "base/random.h"
#include "cli/latency_histogram.h"
#include "config/loader.h"
#include "hsm/discovery.h"
#include "hsm/opened_token.h"
#include "hsm/worker/kek_operations.h"

namespace mortise::bench {
namespace {

struct Options {
  std::string config;
  int sessions = 4;
  double seconds = 5;
};

// The first KEK of the first keyring, on its first token.
class Kek {
 public:
  Kek(const config::Config& config, hsm::OpenedToken& opened)
      : opened_(opened),
        keyring_(config.keyrings.at(0)),
        operations_(config.tokens.at(0).iv_mode),
        found_(hsm::SearchToken(opened.session(), keyring_, config.tokens.at(0).name)) {
    const hsm::FoundKek& kek = found_.discovered.keks.at(0);
    view_ = hsm::ViewOf(kek, keyring_);
    keys_ = hsm::HeldIn(*found_.table, kek);
  }

  cli::LatencyHistogram UnwrapUntil(Clock::time_point end) {
    const hsm::Session session(opened_.module(), opened_.slot(), true);
    const std::string blob =
        operations_.Wrap(session, keys_, view_, hsm::Purpose::kSelfTest, RandomBytes(32));
    cli::LatencyHistogram latency;
    for (auto before = Clock::now(); before < end;) {
      operations_.Unwrap(session, keys_, view_, hsm::Purpose::kSelfTest, AsBytes(blob));
      const auto after = Clock::now();
      latency.Record(after - before);
      before = after;
    }
    return latency;
  }

 private:
  hsm::OpenedToken& opened_;
  const config::Keyring& keyring_;
  hsm::KekOperations operations_;
  hsm::Searched found_;
  hsm::KekView view_;
  hsm::HeldKek keys_;
};

void Measure(const Options& options) {
  const config::Config config = config::Load(options.config);
  const config::Token& token = config.tokens.at(0);
  for (const auto& [name, value] : token.environment) setenv(name.c_str(), value.c_str(), 1);
  hsm::OpenedToken opened(token, hsm::Credentials::ToServe(token), config.state_dir);
  Kek kek(config, opened);
  std::vector<cli::LatencyHistogram> parts(static_cast<std::size_t>(options.sessions));
  std::vector<std::exception_ptr> failures(parts.size());
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(options.seconds));
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      threads.emplace_back([&, i] {
        try {
          parts[i] = kek.UnwrapUntil(end);
        } catch (...) {
          failures[i] = std::current_exception();
        }
      });
    }
  }
  const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  cli::LatencyHistogram latency;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (failures[i]) std::rethrow_exception(failures[i]);
    latency.Merge(parts[i]);
  }
  fmt::print("{{\"opsPerSecond\": {:.1f}, \"p50Us\": {:.1f}, \"p99Us\": {:.1f}}}\n",
             static_cast<double>(latency.count()) / elapsed,
             static_cast<double>(latency.Percentile(50).count()) / 1000,
             static_cast<double>(latency.Percentile(99).count()) / 1000);
}

}  // namespace
}  // namespace mortise::bench

int main(int argc, char** argv) {
  mortise::HardenProcess();
  mortise::bench::Options options;
  CLI::App app(
      "Unwraps a second by the first KEK of the first keyring, without the plugin; as JSON");
  app.add_option("--config", options.config)->required();
  app.add_option("--sessions", options.sessions, "Sessions, each with a thread")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    mortise::bench::Measure(options);
  } catch (const std::exception& error) {
    std::cerr << "bench_raw_kek: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
