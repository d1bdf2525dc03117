// SPDX-License-Identifier: Apache-2.0
#include "hsm/opened_token.h"

#include <algorithm>

#include "base/error.h"
#include "hsm/cryptoki/slot.h"
#include "hsm/worker/login.h"

namespace mortise::hsm {

Credentials Credentials::ToServe(const config::Token& token) {
  return {.pin_file = token.pin_file,
          .user_type = token.user_type,
          .latch_name = token.name,
          .login = token.login == config::Login::kPin};
}

Credentials Credentials::ToAdminister(const config::Token& token,
                                      const config::AdminConfig& admin) {
  const auto found = std::ranges::find(admin.tokens, token.name, &config::AdminToken::name);
  if (found == admin.tokens.end()) {
    throw Error(Reason::kConfig, "the admin file does not name token " + token.name +
                                     "; add {name: " + token.name +
                                     ", pinFile: ...} to its `tokens`");
  }
  // One role has one PIN and one failure counter, so it has one latch, whoever logs in.
  const bool is_same_role = found->user_type == token.user_type;
  return {.pin_file = found->pin_file,
          .user_type = found->user_type,
          .latch_name = LatchNames(token.name)[is_same_role ? 0 : 1]};
}

std::vector<std::string> Credentials::LatchNames(const std::string& token_name) {
  return {token_name, token_name + ".admin"};
}

Hello Credentials::ForLogin(const config::Token& token, const std::string& state_dir) const {
  return {.build_id = {},
          .token_name = latch_name,
          .module = token.module,
          .uri = token.uri,
          .pin_file = pin_file,
          .user_type = user_type,
          .init_args = token.init_args,
          .state_dir = state_dir};
}

OpenedToken::OpenedToken(const config::Token& token, const Credentials& credentials,
                         const std::string& state_dir)
    : module_(token.module, token.init_args),
      slot_(FindToken(module_, token.uri)),
      keeper_(module_, slot_, true) {
  if (!credentials.login) return;
  LogIn(module_, slot_, keeper_.session(), credentials.ForLogin(token, state_dir));
}

}  // namespace mortise::hsm
