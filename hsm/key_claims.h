// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace mortise::hsm {

// Which keyring of this process uses which object of a token, where keysFiles say so: a key
// belongs to one keyring, and who came first keeps it. Thread-safe.
class KeyClaims {
 public:
  // Replaces what `keyring` claims on `token` by these CKA_IDs. Gives those that another
  // keyring has claimed before, with its name.
  std::map<std::string, std::string> Claim(const std::string& token, const std::string& keyring,
                                           const std::set<std::string>& cka_ids);

 private:
  std::mutex mutex_;
  // By token and CKA_ID; guarded by mutex_.
  std::map<std::pair<std::string, std::string>, std::string> keyrings_;
};

}  // namespace mortise::hsm
