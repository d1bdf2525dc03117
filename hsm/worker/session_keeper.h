// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "hsm/cryptoki/session.h"

namespace mortise::hsm {

// One thread's session. Replaced after every error: an operation that failed may have
// left it wedged, and no standard call mends that on every token.
class SessionKeeper {
 public:
  SessionKeeper(const Module& module, CK_SLOT_ID slot, bool read_write)
      : session_(module, slot, read_write) {}
  explicit SessionKeeper(Session session) : session_(std::move(session)) {}

  const Session& session() const { return session_; }

  // The new one is opened before the old one closes: closing a token's last session
  // would log out. Throws Error when there is none to be had.
  void Renew() { session_ = session_.Another(); }

 private:
  Session session_;
};

}  // namespace mortise::hsm
