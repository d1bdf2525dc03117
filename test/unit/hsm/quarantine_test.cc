// SPDX-License-Identifier: Apache-2.0
#include "hsm/quarantine.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "test/support/matchers.h"
#include "test/support/temp_dir.h"

namespace mortise::hsm {
namespace {

using test::ThrowsError;
using ::testing::ElementsAre;

const std::string kKeyId = "prod.3.d8bbac413711cbb9";

class QuarantineTest : public ::testing::Test {
 protected:
  QuarantineTest() {
    std::filesystem::create_directory(folder_ / "quarantine");
    std::filesystem::create_directory(folder_ / "tombstones");
  }
  test::TempDir folder_;
};

TEST_F(QuarantineTest, IsTheNamesOfItsFiles) {
  EXPECT_TRUE(QuarantinedKeys(folder_.path()).empty());
  WriteFileAtomically(folder_ / "quarantine/" + kKeyId, "");
  EXPECT_THAT(QuarantinedKeys(folder_.path()), ElementsAre(kKeyId));
  RemoveFile(folder_ / "quarantine/" + kKeyId);
  EXPECT_TRUE(QuarantinedKeys(folder_.path()).empty());
}

TEST_F(QuarantineTest, PassesOverFilesThatNameNoKey) {
  for (const std::string& name :
       {std::string("README"), kKeyId + ".Xy12ab", std::string(".hidden")}) {
    WriteFileAtomically(folder_ / "quarantine/" + name, "");
  }
  EXPECT_TRUE(QuarantinedKeys(folder_.path()).empty());
}

TEST_F(QuarantineTest, HoldsADestroyedKeyEvenWhenItsTombstoneIsDamaged) {
  WriteFileAtomically(folder_ / "tombstones/" + kKeyId + ".json", "{");
  WriteFileAtomically(folder_ / "tombstones/" + kKeyId + ".json.Xy12ab", "{");
  EXPECT_THAT(DestroyedKeys(folder_.path()), ElementsAre(kKeyId));
}

TEST_F(QuarantineTest, IsEmptyWithoutAFolder) {
  EXPECT_TRUE(QuarantinedKeys(folder_ / "none").empty());
  EXPECT_TRUE(DestroyedKeys(folder_ / "none").empty());
}

TEST_F(QuarantineTest, IsNotTakenForEmptyWhenItCannotBeRead) {
  std::filesystem::remove(folder_ / "quarantine");
  WriteFileAtomically(folder_ / "quarantine", "");
  EXPECT_THAT([&] { QuarantinedKeys(folder_.path()); },
              ThrowsError(Reason::kStateUnusable, "quarantine"));
}

}  // namespace
}  // namespace mortise::hsm
