// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <vector>

#include "test/support/fault_module/acts/mechanisms.h"
#include "test/support/fault_module/facts/facts.h"

namespace mortise::test {
namespace {

using Mechanisms = std::vector<CK_MECHANISM_TYPE>;

struct StandIn {
  CK_MECHANISM_TYPE acted, real;
};
constexpr std::array<StandIn, 2> kStandIns = {
    {{CKM_AES_KEY_WRAP_KWP, CKM_AES_ECB}, {CKM_CLOUDHSM_AES_GCM, CKM_AES_GCM}}};

bool Has(const Mechanisms& mechanisms, CK_MECHANISM_TYPE one) {
  return std::find(mechanisms.begin(), mechanisms.end(), one) != mechanisms.end();
}

Mechanisms MechanismsOf(const CK_ATTRIBUTE& attribute) {
  const auto* first = static_cast<const CK_MECHANISM_TYPE*>(attribute.pValue);
  return {first, first + attribute.ulValueLen / sizeof(CK_MECHANISM_TYPE)};
}

bool IsAboutMechanisms(const CK_ATTRIBUTE& attribute) {
  return attribute.type == CKA_ALLOWED_MECHANISMS;
}

// A key that is for an acted mechanism only has its real one allowed below, unseen.
class AllowedMechanisms final : public Layer {
 public:
  using Layer::Layer;

  CK_RV CreateObject(Session session, CK_ATTRIBUTE* wanted, CK_ULONG count, Key* key) override {
    Mechanisms room;
    auto stored = WithStandIns(wanted, count, room);
    return below().CreateObject(session, stored.data(), stored.size(), key);
  }

  CK_RV GenerateKey(Session session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* wanted, CK_ULONG count,
                    Key* key) override {
    Mechanisms room;
    auto stored = WithStandIns(wanted, count, room);
    return below().GenerateKey(session, mechanism, stored.data(), stored.size(), key);
  }

  CK_RV GetAttributeValue(Session session, Key key, CK_ATTRIBUTE* wanted, CK_ULONG count) override {
    const CK_RV rv = below().GetAttributeValue(session, key, wanted, count);
    for (CK_ULONG i = 0; i < count; ++i) {
      if (rv == CKR_OK && IsAboutMechanisms(wanted[i])) HideStandIns(session, key, wanted[i]);
    }
    return rv;
  }

 private:
  static std::vector<CK_ATTRIBUTE> WithStandIns(const CK_ATTRIBUTE* wanted, CK_ULONG count,
                                                Mechanisms& room) {
    std::vector<CK_ATTRIBUTE> stored(wanted, wanted + count);
    const auto found = std::find_if(stored.begin(), stored.end(), IsAboutMechanisms);
    if (found == stored.end()) return stored;
    room = MechanismsOf(*found);
    for (const auto& [acted, real] : kStandIns) {
      if (Has(room, acted) && !Has(room, real)) room.push_back(real);
    }
    found->pValue = room.data();
    found->ulValueLen = room.size() * sizeof(CK_MECHANISM_TYPE);
    return stored;
  }

  void HideStandIns(Session session, Key key, CK_ATTRIBUTE& told) {
    Mechanisms stored(told.ulValueLen / sizeof(CK_MECHANISM_TYPE));
    CK_ATTRIBUTE all{CKA_ALLOWED_MECHANISMS, stored.data(), told.ulValueLen};
    if (stored.empty() || below().GetAttributeValue(session, key, &all, 1) != CKR_OK) return;
    Mechanisms shown;
    for (const CK_MECHANISM_TYPE one : stored) {
      const bool stands_in = std::any_of(
          kStandIns.begin(), kStandIns.end(),
          [&](const StandIn& pair) { return pair.real == one && Has(stored, pair.acted); });
      if (!stands_in) shown.push_back(one);
    }
    told.ulValueLen = shown.size() * sizeof(CK_MECHANISM_TYPE);
    if (told.pValue == nullptr) return;
    std::copy(shown.begin(), shown.end(), static_cast<CK_MECHANISM_TYPE*>(told.pValue));
  }
};

}  // namespace

std::unique_ptr<Layer> MakeAllowedMechanisms(Layer& below) {
  return std::make_unique<AllowedMechanisms>(&below);
}

}  // namespace mortise::test
