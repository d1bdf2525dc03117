// SPDX-License-Identifier: Apache-2.0
#include "test/token/token_matrix.h"

#include <algorithm>
#include <stdexcept>

#include "config/words.h"
#include "test/support/fault_control.h"
#include "test/support/softhsm_token.h"

namespace mortise::test {
namespace {

using config::IvMode;
using hsm::ObjectKind;
using hsm::ProbeVerdict;
using enum hsm::SchemeId;

constexpr IvMode kAuto = IvMode::kAuto;
constexpr IvMode kCaller = IvMode::kCaller;
constexpr IvMode kWrittenBack = IvMode::kWrittenBack;
constexpr IvMode kAppended = IvMode::kAppended;
constexpr IvMode kPrepended = IvMode::kPrepended;
constexpr IvMode kMessageRandom = IvMode::kMessageRandom;

MatrixRow Proved(hsm::SchemeId scheme, IvMode mode = kAuto) {
  return {scheme, mode, ProbeVerdict::kProved, ""};
}
MatrixRow Refused(hsm::SchemeId scheme, IvMode mode, const std::string& why) {
  return {scheme, mode, ProbeVerdict::kRefused, why};
}
MatrixRow NotOffered(hsm::SchemeId scheme, IvMode mode = kAuto) {
  return {scheme, mode, ProbeVerdict::kNotOffered, "does not offer"};
}
MatrixRow Untried(hsm::SchemeId scheme, IvMode mode, const std::string& why) {
  return {scheme, mode, ProbeVerdict::kUntried, why};
}
MatrixRow ByToolKeys(hsm::SchemeId scheme, const std::string& why) {
  return {scheme, kAuto, ProbeVerdict::kUntried, why, true};
}
MatrixRow WithRemark(MatrixRow row, const std::string& remark) {
  row.remark = remark;
  return row;
}

// SoftHSM2 behind the fault module, which acts all the time.
class ActedToken : public SoftHsmToken {
 public:
  explicit ActedToken(const char* act) : act_(act) {}
  std::string name() const override { return std::string("acted-") + act_; }
  std::map<std::string, std::string> environment() const override {
    auto variables = SoftHsmToken::environment();
    variables[kActVariable] = act_;
    return variables;
  }

