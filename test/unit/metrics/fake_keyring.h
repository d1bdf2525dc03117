// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "hsm/keyring.h"

namespace mortise::metrics {

inline constexpr char kTestKeyId[] = "prod.000001.0123456789abcdef";

// A keyring that knows what a test tells it and does nothing else.
class FakeKeyring final : public hsm::Keyring {
 public:
  explicit FakeKeyring(std::string name) : name_(std::move(name)) { Set(Healthy()); }

  void Wrap(SecretBytes, hsm::Call, hsm::Done<hsm::Wrapped>) override {}
  void Unwrap(std::string_view, std::string_view, hsm::Call, hsm::Done<SecretBytes>) override {}
  std::shared_ptr<const hsm::KeyringStatus> Status() const override { return status_; }
  const std::string& name() const override { return name_; }

  void Set(hsm::KeyringStatus status) {
    status_ = std::make_shared<const hsm::KeyringStatus>(std::move(status));
  }

  // One active generation on one token, proved just now.
  static hsm::KeyringStatus Healthy() {
    hsm::GenerationStatus generation;
    generation.key_id = kTestKeyId;
    generation.generation = 1;
    generation.scheme = "aes-gcm";
    generation.state = hsm::GenerationState::kActive;
    generation.activation = ParseTime("2026-01-31T12:00:00Z");
    generation.wraps = 7;
    generation.wrap_limit = 268435456;
    generation.tokens = {"hsm-a"};
    hsm::TokenStatus token;
    token.name = "hsm-a";
    token.is_up = true;
    token.last_proof = Clock::now();
    token.manufacturer = "SoftHSM project";
    token.worker_pids = {4711};
    token.sessions = 4;
    token.queue_length = 3;
    hsm::KeyringStatus status;
    status.active_key_id = generation.key_id;
    status.last_proof = Clock::now();
    status.generations = {generation};
    status.tokens = {token};
    return status;
  }

 private:
  std::string name_;
  std::shared_ptr<const hsm::KeyringStatus> status_;
};

}  // namespace mortise::metrics
