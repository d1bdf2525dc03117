// SPDX-License-Identifier: Apache-2.0
#include "hsm/generations.h"

#include <gtest/gtest.h>

namespace mortise::hsm {
namespace {

// As the token shows it that made the key, and one that somebody wrote under its name.
InventoryEntry Kek() {
  InventoryEntry entry;
  entry.label = "prod.1.20260131T1200Z.01." + ContextTag("cluster-a");
  entry.cka_id = "0123456789abcdef";
  entry.reported = (1u << kKeyAttributeCount) - 1;
  for (const KeyAttribute attribute :
       {KeyAttribute::kSensitive, KeyAttribute::kAlwaysSensitive, KeyAttribute::kNeverExtractable,
        KeyAttribute::kLocal, KeyAttribute::kPrivate, KeyAttribute::kEncrypt,
        KeyAttribute::kDecrypt}) {
    entry.values |= 1u << static_cast<unsigned>(attribute);
  }
  return entry;
}
InventoryEntry Planted() {
  InventoryEntry entry = Kek();
  entry.values &= ~(1u << static_cast<unsigned>(KeyAttribute::kNeverExtractable));
  return entry;
}

TEST(GenerationsTest, JudgeAKeyByItsBestObjectWhateverTheOrder) {
  config::Keyring keyring;
  keyring.name = "prod";
  keyring.context = "cluster-a";
  for (const auto& entries :
       {std::vector{Planted(), Kek(), Planted()}, std::vector{Kek(), Planted()}}) {
    Generations generations(keyring, {config::Token{}});
    EXPECT_TRUE(generations.OnInventory(0, entries, Clock::now()).empty());
  }
}

}  // namespace
}  // namespace mortise::hsm
