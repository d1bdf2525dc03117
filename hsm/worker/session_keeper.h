// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "hsm/cryptoki/session.h"

namespace mortise::hsm {

// One thread's session. Replaced after every error: an operation that failed may have
// left it wedged, and no standard call mends that on every token.
class SessionKeeper {
 public:
  SessionKeeper(const Module& module, CK_SLOT_ID slot, bool read_write)
      : module_(module), slot_(slot), read_write_(read_write), session_(module, slot, read_write) {}

  const Session& session() const { return session_; }

  // The new one is opened before the old one closes: closing a token's last session
  // would log out. Throws Error when there is none to be had.
  void Renew() { session_ = Session(module_, slot_, read_write_); }

 private:
  const Module& module_;
  CK_SLOT_ID slot_;
  bool read_write_;
  Session session_;
};

}  // namespace mortise::hsm
