// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "test/support/fault_module/acts/acts.h"
#include "test/support/fault_module/acts/token_iv.h"
#include "test/support/fault_module/played.h"

namespace mortise::test {
namespace {

class WrittenBack final : public TokenIv {
 public:
  using TokenIv::TokenIv;

 private:
  bool IsMine(const CK_MECHANISM& mechanism) const override {
    return Plays(Act::kWrittenBack) && IsGcm(&mechanism);
  }

  CK_ULONG IvSize(const CK_GCM_PARAMS& given) const override {
    constexpr CK_ULONG kIvSize = 12;
    if (given.pIv == nullptr || given.ulIvLen != kIvSize || given.ulIvBits == 0) return 0;
    const bool is_zero =
        std::all_of(given.pIv, given.pIv + kIvSize, [](CK_BYTE byte) { return byte == 0; });
    return is_zero ? kIvSize : 0;
  }

  CK_ULONG ExtraSize(const Operation&) const override { return 0; }

  void Deliver(const Operation& operation, const std::vector<CK_BYTE>& sealed,
               CK_BYTE* out) const override {
    std::copy(sealed.begin(), sealed.end(), out);
    if (Plays(Lie::kIvNotWritten)) return;
    std::copy(operation.iv.begin(), operation.iv.end(), operation.callers_iv);
  }
};

}  // namespace

std::unique_ptr<Layer> MakeWrittenBack(Layer& below) {
  return std::make_unique<WrittenBack>(&below);
}

}  // namespace mortise::test
