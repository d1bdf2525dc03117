// SPDX-License-Identifier: Apache-2.0
#include "hsm/canary_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <numeric>

#include "base/file.h"
#include "hsm/scheme/envelope.h"
#include "test/support/matchers.h"
#include "test/support/read_only.h"
#include "test/support/temp_dir.h"

namespace mortise::hsm {
namespace {

using test::ThrowsError;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Bytes Counting(std::size_t size) {
  Bytes bytes(size);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  return bytes;
}

Canary CanaryOf(const std::string& key_id) {
  return {.key_id = key_id,
          .first_seen = ParseTime("2026-01-31T12:00:00Z"),
          .source = CanarySource::kFirstUse,
          .token = "hsm-a",
          .blob = Serialize(SchemeId::kAesGcm, Counting(12), Counting(32), Counting(16)),
          .proof = CanaryProof(Counting(32))};
}

const Canary kCanary = CanaryOf("prod.3.d8bbac413711cbb9");
// The released form.
const std::string kLine =
    R"({"v":1,"keyId":"prod.3.d8bbac413711cbb9","firstSeen":"2026-01-31T12:00:00Z",)"
    R"("source":"first-use","token":"hsm-a","blob":"AQEMEAABAgMEBQYHCAkKCwABAgMEBQYHCAkKCwwNDg8QE)"
    R"(RITFBUWFxgZGhscHR4fAAECAwQFBgcICQoLDA0ODw==",)"
    R"("proof":"895fcf2809c10b5d7033b8c784f10abef1656953c681eaef04e25aa208a0e496"})";

std::string Replaced(std::string text, const std::string& old_part, const std::string& new_part) {
  return text.replace(text.find(old_part), old_part.size(), new_part);
}

// One mistake each.
const std::vector<std::string> kDamaged = {
    "{",
    "[]",
    "7",
    Replaced(kLine, R"("v":1,)", ""),
    Replaced(kLine, R"("v":1,)", R"("v":0,)"),
    Replaced(kLine, R"("v":1,)", R"("v":"1",)"),
    Replaced(kLine, "prod.3.", "../3."),
    Replaced(kLine, "2026-01-31T12:00:00Z", "today"),
    Replaced(kLine, "first-use", "hearsay"),
    Replaced(kLine, R"("token":"hsm-a",)", ""),
    Replaced(kLine, R"("hsm-a")", "7"),
    Replaced(kLine, "AQEM", "!!!!"),
    Replaced(kLine, "AQEM", "AgEM"),
    Replaced(kLine, "895f", "89"),
    Replaced(kLine, "895f", "zzzz"),
    kLine.substr(0, kLine.size() / 2),
};

class CanaryStoreTest : public ::testing::Test {
 protected:
  CanaryStoreTest() { std::filesystem::create_directory(folder_ / "canaries"); }
  test::TempDir folder_;
  std::string path_ = folder_ / "canaries/prod.3.d8bbac413711cbb9.json";
  CanaryStore store_{folder_.path()};
};

TEST_F(CanaryStoreTest, WritesTheReleasedForm) {
  store_.Save(kCanary);
  EXPECT_EQ(ReadFile(path_), kLine + "\n");
}

TEST_F(CanaryStoreTest, GivesBackWhatWasSaved) {
  const Canary other = CanaryOf("prod.4.d8bbac413711cbb9");
  store_.Save(other);
  store_.Save(kCanary);
  const LoadedCanaries loaded = store_.Load();
  EXPECT_EQ(loaded.canaries, (std::vector<Canary>{kCanary, other}));
  EXPECT_TRUE(loaded.problems.empty());
}

TEST_F(CanaryStoreTest, IsEmptyWithoutAFolder) {
  std::filesystem::remove(folder_ / "canaries");
  EXPECT_TRUE(store_.Load().canaries.empty());
  EXPECT_TRUE(store_.Load().problems.empty());
}

TEST_F(CanaryStoreTest, PassesOverADamagedFileAndNamesIt) {
  store_.Save(CanaryOf("prod.4.d8bbac413711cbb9"));
  for (const std::string& text : kDamaged) {
    WriteFileAtomically(path_, text);
    const LoadedCanaries loaded = store_.Load();
    EXPECT_EQ(loaded.canaries.size(), 1u) << text;
    EXPECT_THAT(loaded.problems, ElementsAre(HasSubstr(path_))) << text;
  }
}

