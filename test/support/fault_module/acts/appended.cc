// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "test/support/fault_module/acts/acts.h"
#include "test/support/fault_module/acts/token_iv.h"
#include "test/support/fault_module/played.h"

namespace mortise::test {
namespace {

class Appended final : public TokenIv {
 public:
  using TokenIv::TokenIv;

  // Firmware 7.8.4 could not decrypt where ulIvBits was left at 0.
  CK_RV DecryptInit(Session session, CK_MECHANISM* mechanism, Key key) override {
    if (!IsPlayed() || !IsGcm(mechanism)) return below().DecryptInit(session, mechanism, key);
    const CK_GCM_PARAMS* given = GcmParameters(mechanism);
    if (given == nullptr || given->ulIvBits != given->ulIvLen * 8) {
      return CKR_MECHANISM_PARAM_INVALID;
    }
    return below().DecryptInit(session, mechanism, key);
  }

 private:
  static bool IsPlayed() { return Plays(Act::kAppended) || Plays(Act::kAppendedSixteen); }

  bool IsMine(const CK_MECHANISM& mechanism) const override {
    return IsPlayed() && IsGcm(&mechanism);
  }

  CK_ULONG IvSize(const CK_GCM_PARAMS& given) const override {
    if (given.pIv != nullptr || given.ulIvLen != 0) return 0;
    if (given.ulIvBits != 0 && given.ulIvBits != 96 && given.ulIvBits != 128) return 0;
    return given.ulIvBits == 96 && !Plays(Act::kAppendedSixteen) ? 12 : 16;
  }

  CK_ULONG ExtraSize(const Operation& operation) const override { return operation.iv.size(); }

  void Deliver(const Operation& operation, const std::vector<CK_BYTE>& sealed,
               CK_BYTE* out) const override {
    CK_BYTE* end = std::copy(sealed.begin(), sealed.end(), out);
    if (Plays(Lie::kIvNotWritten)) {
      std::fill_n(end, operation.iv.size(), CK_BYTE{0});
    } else {
      std::copy(operation.iv.begin(), operation.iv.end(), end);
    }
  }
};

}  // namespace

std::unique_ptr<Layer> MakeAppended(Layer& below) {
  return std::make_unique<Appended>(&below);
}

}  // namespace mortise::test
