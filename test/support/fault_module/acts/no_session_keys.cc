// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "test/support/fault_module/acts/acts.h"
#include "test/support/fault_module/played.h"

namespace mortise::test {
namespace {

// CKA_TOKEN is false where nothing is said.
bool IsForSession(const CK_ATTRIBUTE* wanted, CK_ULONG count) {
  const auto* end = wanted + count;
  const auto* found = std::find_if(
      wanted, end, [](const CK_ATTRIBUTE& attribute) { return attribute.type == CKA_TOKEN; });
  return found == end || found->pValue == nullptr ||
         *static_cast<const CK_BBOOL*>(found->pValue) == CK_FALSE;
}

class NoSessionKeys final : public Layer {
 public:
  using Layer::Layer;

  CK_RV GenerateKey(Session session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* wanted, CK_ULONG count,
                    Key* key) override {
    if (Plays(Act::kNoSessionKeys) && IsForSession(wanted, count)) {
      return CKR_TEMPLATE_INCONSISTENT;
    }
    return below().GenerateKey(session, mechanism, wanted, count, key);
  }

  CK_RV GenerateKeyPair(Session session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* of_public,
                        CK_ULONG public_count, CK_ATTRIBUTE* of_private, CK_ULONG private_count,
                        Key* public_key, Key* private_key) override {
    if (Plays(Act::kNoSessionKeys) && IsForSession(of_private, private_count)) {
      return CKR_TEMPLATE_INCONSISTENT;
    }
    return below().GenerateKeyPair(session, mechanism, of_public, public_count, of_private,
                                   private_count, public_key, private_key);
  }
};

}  // namespace

std::unique_ptr<Layer> MakeNoSessionKeys(Layer& below) {
  return std::make_unique<NoSessionKeys>(&below);
}

}  // namespace mortise::test
