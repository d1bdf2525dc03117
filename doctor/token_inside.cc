// SPDX-License-Identifier: Apache-2.0
#include "doctor/token_inside.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "doctor/crypto.h"
#include "doctor/keys.h"
#include "doctor/performance.h"
#include "doctor/schemes.h"
#include "hsm/cryptoki/slot.h"
#include "hsm/opened_token.h"
#include "hsm/worker/login.h"
#include "hsm/worker/session_keeper.h"

namespace mortise::doctor {
namespace {

// Where the latch could not remember a rejected PIN, or would leave a file that the service
// cannot read, no PIN is sent.
std::string WhyNotRemembered(const std::string& state_dir) {
  const std::string folder = state_dir + "/pin-latch";
  struct stat status {};
  if (stat(folder.c_str(), &status) != 0) return folder + " is not there yet";
  if (status.st_uid != geteuid()) return folder + " belongs to another user";
  if (access(folder.c_str(), W_OK | X_OK) != 0) return folder + " cannot be written";
  return {};
}

// Whether the keys can be seen.
bool LogIn(const hsm::Module& module, CK_SLOT_ID slot, const hsm::SessionKeeper& keeper,
           const config::Token& token, const std::string& state_dir, CheckList& list) {
  if (token.login == config::Login::kNone) return true;
  if (const std::string why = WhyNotRemembered(state_dir); !why.empty()) {
    list.Skip("login", fmt::format("token {}: not logged in, because a rejected PIN could not be "
                                   "remembered: {}; run `mortise token pin --verify` with the same "
                                   "configuration first, as the user that serves",
                                   token.name, why));
    return false;
  }
  try {
    hsm::Hello login = hsm::Credentials::ToServe(token).ForLogin(token, state_dir);
    login.unrecorded_login = hsm::UnrecordedLogin::kRefused;
    hsm::LogIn(module, slot, keeper.session(), login);
  } catch (const Error& error) {
    const auto [what, hint] = TakeApart(error.what(), "see that the HSM lets this client log in");
    list.Fail("login", what, hint);
    return false;
  }
  list.Pass("login", fmt::format("token {}: it took the PIN", token.name));
  return true;
}

std::vector<config::Keyring> KeyringsOf(const config::Token& token, const config::Config& config) {
  std::vector<config::Keyring> keyrings;
  std::ranges::copy_if(
      config.keyrings, std::back_inserter(keyrings), [&](const config::Keyring& keyring) {
        return std::ranges::find(keyring.tokens, token.name) != keyring.tokens.end();
      });
  return keyrings;
}

void Append(std::vector<Check>& all, const CheckList& list) {
  all.insert(all.end(), list.checks().begin(), list.checks().end());
}

}  // namespace

std::vector<Check> LookInside(const config::Token& token, const config::Config& config,
                              const TokensOrder& order) {
  CheckList of_token("token"), of_keys("key"), of_crypto("crypto"), of_speed("performance");
  const hsm::Module module(token.module, token.init_args);
  const CK_SLOT_ID slot = hsm::FindToken(module, token.uri);
  hsm::SessionKeeper keeper(module, slot, token.read_write_sessions);
  std::vector<Check> all;
  const bool is_inside = LogIn(module, slot, keeper, token, config.state_dir, of_token);
  if (is_inside && order.wants_inside) {
    const auto table =
        hsm::KeyTable::Scan(keeper.session(), nullptr, ListedObjects(config.keyrings));
    TokenCrypto crypto(keeper, *table, token);
    const std::vector<config::Keyring> keyrings = KeyringsOf(token, config);
    crypto.ProveToken(of_crypto);
    JudgeSchemes(TrySchemes(keeper.session(), token, keyrings), token, keyrings, of_crypto);
    for (const config::Keyring& keyring : keyrings) {
      for (const KnownKek& kek : CheckKeys(*table, token, keyring, config.state_dir, of_keys)) {
        crypto.OpenCanary(kek, keyring, of_crypto);
        crypto.CheckWrap(kek, keyring, of_crypto);
      }
    }
    CheckPerformance(crypto, token, order.timeout, of_speed);
  }
  for (const CheckList* list : {&of_token, &of_keys, &of_crypto, &of_speed}) Append(all, *list);
  return all;
}

}  // namespace mortise::doctor
