// SPDX-License-Identifier: Apache-2.0
#include "hsm/key_claims.h"

namespace mortise::hsm {

std::map<std::string, std::string> KeyClaims::Claim(const std::string& token,
                                                    const std::string& keyring,
                                                    const std::set<std::string>& cka_ids) {
  const std::lock_guard lock(mutex_);
  std::erase_if(keyrings_, [&](const auto& claim) {
    return claim.first.first == token && claim.second == keyring &&
           !cka_ids.contains(claim.first.second);
  });
  std::map<std::string, std::string> of_others;
  for (const std::string& id : cka_ids) {
    const auto [claim, is_new] = keyrings_.try_emplace({token, id}, keyring);
    if (claim->second != keyring) of_others.emplace(id, claim->second);
  }
  return of_others;
}

}  // namespace mortise::hsm
