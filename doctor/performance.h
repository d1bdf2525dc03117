// SPDX-License-Identifier: Apache-2.0
// Category performance: how long one unwrap takes, against how long anybody waits.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "doctor/check.h"
#include "doctor/crypto.h"

namespace mortise::doctor {

// 200 unwraps by one session, or as many as half a minute has.
void CheckPerformance(TokenCrypto& crypto, const config::Token& token, config::Duration timeout,
                      CheckList& list);

// `of` says what was unwrapped; `timeout` is kube-apiserver's.
void JudgePerformance(std::vector<Clock::duration> took, const std::string& of,
                      const config::Token& token, config::Duration timeout, CheckList& list);

}  // namespace mortise::doctor