TEST_F(CanaryStoreTest, NeverWritesOverADamagedFile) {
  for (const std::string& text : kDamaged) {
    WriteFileAtomically(path_, text);
    EXPECT_THAT([&] { store_.Save(kCanary); }, ThrowsError(Reason::kStateUnusable, path_));
    EXPECT_EQ(ReadFile(path_), text);
  }
}

TEST_F(CanaryStoreTest, ReadsANewerFileAndNeverWritesOverIt) {
  const std::string newer = Replaced(kLine, R"("v":1,)", R"("v":2,"more":{},)");
  WriteFileAtomically(path_, newer);
  EXPECT_THAT(store_.Load().canaries, ElementsAre(kCanary));
  EXPECT_THAT([&] { store_.Save(kCanary); }, ThrowsError(Reason::kStateUnusable, "newer version"));
  EXPECT_EQ(ReadFile(path_), newer);
}

TEST_F(CanaryStoreTest, ProvesNothingByAFileNamedForAnotherKey) {
  WriteFileAtomically(folder_ / "canaries/prod.9.d8bbac413711cbb9.json", kLine);
  EXPECT_TRUE(store_.Load().canaries.empty());
  EXPECT_THAT(store_.Load().problems, ElementsAre(HasSubstr("about another key")));
}

TEST_F(CanaryStoreTest, PassesOverTemporaryFiles) {
  WriteFileAtomically(path_ + ".Xy12ab", "half");
  EXPECT_TRUE(store_.Load().problems.empty());
}

TEST_F(CanaryStoreTest, IsStillReadInAReadOnlyFolder) {
  store_.Save(kCanary);
  const test::ReadOnly read_only(folder_.path());
  EXPECT_THAT(store_.Load().canaries, ElementsAre(kCanary));
  EXPECT_THAT([&] { store_.Save(CanaryOf("prod.4.d8bbac413711cbb9")); },
              ThrowsError(Reason::kStateUnusable));
}

TEST_F(CanaryStoreTest, RefusesAKeyIdThatIsNone) {
  EXPECT_THAT([&] { store_.Save(CanaryOf("../../etc/passwd")); }, ThrowsError(Reason::kInternal));
}

TEST(CanaryProofTest, IsTheReleasedVector) {
  EXPECT_EQ(ToHex(CanaryProof(Counting(32))),
            "895fcf2809c10b5d7033b8c784f10abef1656953c681eaef04e25aa208a0e496");
}

TEST(CanaryProofTest, IsAnotherForBytesOfAnotherLength) {
  EXPECT_NE(CanaryProof(Counting(31)), CanaryProof(Counting(32)));
}

class PinnedCanariesTest : public ::testing::Test {
 protected:
  std::vector<Canary> Read(const std::string& text) const {
    WriteFileAtomically(path_, text);
    return ReadPinnedCanaries(path_);
  }
  test::TempDir folder_;
  std::string path_ = folder_ / "canaries.jsonl";
};

TEST_F(PinnedCanariesTest, AreOneALineAndCountAsPinned) {
  Canary first = kCanary, second = CanaryOf("prod.4.d8bbac413711cbb9");
  first.source = second.source = CanarySource::kPinned;
  EXPECT_THAT(Read(kLine + "\n\n  \r\n" + FormatCanary(second)), ElementsAre(first, second));
  EXPECT_TRUE(Read("").empty());
}

TEST_F(PinnedCanariesTest, AreRefusedAltogetherForOneMistakeWhichIsNamed) {
  for (const std::string& text : kDamaged) {
    EXPECT_THAT([&] { Read(kLine + "\n" + text + "\n"); },
                ThrowsError(Reason::kConfig, path_ + ":2: "))
        << text;
  }
}

TEST_F(PinnedCanariesTest, AreRefusedWhenAKeyHasTwo) {
  EXPECT_THAT([&] { Read(kLine + "\n" + kLine + "\n"); },
              ThrowsError(Reason::kConfig, ":2: a second canary of prod.3."));
}

TEST_F(PinnedCanariesTest, AreRefusedFromAFileThatOthersCouldHaveWritten) {
  WriteFileAtomically(path_, kLine);
  chmod(path_.c_str(), 0666);
  EXPECT_THAT([&] { ReadPinnedCanaries(path_); },
              ThrowsError(Reason::kConfig, "can be written by group or others"));
}

TEST_F(PinnedCanariesTest, AreRefusedWithoutAFile) {
  EXPECT_THAT([&] { ReadPinnedCanaries(path_); }, ThrowsError(Reason::kConfig, path_));
}

}  // namespace
}  // namespace mortise::hsm
