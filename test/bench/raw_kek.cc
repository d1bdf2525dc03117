// SPDX-License-Identifier: Apache-2.0
// What the token alone can do with a keyring's KEK: each thread has a session and unwraps one
// blob in a closed loop, with the scheme's own Cryptoki calls and nothing around them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "base/hardening.h"
#include "base/random.h"
#include "config/loader.h"
#include "hsm/discovery.h"
#include "hsm/opened_token.h"
#include "hsm/worker/kek_operations.h"
#include "test/bench/closed_loop.h"

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

  cli::LatencyHistogram UnwrapUntil(LoopClock::time_point end) {
    const hsm::Session session(opened_.module(), opened_.slot(), true);
    const std::string blob =
        operations_.Wrap(session, keys_, view_, hsm::Purpose::kSelfTest, RandomBytes(32));
    return Repeat(end, [&] {
      operations_.Unwrap(session, keys_, view_, hsm::Purpose::kSelfTest, AsBytes(blob));
    });
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
  const Loops loops =
      RunLoops(options.sessions, options.seconds,
               [&](std::size_t, LoopClock::time_point end) { return kek.UnwrapUntil(end); });
  const cli::LatencyHistogram& latency = loops.latency;
  fmt::print("{{\"opsPerSecond\": {:.1f}, \"p50Us\": {:.1f}, \"p99Us\": {:.1f}}}\n",
             static_cast<double>(latency.count()) / loops.seconds,
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
