// SPDX-License-Identifier: Apache-2.0
// AES-GCM in every IV mode, on the tokens that the fault module plays.
#include "hsm/scheme/aes_gcm.h"

#include "test/token/scheme_fixture.h"

namespace mortise::hsm {
namespace {

using config::IvMode;
using test::ThrowsError;

struct ModeCase {
  IvMode mode;
  const char* roles;
  std::uint64_t wrap_calls;
  std::size_t iv_size;
};
void PrintTo(const ModeCase& mode, std::ostream* out) {
  *out << "IV mode " << static_cast<int>(mode.mode) << " of \"" << mode.roles << '"';
}

template <typename Param>
class GcmTestOf : public test::SchemeTest, public ::testing::WithParamInterface<Param> {
 protected:
  AesGcm& Open(std::string_view roles, IvMode mode) {
    test::SchemeTest::Open(roles);
    kek_.wrap = GenerateThrowAwayAesKey(*anchor_);
    return gcm_.emplace(mode);
  }
  AesGcm& Open() { return Open(this->GetParam().roles, this->GetParam().mode); }

  std::optional<AesGcm> gcm_;
};

class GcmTest : public GcmTestOf<ModeCase> {};

TEST_P(GcmTest, OpensEverySeedThatItWrapped) {
  ExpectEverySeedOpens(Open());
}

TEST_P(GcmTest, OpensForNothingElse) {
  ExpectNothingElseOpens(Open());
}

TEST_P(GcmTest, KeepsTheIvsLengthInTheEnvelope) {
  const std::string envelope = Wrap(Open());
  EXPECT_EQ(Envelope::Parse(AsBytes(envelope)).iv.size(), GetParam().iv_size);
}

TEST_P(GcmTest, TakesTheCallsThatItMay) {
  AesGcm& gcm = Open();
  Wrap(gcm);  // the first one may have to learn the IV's length
  EXPECT_EQ(CallsOfWrap(gcm), GetParam().wrap_calls);
  EXPECT_EQ(CallsOfUnwrap(gcm), 2U);
}

TEST_P(GcmTest, NeedsNoIvModeToUnwrap) {
  const std::string envelope = Wrap(Open());
  AesGcm other(GetParam().mode == IvMode::kCaller ? IvMode::kMessageRandom : IvMode::kCaller);
  EXPECT_EQ(Unwrap(other, envelope), ToHex(seed_));
}

TEST_P(GcmTest, RefusesCallersIvsInModeFipsAndNoOthers) {
  AesGcm& gcm = Open();
  identity_.forbids_caller_iv = true;
  if (GetParam().mode == IvMode::kCaller) {
    EXPECT_THAT([&] { Wrap(gcm); }, ThrowsError(Reason::kKeyRefused, "fips"));
  } else {
    EXPECT_EQ(Unwrap(gcm, Wrap(gcm)), ToHex(seed_));
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, GcmTest,
                         ::testing::Values(ModeCase{IvMode::kCaller, "", 3, 12},
                                           ModeCase{IvMode::kWrittenBack, "written-back", 2, 12},
                                           ModeCase{IvMode::kAppended, "appended", 2, 16},
                                           ModeCase{IvMode::kAppended, "appended-16", 2, 16},
                                           ModeCase{IvMode::kPrepended, "prepended", 2, 0},
                                           ModeCase{IvMode::kMessageRandom, "message-random", 3,
                                                    12}));

struct LieCase {
  IvMode mode;
  const char* roles;
  const char* reason;
};
void PrintTo(const LieCase& lie, std::ostream* out) {
  *out << lie.roles;
}

class LyingTokenTest : public GcmTestOf<LieCase> {};

TEST_P(LyingTokenTest, IsRefusedWithTheReasonBeforeAnythingIsAnswered) {
  AesGcm& gcm = Open();
  const auto wrap_twice = [&] {
    Wrap(gcm);
    Wrap(gcm);
  };
  EXPECT_THAT(wrap_twice, ThrowsError(Reason::kProofFailed, GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(
    Lies, LyingTokenTest,
    ::testing::Values(LieCase{IvMode::kCaller, "short-output", "bytes where there must be"},
                      LieCase{IvMode::kCaller, "long-output", "bytes where there must be"},
                      LieCase{IvMode::kCaller, "drops-tag", "bytes where there must be"},
                      LieCase{IvMode::kCaller, "identity", "gave back what it was to encrypt"},
                      LieCase{IvMode::kWrittenBack, "written-back,iv-not-written", "IV is zero"},
                      LieCase{IvMode::kWrittenBack, "written-back,same-iv", "used before"},
                      LieCase{IvMode::kAppended, "appended,iv-not-written", "IV is zero"},
                      LieCase{IvMode::kAppended, "appended,same-iv", "used before"},
                      LieCase{IvMode::kPrepended, "prepended,iv-not-written", "IV is zero"},
                      LieCase{IvMode::kPrepended, "prepended,same-iv", "used before"},
                      LieCase{IvMode::kMessageRandom, "message-random,iv-not-written",
                              "IV is zero"},
                      LieCase{IvMode::kMessageRandom, "message-random,same-iv", "used before"},
                      // A token that never heard of the mode takes zeros for an IV.
                      LieCase{IvMode::kWrittenBack, "", "IV is zero"},
                      LieCase{IvMode::kAppended, "", "bytes where there must be"}));

class WrongModeTest : public GcmTestOf<ModeCase> {};

TEST_F(WrongModeTest, IsNotTriedAgainUnderTheSameKey) {
  AesGcm& gcm = Open("", IvMode::kAppended);
  EXPECT_THAT([&] { Wrap(gcm); }, ThrowsError(Reason::kProofFailed));
  const std::uint64_t before = token_.faults().Calls("C_Encrypt");
  EXPECT_THAT([&] { Wrap(gcm); }, ThrowsError(Reason::kProofFailed));
  EXPECT_EQ(token_.faults().Calls("C_Encrypt"), before);
}

}  // namespace
}  // namespace mortise::hsm
