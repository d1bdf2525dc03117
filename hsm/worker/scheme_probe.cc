// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/scheme_probe.h"

#include <algorithm>
#include <array>
#include <memory>

#include "base/error.h"
#include "hsm/scheme/aes_cbc_hmac.h"
#include "hsm/scheme/aes_gcm.h"
#include "hsm/scheme/aes_kwp.h"
#include "hsm/scheme/rsa_oaep.h"
#include "hsm/worker/self_test.h"
#include "hsm/worker/throw_away_keys.h"

namespace mortise::hsm {
namespace {

using config::IvMode;
using enum SchemeId;

// In order of preference.
constexpr IvMode kIvModes[] = {IvMode::kWrittenBack, IvMode::kAppended, IvMode::kPrepended,
                               IvMode::kMessageRandom, IvMode::kCaller};

struct Choice {
  SchemeId scheme;
  IvMode iv_mode;
  int rank;  // equal ones are equally good; the lowest is the best
};
constexpr Choice kChoices[] = {
    {kAesGcm, IvMode::kWrittenBack, 0},   {kAesGcm, IvMode::kAppended, 0},
    {kAesGcm, IvMode::kPrepended, 0},     {kAesKwp, IvMode::kAuto, 1},
    {kAesGcm, IvMode::kMessageRandom, 2}, {kAesGcm, IvMode::kCaller, 3},
    {kAesCbcHmac, IvMode::kAuto, 4},      {kRsaOaepHmac, IvMode::kAuto, 5},
    {kRsaOaepSign, IvMode::kAuto, 6},
};

std::unique_ptr<Scheme> MakeScheme(SchemeId scheme, IvMode iv_mode) {
  switch (scheme) {
    case kAesGcm:
    case kAesGcmPrepended:
      return std::make_unique<AesGcm>(iv_mode);
    case kAesKwp:
      return std::make_unique<AesKwp>();
    case kAesCbcHmac:
      return std::make_unique<AesCbcHmac>();
    default:
      return std::make_unique<RsaOaep>(scheme);
  }
}

bool HasCipher(const Session& session, CK_MECHANISM_TYPE mechanism) {
  return session.HasMechanism(mechanism, CKF_ENCRYPT | CKF_DECRYPT);
}

bool OffersGcm(const Session& session, IvMode iv_mode) {
  if (iv_mode == IvMode::kPrepended) return HasCipher(session, CKM_CLOUDHSM_AES_GCM);
  if (iv_mode == IvMode::kMessageRandom && !session.HasMessages()) return false;
  return HasCipher(session, CKM_AES_GCM);
}

bool Offers(const Session& session, SchemeId scheme, IvMode iv_mode) {
  const auto has_signer = [&] {
    return session.HasMechanism(CKM_EDDSA, CKF_SIGN) || session.HasMechanism(CKM_ECDSA, CKF_SIGN);
  };
  const auto has_mac = [&] { return session.HasMechanism(CKM_SHA256_HMAC, CKF_SIGN); };
  switch (scheme) {
    case kAesGcm:
    case kAesGcmPrepended:
      return OffersGcm(session, iv_mode);
    case kAesKwp:
      return HasCipher(session, CKM_AES_KEY_WRAP_KWP);
    case kAesCbcHmac:
      return HasCipher(session, CKM_AES_CBC) && has_mac();
    case kRsaOaepHmac:
    case kRsaOaepHmacSha1:
      return session.HasMechanism(CKM_RSA_PKCS_OAEP, CKF_DECRYPT) && has_mac();
    case kRsaOaepSign:
    case kRsaOaepSignSha1:
      return session.HasMechanism(CKM_RSA_PKCS_OAEP, CKF_DECRYPT) && has_signer();
  }
  return false;
}

// Vendors refuse what they forbid by codes of their own, which read like a dead device.
void RequireThatTokenAnswers(const Session& session) {
  std::array<std::uint8_t, 1> random;
  session.Another().FillRandom(random);
}

ProbeResult Probe(const Session& session, ThrowAwayKeys& keys, SchemeId scheme, IvMode iv_mode) {
  ProbeResult result{.scheme = scheme, .iv_mode = iv_mode};
  if (!Offers(session, scheme, iv_mode)) {
    result.why = "the token does not offer it";
    return result;
  }
  try {
    result.verdict = ProbeVerdict::kUntried;
    const KekObjects objects = keys.For(scheme);
    result.verdict = ProbeVerdict::kRefused;
    const std::unique_ptr<Scheme> tried = MakeScheme(scheme, iv_mode);
    SessionKeeper keeper(session.Another());
    SelfTest(keeper, {*tried, scheme, objects, {Purpose::kSelfTest, "probe", "probe", "probe"}});
    result.verdict = ProbeVerdict::kProved;
  } catch (const Error& error) {
    // A token short of sessions has not said anything about the scheme.
    if (error.ckr() == CKR_SESSION_COUNT) throw;
    RequireThatTokenAnswers(session);
    result.why = error.what();
  }
  return result;
}

bool IsProved(const ProbeTable& table, const Choice& choice) {
  return std::ranges::any_of(table, [&](const ProbeResult& result) {
    return result.scheme == choice.scheme && result.iv_mode == choice.iv_mode &&
           result.verdict == ProbeVerdict::kProved;
  });
}

// Of a scheme on one token, by its best IV mode; nothing where none is proved.
std::optional<int> RankOf(SchemeId scheme, const ProbeTable& table) {
  for (const Choice& choice : kChoices) {
    if (choice.scheme == scheme && IsProved(table, choice)) return choice.rank;
  }
  return std::nullopt;
}

// A chain is as strong as its weakest token.
std::optional<int> WorstRank(SchemeId scheme, std::span<const ProbeTable> tokens) {
  int worst = 0;
  for (const ProbeTable& table : tokens) {
    const std::optional<int> rank = RankOf(scheme, table);
    if (!rank) return std::nullopt;
    worst = std::max(worst, *rank);
  }
  return worst;
}

}  // namespace

ProbeResult ProbeScheme(const Session& session, SchemeId scheme, IvMode iv_mode) {
  ThrowAwayKeys keys(session.Another());
  return Probe(session, keys, scheme, iv_mode);
}

ProbeTable ProbeAll(const Session& session) {
  ThrowAwayKeys keys(session.Another());
  ProbeTable table;
  for (const IvMode iv_mode : kIvModes) {
    table.push_back(Probe(session, keys, kAesGcm, iv_mode));
  }
  for (const SchemeId scheme :
       {kAesKwp, kAesCbcHmac, kRsaOaepHmac, kRsaOaepSign, kRsaOaepHmacSha1, kRsaOaepSignSha1}) {
    table.push_back(Probe(session, keys, scheme, IvMode::kAuto));
  }
  return table;
}

IvMode FindIvMode(const Session& session) {
  ThrowAwayKeys keys(session.Another());
  std::string refusals;
  for (const IvMode iv_mode : kIvModes) {
    const ProbeResult result = Probe(session, keys, kAesGcm, iv_mode);
    if (result.verdict == ProbeVerdict::kProved) return iv_mode;
    if (result.verdict == ProbeVerdict::kUntried) {
      throw Error(
          Reason::kKeyRefused,
          "the token makes no throw-away key on which its GCM IV mode could be found out (" +
              result.why + "); set tokens[].ivMode as the vendor's page says");
    }
    if (result.verdict == ProbeVerdict::kRefused) refusals = result.why;
  }
  throw Error(Reason::kKeyRefused,
              "the token proves AES-GCM in no IV mode" +
                  (refusals.empty() ? "" : " (" + refusals + ")") +
                  "; use another scheme, `mortise doctor` tells which it proves");
}

std::optional<SchemeId> BestScheme(std::span<const ProbeTable> tokens) {
  std::optional<SchemeId> best;
  std::optional<int> best_rank;
  for (const SchemeId scheme : {kAesGcm, kAesKwp, kAesCbcHmac, kRsaOaepHmac, kRsaOaepSign}) {
    const std::optional<int> rank = WorstRank(scheme, tokens);
    if (!rank || (best_rank && *best_rank <= *rank)) continue;
    best = scheme;
    best_rank = rank;
  }
  return best;
}

std::string_view Name(ProbeVerdict verdict) {
  switch (verdict) {
    case ProbeVerdict::kProved:
      return "proved";
    case ProbeVerdict::kRefused:
      return "refused";
    case ProbeVerdict::kNotOffered:
      return "not offered";
    case ProbeVerdict::kUntried:
      break;
  }
  return "not tried";
}

}  // namespace mortise::hsm
