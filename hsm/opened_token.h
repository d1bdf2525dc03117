// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "hsm/cryptoki/module.h"
#include "hsm/worker/message.h"
#include "hsm/worker/session_keeper.h"

namespace mortise::hsm {

// Who logs in to a token, and by which PIN latch.
struct Credentials {
  std::string pin_file;
  std::string user_type;
  std::string latch_name;
  bool login = true;

  // Those of the service.
  static Credentials ToServe(const config::Token& token);
  // Those that make and destroy keys, from the admin file alone. Throws Error(kConfig)
  // where it does not name the token.
  static Credentials ToAdminister(const config::Token& token, const config::AdminConfig& admin);
  // What LogIn wants to know; without what only a worker's start does.
  Hello ForLogin(const config::Token& token, const std::string& state_dir) const;
  // All latches that a token may have.
  static std::vector<std::string> LatchNames(const std::string& token_name);
};

// A token, opened by a short-lived command in a process that serves nobody, with the
// library loaded into this process. The token's `environment` is set beforehand. The
// latch's folder is below `state_dir`, which exists. Throws Error.
class OpenedToken {
 public:
  OpenedToken(const config::Token& token, const Credentials& credentials,
              const std::string& state_dir);

  SessionKeeper& keeper() { return keeper_; }
  const Module& module() const { return module_; }
  CK_SLOT_ID slot() const { return slot_; }
  const Session& session() const { return keeper_.session(); }

 private:
  Module module_;
  CK_SLOT_ID slot_;
  SessionKeeper keeper_;
};

}  // namespace mortise::hsm
