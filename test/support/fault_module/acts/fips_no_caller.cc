// SPDX-License-Identifier: Apache-2.0
#include "test/support/fault_module/acts/acts.h"
#include "test/support/fault_module/acts/gcm.h"
#include "test/support/fault_module/played.h"

namespace mortise::test {
namespace {

class FipsNoCaller final : public Layer {
 public:
  using Layer::Layer;

  CK_RV EncryptInit(Session session, CK_MECHANISM* mechanism, Key key) override {
    if (Plays(Act::kFipsNoCaller) && IsGcm(mechanism)) return CKR_MECHANISM_PARAM_INVALID;
    return below().EncryptInit(session, mechanism, key);
  }
};

}  // namespace

std::unique_ptr<Layer> MakeFipsNoCaller(Layer& below) {
  return std::make_unique<FipsNoCaller>(&below);
}

}  // namespace mortise::test
