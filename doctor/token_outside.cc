// SPDX-License-Identifier: Apache-2.0
#include "doctor/token_outside.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "doctor/mechanisms.h"
#include "doctor/pin_memory.h"
#include "hsm/cryptoki/module.h"

namespace mortise::doctor {
namespace {

constexpr CK_FLAGS kErrorState = 0x01000000;  // CKF_ERROR_STATE, which the header lacks

void JudgePinFlags(const std::string& name, CK_FLAGS flags, CheckList& list) {
  if ((flags & CKF_USER_PIN_INITIALIZED) == 0) {
    list.Fail("pin", fmt::format("token {}: no user PIN has been set", name),
              "set it with the vendor's tool, as the security officer");
  } else if ((flags & CKF_USER_PIN_LOCKED) != 0) {
    list.Fail("pin", fmt::format("token {}: its user PIN is locked", name),
              "let the security officer unlock it; find out first who sent wrong ones");
  } else if ((flags & CKF_USER_PIN_FINAL_TRY) != 0) {
    list.Fail("pin", fmt::format("token {}: one try of the PIN is left", name),
              "let the security officer reset the counter before anything logs in again");
  } else if ((flags & CKF_USER_PIN_COUNT_LOW) != 0) {
    list.Fail(
        "pin", fmt::format("token {}: wrong PINs were sent since the last login", name),
        "put the right PIN into pinFile and start the service, whose first good login ends this; "
        "nothing is sent from here until then");
  } else if ((flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0) {
    list.Warn("pin", fmt::format("token {}: it wants its PIN from a keypad of its own", name),
              "use a role that logs in with a PIN from a file, or login: none");
  } else {
    list.Pass("pin", fmt::format("token {}: its user PIN is set, and no wrong one was sent", name));
  }
}

std::string SessionsWanted(const config::Token& token) {
  return fmt::format("{} × {} sessions are configured", token.workers, token.sessions);
}

}  // namespace

void JudgeFlags(const config::Token& token, const hsm::TokenDescription& seen, CheckList& list) {
  if ((seen.flags & kErrorState) != 0) {
    list.Fail("token-state", fmt::format("token {} says that it is in an error state", token.name),
              "its self-test has failed: see the HSM's own log");
  }
  if ((seen.flags & CKF_WRITE_PROTECTED) != 0 && token.read_write_sessions) {
    list.Warn("token-state", fmt::format("token {} is write-protected", token.name),
              "set readWriteSessions: false; keys are made elsewhere");
  }
  if (token.login == config::Login::kPin) JudgePinFlags(token.name, seen.flags, list);
}

void JudgeSessions(const config::Token& token, const hsm::TokenDescription& seen, CheckList& list) {
  const auto wanted = static_cast<CK_ULONG>(token.workers) * static_cast<CK_ULONG>(token.sessions);
  if (seen.max_sessions == 0) {
    return list.Pass("sessions", fmt::format("token {} names no limit of sessions; {}", token.name,
                                             SessionsWanted(token)));
  }
  const std::string shown = fmt::format("token {} has at most {} sessions; {}", token.name,
                                        seen.max_sessions, SessionsWanted(token));
  if (seen.max_sessions <= wanted) {
    return list.Warn(
        "sessions", shown,
        "set tokens[].sessions lower: each worker needs one more than its threads, and "
        "a worker that is replaced has its successor beside it");
  }
  list.Pass("sessions", shown);
}

std::vector<Check> LookAtToken(const config::Token& token, const config::Config& config) {
  CheckList list("token");
  const hsm::Module module(token.module, token.init_args);
  const CK_SLOT_ID slot = hsm::FindToken(module, token.uri);
  const hsm::TokenDescription seen = hsm::DescribeToken(module, slot);
  list.Pass("token-slot",
            fmt::format("token {}: {} is there: {} {}, serial {}, firmware {}, library "
                        "{}",
                        token.name, token.uri, seen.manufacturer, seen.model, seen.serial,
                        seen.firmware, module.library()));
  JudgeFlags(token, seen, list);
  CheckPinMemory(token, config.state_dir, seen.serial, list);
  JudgeSessions(token, seen, list);
  for (const config::Keyring& keyring : config.keyrings) {
    if (std::ranges::find(keyring.tokens, token.name) == keyring.tokens.end()) continue;
    CheckMechanisms(module.p11(), slot, token, keyring, list);
  }
  return list.checks();
}

}  // namespace mortise::doctor
