// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hsm/generations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hsm/label_discovery.h"
#include "hsm/scheme/key_label.h"

namespace mortise::hsm {

// SENSITIVE, ALWAYS_SENSITIVE, NEVER_EXTRACTABLE, LOCAL, PRIVATE, ENCRYPT, DECRYPT and no other.
inline constexpr std::uint32_t kGoodKey = 0b1'1011'1011;

inline std::string CkaId(char fill) {
  return std::string(16, fill);
}

// An envelope of `scheme`, as far as anybody but a token can tell.
inline std::string EnvelopeOf(char fill, SchemeId scheme = SchemeId::kAesGcm) {
  const bool is_cbc = scheme == SchemeId::kAesCbcHmac;
  const bool is_rsa = FactsOf(scheme).wrap_key == ObjectKind::kRsaPrivate;
  const Bytes iv(is_rsa ? 0 : is_cbc ? 16 : 12, static_cast<std::uint8_t>(fill));
  const Bytes body(is_rsa ? 384 : is_cbc ? 48 : 32, static_cast<std::uint8_t>(fill));
  const Bytes tag(is_cbc || is_rsa ? 32 : 16, static_cast<std::uint8_t>(fill));
  return Serialize(scheme, iv, body, tag);
}

inline Canary CanaryOf(const std::string& key_id, char fill = 'c') {
  return {.key_id = key_id, .blob = EnvelopeOf(fill)};
}

// The generations of one keyring, with time that a test moves and answers that it gives.
class GenerationsTest : public ::testing::Test {
 protected:
  GenerationsTest() { Restart(1); }

  // A new process with `tokens` tokens, all of them up.
  void Restart(std::size_t tokens) {
    std::vector<config::Token> settings(tokens);
    for (std::size_t i = 0; i < tokens; ++i)
      settings[i].name = std::string("hsm-") + static_cast<char>('a' + i);
    generations_.emplace(settings_, settings);
    generations_->Remember(history_, canaries_);
    for (std::size_t i = 0; i < tokens; ++i) generations_->SetUp(i, true);
    token_count_ = tokens;
  }

  static config::Keyring Settings() {
    config::Keyring keyring;
    keyring.name = "prod";
    keyring.context = "cluster-1";
    return keyring;
  }

  KeyLabel Label(std::uint32_t generation) const {
    return {.keyring = "prod",
            .generation = generation,
            .activation = activation_,
            .context_tag = ContextTag("cluster-1")};
  }
  InventoryEntry Entry(std::uint32_t generation, char id = 'i') const {
    return {.label = FormatKeyLabel(Label(generation)),
            .cka_id = CkaId(id),
            .reported = (1u << kKeyAttributeCount) - 1,
            .values = kGoodKey,
            .bits = 256};
  }
  std::string KeyId(std::uint32_t generation, char id = 'i') const {
    const KeyObject object{.id = Bytes(16, static_cast<std::uint8_t>(id))};
    return MakeKeyId("prod", "cluster-1", generation, SchemeId::kAesGcm, {&object, 1});
  }
  void Know(std::uint32_t generation, char id = 'i') {
    history_.keys[KeyId(generation, id)] = {.first_seen = wall_now_ - std::chrono::hours(720),
                                            .accepted = {}};
    canaries_.push_back(CanaryOf(KeyId(generation, id)));
  }
  // A node that has served `generation` for long, after a restart.
  void Serve(std::uint32_t generation, std::size_t tokens = 1) {
    Know(generation);
    history_.highest_active = generation;
    Restart(tokens);
  }

  void Pass(Clock::duration time) {
    now_ += time;
    wall_now_ += std::chrono::duration_cast<std::chrono::seconds>(time);
  }
  std::vector<Event> Scan(std::size_t token, const std::vector<InventoryEntry>& entries) {
    return generations_->OnInventory(
        token,
        DiscoverByLabel(entries, settings_, std::string("hsm-") + static_cast<char>('a' + token)),
        now_);
  }
  void ScanAll(const std::vector<InventoryEntry>& entries) {
    for (std::size_t token = 0; token < token_count_; ++token) Scan(token, entries);
  }
  std::optional<Job> Next(std::size_t token = 0) {
    return generations_->NextJob(token, now_, wall_now_);
  }
  JobEffects Succeed(const Job& job, std::size_t token = 0) {
    const std::string body =
        job.kind == Job::Kind::kMakeCanary ? std::string(32, 'p') + EnvelopeOf('b') : "";
    return generations_->OnJobDone(token, job, nullptr, body, now_, wall_now_);
  }
  JobEffects Fail(const Job& job, Reason reason, std::size_t token = 0) {
    const Error error(reason, "as told");
    return generations_->OnJobDone(token, job, &error, {}, now_, wall_now_);
  }
  // Does all that is due now and succeeds, and records what is to be admitted.
  std::vector<Job::Kind> Work(std::size_t token = 0) {
    std::vector<Job::Kind> done;
    while (const auto job = Next(token)) {
      done.push_back(job->kind);
      Succeed(*job, token);
      if (done.size() > 100) throw std::logic_error("it never ends");
    }
    Admit();
    return done;
  }
  void WorkEverywhere() {
    for (std::size_t token = 0; token < token_count_; ++token) Work(token);
  }
  void Admit() {
    for (const std::string& key_id : generations_->ToAdmit()) {
      history_.keys[key_id] = {.first_seen = wall_now_, .accepted = {}};
      generations_->Remember(history_, {});
      generations_->OnAdmitted(key_id);
    }
  }
  std::optional<std::uint32_t> ToActivate() { return generations_->ToActivate(now_, wall_now_); }
  const Generation& At(std::uint32_t generation, char id = 'i') {
    return generations_->all().at(KeyId(generation, id));
  }

  config::Keyring settings_ = Settings();
  KeyringHistory history_;
  std::vector<Canary> canaries_;
  std::optional<Generations> generations_;
  std::size_t token_count_ = 1;
  Clock::time_point now_ = Clock::now();
  WallTime wall_now_ = ParseTime("2026-06-01T12:00:00Z");
  WallTime activation_ = ParseTime("2026-05-01T12:00:00Z");
};

inline auto IsJob(Job::Kind kind) {
  return ::testing::Optional(::testing::Field(&Job::kind, kind));
}
inline auto IsJobOf(Job::Kind kind, const std::string& key_id) {
  return ::testing::Optional(
      ::testing::AllOf(::testing::Field(&Job::kind, kind), ::testing::Field(&Job::key_id, key_id)));
}
inline auto Named(std::string_view name) {
  return ::testing::Field(&Event::name, name);
}

}  // namespace mortise::hsm
