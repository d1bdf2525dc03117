// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "hsm/token_keyring.h"

namespace mortise::hsm {

// Looks after one token for all keyrings that use it: searches it, proves its keys,
// opens canaries. A thread of its own, because it waits for its token and one that hangs
// must not keep the others waiting.
class TokenMonitor {
 public:
  struct Place {
    TokenKeyring* keyring;
    std::size_t token;  // this token's index in that keyring
  };

  TokenMonitor(Token& token, std::vector<Place> places);

 private:
  void Run(const std::stop_token& stop);
  void LookAfter();
  bool ScanIsDue(Clock::time_point now) const;
  config::Duration RescanInterval() const;  // the shortest of its keyrings'
  void Scan();
  std::vector<InventoryEntry> Search();
  // A key that this worker showed is gone: it may be the library that is stale.
  bool LostSomething(const std::vector<InventoryEntry>& entries);

  Token& token_;
  const std::vector<Place> places_;
  std::uint64_t incarnation_ = 0;
  Clock::time_point next_scan_{};
  bool is_searched_ = false;                             // this incarnation
  std::set<std::pair<std::string, std::string>> shown_;  // by this incarnation: label, CKA_ID
  std::jthread thread_;                                  // last: it uses the rest
};

}  // namespace mortise::hsm
