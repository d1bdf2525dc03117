// SPDX-License-Identifier: Apache-2.0
#include "test/support/fault_module/facts/facts.h"
#include "test/support/fault_module/played.h"

namespace mortise::test {
namespace {

class TokenFacts final : public Layer {
 public:
  using Layer::Layer;

  CK_RV GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO* info) override {
    const CK_RV rv = below().GetTokenInfo(slot, info);
    if (rv != CKR_OK) return rv;
    info->flags |= AddedTokenFlags();
    if (const CK_ULONG most = MaxSessions(); most != 0) {
      info->ulMaxSessionCount = most;
      info->ulMaxRwSessionCount = most;
    }
    return CKR_OK;
  }
};

}  // namespace

std::unique_ptr<Layer> MakeTokenFacts(Layer& below) {
  return std::make_unique<TokenFacts>(&below);
}

}  // namespace mortise::test
