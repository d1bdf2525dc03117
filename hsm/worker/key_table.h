// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "hsm/cryptoki/attributes.h"
#include "hsm/worker/message.h"

namespace mortise::hsm {

// A key object of the token, as long as this worker lives.
struct HeldKey {
  CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
  InventoryEntry entry;
  // When an unwrap last proved this key, and when its canary was last tried and how it
  // went: what an ambiguous return code is judged by. Shared by the worker's threads.
  std::atomic<Clock::rep> last_proof{0};
  std::atomic<Clock::rep> last_canary{0};
  std::atomic<bool> canary_opened{false};
};

// The keys of the token that carry a label of ours; immutable, replaced by a rescan.
// Labels alone decide here; what may be used for what is the front's to judge.
class KeyTable {
 public:
  // One search pass. Keys that `previous` held keep their state, and come first among
  // objects of equal label and id, so that a newcomer never takes a served key's place.
  static std::shared_ptr<const KeyTable> Scan(const Session& session, const KeyTable* previous);

  std::shared_ptr<HeldKey> Find(std::string_view label, std::string_view cka_id) const;
  InventoryPage Page(std::uint16_t number) const;

 private:
  std::vector<std::shared_ptr<HeldKey>> keys_;
  std::unordered_map<std::string, std::shared_ptr<HeldKey>> by_name_;
};

}  // namespace mortise::hsm
