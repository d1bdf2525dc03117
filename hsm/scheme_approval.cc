// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme_approval.h"

namespace mortise::hsm {
namespace {

Approval ApprovalOfGcm(config::IvMode iv_mode) {
  switch (iv_mode) {
    case config::IvMode::kAuto:
      return {false,
              "SP 800-38D approves it when the token makes the IV; which IV mode this token "
              "has could not be found out, so set tokens[].ivMode"};
    case config::IvMode::kCaller:
      return {false,
              "the IV comes from outside the module, which FIPS 140-3 IG C.H does not approve "
              "for encryption; decryption is approved (SP 800-38D)"};
    default:
      return {true,
              "SP 800-38D §8.2.2 with an IV made by the token, 128-bit tag (FIPS 140-3 IG C.H)"};
  }
}

}  // namespace

Approval ApprovalOf(SchemeId scheme, config::IvMode iv_mode) {
  switch (scheme) {
    case SchemeId::kAesGcm:
    case SchemeId::kAesGcmPrepended:
      return ApprovalOfGcm(iv_mode);
    case SchemeId::kAesKwp:
      return {true, "SP 800-38F §6.3, KWP"};
    case SchemeId::kAesCbcHmac:
      return {true,
              "SP 800-38F §3.1: CBC (SP 800-38A) with HMAC-SHA-256 (FIPS 198-1), two keys, "
              "encrypt then authenticate"};
    case SchemeId::kRsaOaepHmac:
    case SchemeId::kRsaOaepSign:
      return {false,
              "RSA-OAEP is approved (SP 800-56B), but the encryption runs outside the module; "
              "RSA also limits the strength to that of its modulus"};
    case SchemeId::kRsaOaepHmacSha1:
    case SchemeId::kRsaOaepSignSha1:
      break;
  }
  return {false,
          "SHA-1 in OAEP is for tokens that have nothing else, and the encryption runs outside "
          "the module"};
}

}  // namespace mortise::hsm
