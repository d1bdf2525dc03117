// SPDX-License-Identifier: Apache-2.0
// A keyring with `trust: pinned` on a real token: DESIGN, Secrets and trust.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "base/file.h"
#include "test/support/key_maker.h"
#include "test/support/matchers.h"
#include "test/support/running_keyring.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;
using test::KeyToMake;
using test::MakeKey;
using test::RunningKeyring;
using test::SoftHsmToken;
using test::ThrowsError;

class PinnedKeyringTest : public ::testing::Test {
 protected:
  // A node of the same cluster, of which the canary comes.
  std::string CanaryFrom(const SoftHsmToken& token, const std::string& key_id) {
    RunningKeyring other(token);
    EXPECT_TRUE(other.WaitUntilServing());
    return ReadFile(other.state_dir() + "/canaries/" + key_id + ".json");
  }
  void Pin(const std::string& lines) {
    std::ofstream(file_) << lines;
    chmod(file_.c_str(), 0600);
  }
  void Start(const SoftHsmToken& token) {
    running_.emplace(token, [&](config::Config& config) {
      config::Keyring& keyring = config.keyrings.at(0);
      keyring.trust = config::Trust::kPinned;
      keyring.canaries = file_;
      keyring.rescan_interval = 100ms;
    });
  }
  bool WaitForEvent(const std::string& event) {
    return RunningKeyring::WaitFor([&] { return running_->observer().Count(event) > 0; }, 10s);
  }

  SoftHsmToken token_;
  test::TempDir folder_;
  const std::string file_ = folder_ / "canaries.json";
  const KeyToMake key_{.cka_id = std::string(16, 'k')};
  const std::string key_id_ = MakeKey(token_, key_);
  std::optional<RunningKeyring> running_;
  const Bytes seed_ = Bytes(32, 0x5a);
};

TEST_F(PinnedKeyringTest, ServesAKeyWhoseCanaryIsPinned) {
  Pin(CanaryFrom(token_, key_id_));
  Start(token_);
  ASSERT_TRUE(running_->WaitUntilServing());
  EXPECT_EQ(running_->Wrap(seed_).key_id, key_id_);
  EXPECT_EQ(running_->observer().Count("key_trusted_on_first_use"), 0);
}

TEST_F(PinnedKeyringTest, TrustsNoKeyBeforeTheFilePinsItAndReadsTheFileAnew) {
  const std::string canary = CanaryFrom(token_, key_id_);
  Pin("");
  Start(token_);
  ASSERT_TRUE(RunningKeyring::WaitFor(
      [&] {
        return running_->keyring().Status()->waiting_for.find("trust in " + key_id_) !=
               std::string::npos;
      },
      10s));
  EXPECT_EQ(running_->observer().Count("key_trusted_on_first_use"), 0);
  Pin(canary);
  EXPECT_TRUE(running_->WaitUntilServing());
}

TEST_F(PinnedKeyringTest, CallsAKeyForeignThatDoesNotOpenItsPinnedCanary) {
  const SoftHsmToken right("other");
  ASSERT_EQ(MakeKey(right, key_), key_id_);  // the same name, other material
  Pin(CanaryFrom(right, key_id_));
  Start(token_);
  ASSERT_TRUE(WaitForEvent("key_foreign"));
  EXPECT_EQ(running_->keyring().Status()->active_key_id, "");
  EXPECT_THAT([&] { running_->Unwrap(std::string(64, 'x'), key_id_); },
              ThrowsError(Reason::kKeyForeign, "other key material"));
}

TEST_F(PinnedKeyringTest, GoesOnWithWhatWasPinnedWhenTheFileIsBroken) {
  Pin(CanaryFrom(token_, key_id_));
  Start(token_);
  ASSERT_TRUE(running_->WaitUntilServing());
  Pin("{no canary}\n");
  ASSERT_TRUE(WaitForEvent("pinned_canaries_refused"));
  EXPECT_EQ(running_->Wrap(seed_).key_id, key_id_);
  std::this_thread::sleep_for(2500ms);  // it is read again each second
  EXPECT_EQ(running_->observer().Count("pinned_canaries_refused"), 1);
}

}  // namespace
}  // namespace mortise::hsm