 private:
  const char* act_;
};

enum Act {
  kActWrittenBack,
  kActAppended,
  kActAppended16,
  kActPrepended,
  kActMessages,
  kActNoCaller,
  kActKwp,
  kActNoSessionKeys
};
constexpr const char* kActs[] = {"written-back", "appended",       "appended-16",
                                 "prepended",    "message-random", "fips-no-caller",
                                 "kwp",          "no-session-keys"};

template <Act act>
std::unique_ptr<TestToken> MakeActed() {
  return std::make_unique<ActedToken>(kActs[act]);
}

template <Act act>
MatrixToken Acted(const std::string& after, std::vector<MatrixRow> rows) {
  return {std::string("acted-") + kActs[act], after, SoftHsmToken::WhyNot, MakeActed<act>,
          std::move(rows)};
}

MatrixToken Real(const std::string& name, std::vector<MatrixRow> rows, Findings findings) {
  const auto kind = std::ranges::find(TokenKinds(), name, &TokenKind::name);
  if (kind == TokenKinds().end()) throw std::logic_error("no such kind of token: " + name);
  return {name, "", kind->why_not, kind->make, std::move(rows), std::move(findings)};
}

MatrixToken SoftHsm() {
  return Real("softhsm",
              {Refused(kAesGcm, kWrittenBack, "zero"), Refused(kAesGcm, kAppended, ""),
               NotOffered(kAesGcm, kPrepended), NotOffered(kAesGcm, kMessageRandom),
               Proved(kAesGcm, kCaller), NotOffered(kAesKwp), Proved(kAesCbcHmac),
               Refused(kRsaOaepHmac, kAuto, "CKR_ARGUMENTS_BAD"),
               Refused(kRsaOaepSign, kAuto, "CKR_ARGUMENTS_BAD"), Proved(kRsaOaepHmacSha1),
               Proved(kRsaOaepSignSha1)},
              {});
}

std::vector<MatrixRow> NssRows() {
  return {Refused(kAesGcm, kWrittenBack, "zero"),
          Refused(kAesGcm, kAppended, "CKR_HOST_MEMORY"),
          NotOffered(kAesGcm, kPrepended),
          Proved(kAesGcm, kMessageRandom),
          Proved(kAesGcm, kCaller),
          Proved(kAesKwp),
          Proved(kAesCbcHmac),
          Proved(kRsaOaepHmac),
          Proved(kRsaOaepSign),
          Proved(kRsaOaepHmacSha1),
          Proved(kRsaOaepSignSha1)};
}

// Keys that it has made itself report CKA_LOCAL false.
Findings NssFindings() {
  const std::vector<std::string> wrong = {"CKA_LOCAL fail"};
  return {{ObjectKind::kAes, wrong},
          {ObjectKind::kMacSecret, wrong},
          {ObjectKind::kRsaPrivate, wrong},
          {ObjectKind::kEcPrivate, wrong}};
}

MatrixToken Nss() {
  return Real("nss", NssRows(), NssFindings());
}

// An attribute that it does not know makes it say CKR_GENERAL_ERROR, which of
// C_GenerateKeyPair it takes for a failed self-test of its own: then nothing works any more.
MatrixToken NssFips() {
  std::vector<MatrixRow> rows = NssRows();
  for (MatrixRow& row : rows) {
    if (hsm::FactsOf(row.scheme).wrap_key == ObjectKind::kRsaPrivate) {
      row.why_no_key = "An error occurred on the device (CKR_DEVICE_ERROR)";
      row.remark =
          "after the first template with an attribute that it does not know, nothing "
          "works any more in that process";
    }
  }
  return Real("nss-fips", std::move(rows), NssFindings());
}

// No elliptic curves, so no signer.
MatrixToken Opencryptoki() {
  return Real(
      "opencryptoki",
      {NotOffered(kAesGcm, kWrittenBack), NotOffered(kAesGcm, kAppended),
       NotOffered(kAesGcm, kPrepended), NotOffered(kAesGcm, kMessageRandom),
       NotOffered(kAesGcm, kCaller), NotOffered(kAesKwp), Proved(kAesCbcHmac), Proved(kRsaOaepHmac),
       NotOffered(kRsaOaepSign), Proved(kRsaOaepHmacSha1), NotOffered(kRsaOaepSignSha1)},
      {});
}

// Keys are the work of tpm2_ptool, which makes no signer of a curve that is taken here; its
// RSA keys sign, too.
MatrixToken Tpm() {
  const std::string no_secret = "C_GenerateKey: ";
  const std::string no_pair = "C_GenerateKeyPair: ";
  return Real("tpm2",
              {NotOffered(kAesGcm, kWrittenBack), NotOffered(kAesGcm, kAppended),
               NotOffered(kAesGcm, kPrepended), NotOffered(kAesGcm, kMessageRandom),
               NotOffered(kAesGcm, kCaller), NotOffered(kAesKwp),
               ByToolKeys(kAesCbcHmac, no_secret + "This operation is not supported"),
               ByToolKeys(kRsaOaepHmac, no_pair + "Invalid value"),
               Untried(kRsaOaepSign, kAuto, no_pair + "Invalid value"),
               ByToolKeys(kRsaOaepHmacSha1, no_pair + "Invalid value"),
               Untried(kRsaOaepSignSha1, kAuto, no_pair + "Invalid value")},
              {{ObjectKind::kRsaPrivate, {"CKA_SIGN fail"}}});
}

MatrixToken Kryoptic() {
  return Real(
      "kryoptic",
      {Refused(kAesGcm, kWrittenBack, "zero"),
       Refused(kAesGcm, kAppended, "CKR_MECHANISM_PARAM_INVALID"), NotOffered(kAesGcm, kPrepended),
       Proved(kAesGcm, kMessageRandom), Proved(kAesGcm, kCaller),
       WithRemark(Refused(kAesKwp, kAuto, "C_Decrypt: An error occurred on the device"),
                  "it answers a wrap with a flipped bit so, which no caller can tell "
                  "from a device that has failed"),
       Proved(kAesCbcHmac), Proved(kRsaOaepHmac), Proved(kRsaOaepSign), Proved(kRsaOaepHmacSha1),
       Proved(kRsaOaepSignSha1)},
      {});
}

MatrixRow RefusesIv(IvMode mode) {
  return Refused(kAesGcm, mode, "CKR_MECHANISM_PARAM_INVALID");
}

// IV modes that no free token has, after what vendors document.
std::vector<MatrixToken> ActedTokens() {
  const std::vector<MatrixRow> appended = {RefusesIv(kWrittenBack), Proved(kAesGcm, kAppended),
                                           NotOffered(kAesGcm, kPrepended), RefusesIv(kCaller)};
  const std::string no_session_key = "C_GenerateKey: Certain fields have invalid values";
  return {Acted<kActWrittenBack>("AWS CloudHSM, Thales ProtectServer",
                                 {Proved(kAesGcm, kWrittenBack), RefusesIv(kAppended),
                                  NotOffered(kAesGcm, kPrepended), RefusesIv(kCaller)}),
          Acted<kActAppended>("Thales Luna in FIPS mode, IVs of 12 or 16 bytes", appended),
          Acted<kActAppended16>("Thales Luna in FIPS mode, older firmware: 16 bytes", appended),
          Acted<kActPrepended>("AWS CloudHSM, its own mechanism",
                               {RefusesIv(kWrittenBack), RefusesIv(kAppended),
                                Proved(kAesGcm, kPrepended), RefusesIv(kCaller)}),
          Acted<kActMessages>(
              "a token with messages alone",
              {RefusesIv(kWrittenBack), RefusesIv(kAppended), NotOffered(kAesGcm, kPrepended),
               Proved(kAesGcm, kMessageRandom), RefusesIv(kCaller)}),
          Acted<kActNoCaller>("FIPS mode without a generator of IVs",
                              {RefusesIv(kWrittenBack), RefusesIv(kAppended),
                               NotOffered(kAesGcm, kPrepended), RefusesIv(kCaller)}),
          Acted<kActKwp>("Entrust nShield: RFC 5649 by C_Encrypt",
                         {Proved(kAesGcm, kCaller), Proved(kAesKwp)}),
          Acted<kActNoSessionKeys>("tokens without session objects",
                                   {Untried(kAesGcm, kCaller, no_session_key),
                                    Untried(kAesCbcHmac, kAuto, no_session_key)})};
}

std::vector<MatrixToken> MakeMatrix() {
  std::vector<MatrixToken> matrix = {SoftHsm(),      Nss(), NssFips(),
                                     Opencryptoki(), Tpm(), Kryoptic()};
  for (MatrixToken& token : ActedTokens()) matrix.push_back(std::move(token));
  return matrix;
}

template <typename Wanted>
std::vector<MatrixCell> Cells(Wanted wanted) {
  std::vector<MatrixCell> cells;
  for (const MatrixToken& token : TokenMatrix()) {
    for (const MatrixRow& row : token.rows) {
      if (wanted(row)) cells.push_back({&token, row});
    }
  }
  return cells;
}

}  // namespace

const std::vector<MatrixToken>& TokenMatrix() {
  static const std::vector<MatrixToken> matrix = MakeMatrix();
  return matrix;
}

std::vector<MatrixCell> ServedCells() {
  return Cells([](const MatrixRow& row) { return row.IsServed(); });
}

std::vector<MatrixCell> CellsWithoutKey() {
  return Cells([](const MatrixRow& row) { return !row.why_no_key.empty(); });
}

std::string_view WordFor(IvMode mode) {
  return std::ranges::find(config::kIvModes, mode, &config::Word<IvMode>::value)->word;
}

std::string NameOf(const MatrixRow& row) {
  const std::string scheme(hsm::Name(row.scheme));
  return row.iv_mode == kAuto ? scheme : scheme + " " + std::string(WordFor(row.iv_mode));
}

void PrintTo(const MatrixToken* token, std::ostream* out) {
  *out << token->name;
}
void PrintTo(const MatrixCell& cell, std::ostream* out) {
  *out << cell.token->name << " " << NameOf(cell.row);
}

}  // namespace mortise::test
