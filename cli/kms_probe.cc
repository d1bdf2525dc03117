// SPDX-License-Identifier: Apache-2.0
#include "cli/kms_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/random.h"
#include "cli/kms_rules.h"
#include "cli/probe_hints.h"
#include "cli/socket_check.h"

namespace mortise::cli {
namespace {

constexpr std::size_t kSeedBytes = 32;  // what kube-apiserver sends
constexpr auto kPause = std::chrono::milliseconds(250);

constexpr std::string_view kAskVendor =
    "kube-apiserver will refuse this plugin; report it to whoever makes the plugin";

// One pass over the three calls.
class Run {
 public:
  explicit Run(const ProbeOptions& options) : options_(options), seed_(kSeedBytes) {
    FillRandom({seed_.data(), seed_.size()});
  }

  // Whether Status came back and calls itself healthy.
  bool AskStatus() {
    const SocketFinding finding = CheckSocket(options_.address, options_.timeout);
    if (finding.state != SocketState::kSpeaksHttp2) {
      auto [observed, hint] = Explain(finding, options_);
      Add("socket", std::move(observed), std::move(hint), ExitCodeFor(finding.state));
      return false;
    }
    Add("socket", options_.address.Shown() + " speaks HTTP/2", "");
    client_.emplace(options_.address);
    const auto answer = client_->Status(options_.timeout);
    if (!AddCall("status", answer)) return false;
    report_.status = *answer.value;
    AddRule("version", VersionProblem(report_.status.version), report_.status.version, kAskVendor);
    AddRule("healthz", HealthzProblem(report_.status.healthz), "ok",
            "the plugin answers but reports a problem: act on its text, and see its log");
    AddRule("key_id", KeyIdProblem(report_.status.key_id), Printable(report_.status.key_id, 200),
            kAskVendor);
    return report_.healthy();
  }

  // Only after a Status that was answered, healthy or not.
  void AskRoundTrip() {
    const auto encrypted = client_->Encrypt(seed_.view(), options_.timeout);
    if (!AddCall("encrypt", encrypted)) return;
    const KmsCiphertext& stored = *encrypted.value;
    report_.ciphertext_bytes = stored.ciphertext.size();
    report_.annotations = stored.annotations.size();
    CheckCiphertext(stored);
    CheckKeyIdOf(stored);

    const auto decrypted = client_->Decrypt(stored, options_.timeout);
    if (!AddCall("decrypt", decrypted)) return;
    const bool is_equal = EqualInConstantTime(decrypted.value->view(), seed_.view());
    Add("round_trip",
        is_equal ? fmt::format("{} bytes came back as they went", seed_.size())
                 : fmt::format("Decrypt gave {} bytes that are not the {} that were encrypted",
                               decrypted.value->size(), seed_.size()),
        is_equal ? "" : "do not use this plugin: what it encrypts is lost");
  }

  bool was_answered() const { return client_.has_value() && has_status_; }
  ProbeReport TakeReport() { return std::move(report_); }

 private:
  void Add(std::string id, std::string observed, std::string hint,
           ExitCode code = ExitCode::kFailed,
           std::optional<std::chrono::nanoseconds> took = std::nullopt) {
    if (!hint.empty() && report_.healthy()) report_.exit_code = code;
    report_.checks.push_back({std::move(id), std::move(observed), std::move(hint), took});
  }

  void AddRule(std::string id, std::string problem, std::string good, std::string_view hint) {
    if (problem.empty()) return Add(std::move(id), std::move(good), "");
    Add(std::move(id), std::move(problem), std::string(hint));
  }

  // Whether the call went well.
  template <typename T>
  bool AddCall(std::string id, const Answer<T>& answer) {
    const bool is_good = answer.value.has_value();
    if (is_good) {
      Add(std::move(id), "answered", "", ExitCode::kOk, answer.took);
      has_status_ = true;
    } else {
      Add(std::move(id),
          fmt::format("{}: {}", RpcCodeName(static_cast<int>(answer.code)),
                      Printable(answer.message, 300)),
          HintFor(answer.code, options_), ExitCodeFor(answer.code, answer.message), answer.took);
    }
    return is_good;
  }

  void CheckCiphertext(const KmsCiphertext& stored) {
    const std::string good = fmt::format("{} bytes", stored.ciphertext.size());
    if (stored.ciphertext.find(AsText(seed_.view())) != std::string::npos) {
      Add("ciphertext", "the ciphertext shows the plaintext",
          "do not use this plugin: etcd would hold the keys to its own contents");
    } else {
      AddRule("ciphertext", CiphertextProblem(stored.ciphertext), good, kAskVendor);
    }
    AddRule("annotations", AnnotationsProblem(stored.annotations),
            stored.annotations.empty() ? "none" : std::to_string(stored.annotations.size()),
            kAskVendor);
  }

  // A rotation between the two calls is no fault: then a new Status shows the same name.
  void CheckKeyIdOf(const KmsCiphertext& stored) {
    if (stored.key_id != report_.status.key_id) {
      const auto again = client_->Status(options_.timeout);
      if (again.value) report_.status = *again.value;
    }
    const bool is_same = stored.key_id == report_.status.key_id;
    Add("encrypt_key_id",
        is_same ? "as in Status"
                : fmt::format("Encrypt says {}, Status says {}", Printable(stored.key_id),
                              Printable(report_.status.key_id)),
        is_same ? ""
                : "kube-apiserver throws such an Encrypt away; see the plugin's log for a "
                  "rotation that stands still");
  }

  const ProbeOptions& options_;
  SecretBytes seed_;
  std::optional<KmsClient> client_;
  bool has_status_ = false;
  ProbeReport report_;
};

}  // namespace

ProbeReport Probe(const ProbeOptions& options) {
  const Deadline end = Clock::now() + options.wait;
  while (true) {
    Run run(options);
    if (!run.AskStatus() && Clock::now() < end) {
      std::this_thread::sleep_until(std::min(Clock::now() + kPause, end));
      continue;
    }
    if (run.was_answered()) run.AskRoundTrip();
    return run.TakeReport();
  }
}

}  // namespace mortise::cli
