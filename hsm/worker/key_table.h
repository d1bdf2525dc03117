// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "hsm/cryptoki/attributes.h"
#include "hsm/scheme/kek_objects.h"
#include "hsm/worker/key_proof.h"
#include "hsm/worker/message.h"

namespace mortise::hsm {

// A key object of the token, as long as this worker lives.
struct HeldKey {
  CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
  InventoryEntry entry;
  std::optional<PublicKey> public_key;  // of a private key, where the token tells it
  KeyProof proof;
  std::atomic<bool> opens_canary{false};  // in this worker's life it did
};

// The objects of a KEK that are used together. What is proved is proved of the wrap key;
// which authenticator goes with it is told by opens_canary of both.
struct HeldKek {
  std::shared_ptr<HeldKey> wrap;
  std::shared_ptr<HeldKey> authenticator;  // null where the scheme has none

  KekObjects objects() const;
};

// The keys of the token that carry a label of ours, or a name that was asked for; immutable,
// replaced by a rescan. Names alone decide here; what may be used for what is the front's
// to judge.
class KeyTable {
 public:
  // One search pass for each class and key type in use: MAC and signer keys are not looked for
  // where no label tells of a scheme that has them. Keys that `previous` held with the same
  // attributes keep their state.
  static std::shared_ptr<const KeyTable> Scan(const Session& session, const KeyTable* previous,
                                              const std::set<NameDigest>& wanted = {});

  // All objects of that name, the most credible first. More than one means that some were
  // planted or copied.
  using Keys = std::span<const std::shared_ptr<HeldKey>>;
  Keys FindAll(std::string_view label, std::string_view cka_id) const;
  std::shared_ptr<HeldKey> Find(std::string_view label, std::string_view cka_id) const;
  InventoryPage Page(std::uint16_t number) const;

 private:
  std::vector<std::shared_ptr<HeldKey>> keys_;  // by name, then as FindAll tells
};

}  // namespace mortise::hsm
