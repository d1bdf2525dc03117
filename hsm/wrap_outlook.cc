// SPDX-License-Identifier: Apache-2.0
#include "hsm/wrap_outlook.h"

#include "base/error.h"
#include "hsm/key_policy.h"
#include "hsm/worker/scheme_probe.h"

namespace mortise::hsm {
namespace {

WrapOutlook OutlookOfGcm(const Session& session, config::IvMode configured) {
  if (configured == config::IvMode::kAuto) {
    try {
      return {.iv_mode = FindIvMode(session), .problem = {}};
    } catch (const Error& error) {
      return {.iv_mode = configured, .problem = error.what()};
    }
  }
  const ProbeResult result = ProbeScheme(session, SchemeId::kAesGcm, configured);
  if (result.verdict == ProbeVerdict::kProved || result.verdict == ProbeVerdict::kUntried)
    return {.iv_mode = configured, .problem = {}};
  return {.iv_mode = config::IvMode::kAuto,
          .problem = "the token does not make GCM's IVs in the way that tokens[].ivMode names: " +
                     result.why};
}

}  // namespace

WrapOutlook OutlookOf(const Session& session, SchemeId scheme, const config::Token& token,
                      const config::KeyPolicy& policy) {
  if (scheme != SchemeId::kAesGcm)
    return {.iv_mode = config::IvMode::kAuto, .problem = SchemeProblem(scheme, policy)};
  WrapOutlook outlook = OutlookOfGcm(session, token.iv_mode);
  if (outlook.problem.empty() && outlook.iv_mode == config::IvMode::kCaller &&
      policy.mode == config::PolicyMode::kFips)
    outlook.problem = "policy mode fips forbids IVs that the token did not make";
  return outlook;
}

}  // namespace mortise::hsm
