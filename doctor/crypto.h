// SPDX-License-Identifier: Apache-2.0
// Category crypto: whether a token does what it names, without wrapping by any key of its own.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "config/config.h"
#include "doctor/check.h"
#include "doctor/keys.h"
#include "hsm/worker/kek_operations.h"
#include "hsm/worker/session_keeper.h"

namespace mortise::doctor {

class TokenCrypto {
 public:
  TokenCrypto(hsm::SessionKeeper& keeper, const hsm::KeyTable& table, const config::Token& token)
      : keeper_(keeper), table_(table), token_(token), operations_(token.iv_mode) {}

  // By a throw-away session key.
  void ProveToken(CheckList& list);

  // What the KEK is worth on this token: the same material as ever.
  void OpenCanary(const KnownKek& kek, const config::Keyring& keyring, CheckList& list);
  // Of the active key: whether its scheme can wrap here. Says nothing where it can.
  void CheckWrap(const KnownKek& kek, const config::Keyring& keyring, CheckList& list);

  // One unwrap, to be measured: of the active key's canary, else of something by a throw-away
  // key. Nothing when neither can be had. Throws Error.
  struct Unwrap {
    std::function<void()> run;
    std::string of;  // "canary" or "throw-away key"
  };
  std::optional<Unwrap> UnwrapToMeasure();

 private:
  std::optional<Unwrap> UnwrapByThrowAwayKey();
  hsm::HeldKek Held(const KnownKek& kek) const;

  hsm::SessionKeeper& keeper_;
  const hsm::KeyTable& table_;
  const config::Token& token_;
  hsm::KekOperations operations_;

  struct Opened {
    KnownKek kek;
    config::Keyring keyring;
    hsm::HeldKek held;
  };
  std::optional<Opened> opened_;
};

}  // namespace mortise::doctor
