// SPDX-License-Identifier: Apache-2.0
// What the token alone can do: one Cryptoki session a thread, each in a closed loop of
// the operation that a Decrypt (or an Encrypt without its proof) comes down to.
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <iostream>
#include <vector>

#include "base/hardening.h"
#include "test/bench/closed_loop.h"
#include "test/bench/raw_key.h"

namespace mortise::bench {
namespace {

constexpr std::size_t kIv = 12;
constexpr std::size_t kSeed = 32;
constexpr std::size_t kTag = 16;
constexpr std::size_t kAad = 32;

// One session with a blob of its own: IV, ciphertext and tag of a seed, 60 bytes.
class Operator {
 public:
  explicit Operator(const RawKey& key)
      : p11_(key.p11()), session_(key.OpenSession()), key_(key.key()) {
    aad_.fill(0xAD);
    Wrap();
  }

  void Wrap() {
    Require(p11_.C_GenerateRandom(session_, iv_.data(), iv_.size()), "C_GenerateRandom");
    CK_MECHANISM mechanism = Gcm();
    Require(p11_.C_EncryptInit(session_, &mechanism, key_), "C_EncryptInit");
    CK_ULONG size = sealed_.size();
    Require(p11_.C_Encrypt(session_, seed_.data(), seed_.size(), sealed_.data(), &size),
            "C_Encrypt");
  }

  void Unwrap() {
    CK_MECHANISM mechanism = Gcm();
    Require(p11_.C_DecryptInit(session_, &mechanism, key_), "C_DecryptInit");
    std::array<CK_BYTE, kSeed + kTag> opened;
    CK_ULONG size = opened.size();
    Require(p11_.C_Decrypt(session_, sealed_.data(), sealed_.size(), opened.data(), &size),
            "C_Decrypt");
  }

 private:
  CK_MECHANISM Gcm() {
    parameters_ = {iv_.data(), iv_.size(), iv_.size() * 8, aad_.data(), aad_.size(), kTag * 8};
    return {CKM_AES_GCM, &parameters_, sizeof parameters_};
  }

  const CK_FUNCTION_LIST& p11_;
  CK_SESSION_HANDLE session_;
  CK_OBJECT_HANDLE key_;
  CK_GCM_PARAMS parameters_{};
  std::array<CK_BYTE, kIv> iv_{};
  std::array<CK_BYTE, kAad> aad_{};
  std::array<CK_BYTE, kSeed> seed_{};  // zeros: nobody's secret
  std::array<CK_BYTE, kSeed + kTag> sealed_{};
};

struct Options {
  TokenPlace place;
  std::string operation = "unwrap";
  int sessions = 4;
  double seconds = 5;
};

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void Measure(const Options& options) {
  const RawKey key(options.place);
  std::vector<Operator> tokens;
  for (int i = 0; i < options.sessions; ++i) tokens.emplace_back(key);
  const double cpu_before = CpuSeconds();
  const Loops loops =
      RunLoops(options.sessions, options.seconds, [&](std::size_t i, LoopClock::time_point end) {
        const bool wraps = options.operation == "wrap";
        return Repeat(end, [&] { wraps ? tokens[i].Wrap() : tokens[i].Unwrap(); });
      });
  const double cpu = CpuSeconds() - cpu_before;
  const cli::LatencyHistogram& latency = loops.latency;
  const double elapsed = loops.seconds;
  const double operations = static_cast<double>(latency.count());
  const auto us = [&](double percent) {
    return static_cast<double>(latency.Percentile(percent).count()) / 1000;
  };
  fmt::print(
      "{{\"opsPerSecond\": {:.1f}, \"ops\": {}, \"cpuUsPerOp\": {:.2f}, \"p50Us\": {:.1f}, "
      "\"p99Us\": {:.1f}, \"sessions\": {}, \"seconds\": {:.3f}}}\n",
      operations / elapsed, latency.count(), cpu * 1e6 / std::max(operations, 1.0), us(50), us(99),
      options.sessions, elapsed);
}

}  // namespace
}  // namespace mortise::bench

int main(int argc, char** argv) {
  mortise::HardenProcess();
  mortise::bench::Options options;
  CLI::App app(
      "Raw PKCS#11 operations per second, as JSON; the module's own settings, such as "
      "SOFTHSM2_CONF, come from the environment");
  app.add_option("--module", options.place.module)->required();
  app.add_option("--token", options.place.token, "The token's label")->required();
  app.add_option("--pin-file", options.place.pin_file)->required();
  app.add_option("--key", options.place.key, "How the label of the AES key begins")->required();
  app.add_option("--operation", options.operation)
      ->check(CLI::IsMember(std::vector<std::string>{"unwrap", "wrap"}))
      ->capture_default_str();
  app.add_option("--sessions", options.sessions, "Sessions, each with a thread")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    mortise::bench::Measure(options);
  } catch (const std::exception& error) {
    std::cerr << "bench_raw_token: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
