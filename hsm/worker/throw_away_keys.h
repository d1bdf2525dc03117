// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "hsm/cryptoki/session.h"
#include "hsm/scheme/kek_objects.h"
#include "hsm/scheme/scheme_facts.h"

namespace mortise::hsm {

// Keys on which a scheme is tried out; gone with their session. Each is made when it is first
// needed, since an RSA pair takes seconds.
class ThrowAwayKeys {
 public:
  explicit ThrowAwayKeys(Session owner) : owner_(std::move(owner)) {}

  // Good as long as this object lives, in any session of the process. Throws Error, kKeyRefused
  // where the token has no such keys.
  KekObjects For(SchemeId scheme);

 private:
  struct Asymmetric {
    CK_OBJECT_HANDLE private_key;
    PublicKey public_half;
  };
  void AddAuthenticator(KeyRole role, KekObjects& objects);
  const Asymmetric& Rsa();
  const Asymmetric& Signer();

  Session owner_;
  std::optional<CK_OBJECT_HANDLE> aes_, mac_;
  std::optional<Asymmetric> rsa_, signer_;
};

}  // namespace mortise::hsm
