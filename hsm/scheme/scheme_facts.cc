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

std::string_view Describe(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kAes:
      return "an AES key";
    case ObjectKind::kMacSecret:
      return "a MAC secret";
    case ObjectKind::kRsaPrivate:
      return "an RSA private key";
    case ObjectKind::kEcPrivate:
      break;
  }
  return "an EC private key";
}

const SchemeFacts& FactsOf(SchemeId scheme) {
  return kFacts.at(static_cast<std::size_t>(scheme) - 1);
}

bool MayStandInLabel(SchemeId scheme) {
  return scheme != kAesGcmPrepended;
}

std::optional<SchemeId> SchemeNamed(std::string_view name) {
  for (const SchemeFacts& facts : kFacts) {
    if (Name(facts.scheme) == name && MayStandInLabel(facts.scheme)) return facts.scheme;
  }
  return std::nullopt;
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
