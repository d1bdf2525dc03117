// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/scheme_facts.h"

#include <array>

namespace mortise::hsm {
namespace {

using enum SchemeId;
using enum ObjectKind;
constexpr auto kMac = KeyRole::kMac;
constexpr auto kSigner = KeyRole::kSigner;

// In the order of SchemeId, which begins at 1.
constexpr std::array<SchemeFacts, 8> kFacts = {{
    {kAesGcm, kAes, std::nullopt, false, false},
    {kAesGcmPrepended, kAes, std::nullopt, false, false},
    {kAesKwp, kAes, std::nullopt, false, true},
    {kAesCbcHmac, kAes, kMac, false, false},
    {kRsaOaepHmac, kRsaPrivate, kMac, true, false},
    {kRsaOaepSign, kRsaPrivate, kSigner, true, false},
    {kRsaOaepHmacSha1, kRsaPrivate, kMac, true, false},
    {kRsaOaepSignSha1, kRsaPrivate, kSigner, true, false},
}};

}  // namespace

const SchemeFacts& FactsOf(SchemeId scheme) {
  return kFacts.at(static_cast<std::size_t>(scheme) - 1);
}

bool MayStandInLabel(SchemeId scheme) {
  return scheme != kAesGcmPrepended;
}

bool MayOpen(SchemeId labelled, SchemeId envelope) {
  return labelled == envelope || (labelled == kAesGcm && envelope == kAesGcmPrepended);
}

ObjectKind KindOf(KeyRole role, SchemeId scheme) {
  switch (role) {
    case KeyRole::kWrap:
      return FactsOf(scheme).wrap_key;
    case KeyRole::kMac:
      return kMacSecret;
    case KeyRole::kSigner:
      break;
  }
  return kEcPrivate;
}

}  // namespace mortise::hsm
