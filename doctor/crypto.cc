// SPDX-License-Identifier: Apache-2.0
#include "doctor/crypto.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/random.h"
#include "hsm/cryptoki/key_generation.h"
#include "hsm/discovery.h"
#include "hsm/wrap_outlook.h"

namespace mortise::doctor {
namespace {

hsm::KekView ViewOf(const KnownKek& kek, const config::Keyring& keyring) {
  hsm::KekView view = hsm::ViewOf(kek.found, keyring);
  view.canary = kek.canary->blob;
  view.canary_proof = kek.canary->proof;
  return view;
}

}  // namespace

void TokenCrypto::ProveToken(CheckList& list) {
  try {
    operations_.ProveToken(keeper_.session());
    list.Pass("throw-away-key",
              fmt::format("token {}: it opens what it wrapped by a throw-away key", token_.name));
  } catch (const Error& error) {
    keeper_.Renew();
    if (error.reason() == Reason::kKeyRefused) {
      return list.Skip("throw-away-key", fmt::format("token {}: it makes no throw-away keys: {}",
                                                     token_.name, error.what()));
    }
    const auto [what, hint] = TakeApart(error.what(), "ask the HSM's vendor");
    list.Fail("throw-away-key", fmt::format("token {}: {}", token_.name, what), hint);
  }
}

void TokenCrypto::OpenCanary(const KnownKek& kek, const config::Keyring& keyring, CheckList& list) {
  if (!kek.canary) return;
  const std::string subject = fmt::format("token {}, {}", token_.name, kek.found.candidate.key_id);
  try {
    Opened opened{kek, keyring, Held(kek)};
    operations_.OpenCanary(keeper_.session(), opened.held, ViewOf(kek, keyring));
    list.Pass("canary",
              fmt::format("{}: it opens its canary, so it is the same key as ever", subject));
    if (kek.is_active || !opened_) opened_ = std::move(opened);
  } catch (const Error& error) {
    keeper_.Renew();
    list.Fail("canary", fmt::format("{}: its canary does not open: {}", subject, error.what()),
              "other key material under this name, or a token that fails: compare the token's "
              "serial with the other nodes', and restore the right key");
  }
}

void TokenCrypto::CheckWrap(const KnownKek& kek, const config::Keyring& keyring, CheckList& list) {
  if (!kek.is_active) return;
  const hsm::SchemeId scheme = kek.found.candidate.label.scheme;
  const hsm::WrapOutlook outlook =
      hsm::OutlookOf(keeper_.session(), scheme, token_, keyring.policy);
  if (outlook.problem.empty()) return;
  list.Fail("wrap",
            fmt::format("token {}, {}: it opens what is stored, and nothing new is wrapped: {}",
                        token_.name, kek.found.candidate.key_id, outlook.problem),
            "correct tokens[].ivMode or keyrings[].policy.mode; check `schemes` tells what the "
            "token proves");
}

hsm::HeldKek TokenCrypto::Held(const KnownKek& kek) const {
  hsm::HeldKek held = hsm::HeldIn(table_, kek.found);
  if (held.wrap) return held;
  throw Error(Reason::kKeyMissing, "the key has gone since it was found");
}

std::optional<TokenCrypto::Unwrap> TokenCrypto::UnwrapToMeasure() {
  if (!opened_) return UnwrapByThrowAwayKey();
  return Unwrap{[this] {
                  operations_.OpenCanary(keeper_.session(), opened_->held,
                                         ViewOf(opened_->kek, opened_->keyring));
                },
                "canary"};
}

std::optional<TokenCrypto::Unwrap> TokenCrypto::UnwrapByThrowAwayKey() {
  hsm::HeldKek held{.wrap = std::make_shared<hsm::HeldKey>(), .authenticator = {}};
  for (const hsm::SchemeId scheme : {hsm::SchemeId::kAesGcm, hsm::SchemeId::kAesKwp}) {
    try {
      held.wrap->handle = hsm::GenerateThrowAwayAesKey(keeper_.session());
      const hsm::KekView kek{
          .keyring = "probe", .context = "probe", .key_id = "probe", .scheme = scheme};
      const std::string envelope =
          operations_.Wrap(keeper_.session(), held, kek, hsm::Purpose::kSelfTest, RandomBytes(32));
      return Unwrap{[this, held, kek, envelope] {
                      operations_.Unwrap(keeper_.session(), held, kek, hsm::Purpose::kSelfTest,
                                         AsBytes(envelope));
                    },
                    "throw-away key"};
    } catch (const Error&) {
      keeper_.Renew();  // ends the key, too
    }
  }
  return std::nullopt;
}

}  // namespace mortise::doctor
