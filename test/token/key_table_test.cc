// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/key_table.h"

#include <gtest/gtest.h>

#include "hsm/opened_token.h"
#include "hsm/state_dir.h"
#include "test/support/key_maker.h"
#include "test/support/softhsm_token.h"

namespace mortise::hsm {
namespace {

// A token with one key whose attributes can be changed.
class KeyTableTest : public ::testing::Test {
 protected:
  KeyTableTest() {
    test::MakeKey(token_, {.is_planted = true});
    token_.Export();
    StateDir make(state_dir_);
    const config::AdminConfig admin{{{.name = "test", .pin_file = token_.pin_file()}}};
    const config::Token token = token_.ToConfig();
    opened_.emplace(token, Credentials::ToAdminister(token, admin), state_dir_);
  }

  std::shared_ptr<const KeyTable> Scan(const KeyTable* previous) {
    return KeyTable::Scan(opened_->session(), previous);
  }
  static std::shared_ptr<HeldKey> TheKeyOf(const KeyTable& table) {
    const InventoryEntry entry = table.Page(0).entries.at(0);
    return table.Find(entry.label, entry.cka_id);
  }
  void ForbidToWrap(const HeldKey& key) {
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE wrap{CKA_WRAP, &no, sizeof(no)};
    const Session& session = opened_->session();
    ASSERT_EQ(session.p11().C_SetAttributeValue(session.handle(), key.handle, &wrap, 1), CKR_OK);
  }

  test::SoftHsmToken token_;
  std::string state_dir_ = token_.folder() + "/state";
  std::optional<OpenedToken> opened_;
};

TEST_F(KeyTableTest, KeepsWhatIsKnownOfAKeyThatIsAsItWas) {
  const auto before = Scan(nullptr);
  const auto after = Scan(before.get());
  EXPECT_EQ(TheKeyOf(*after), TheKeyOf(*before));
}

TEST_F(KeyTableTest, ShowsChangedAttributesAndForgetsWhatWasProvedBefore) {
  const auto before = Scan(nullptr);
  const auto key = TheKeyOf(*before);
  key->opens_canary = true;
  ForbidToWrap(*key);
  const auto after = Scan(before.get());
  const auto changed = TheKeyOf(*after);
  EXPECT_FALSE(changed->entry.values & 1u << static_cast<unsigned>(KeyAttribute::kWrap));
  EXPECT_FALSE(changed->opens_canary);
  EXPECT_EQ(TheKeyOf(*Scan(after.get())), changed);
}

}  // namespace
}  // namespace mortise::hsm
