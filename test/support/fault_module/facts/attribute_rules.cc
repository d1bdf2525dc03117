// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "test/support/fault_module/facts/facts.h"
#include "test/support/fault_module/played.h"

namespace mortise::test {
namespace {

constexpr CK_ULONG kNotReported = ~CK_ULONG{0};

// The template as this token takes it.
class Taken {
 public:
  Taken(const CK_ATTRIBUTE* wanted, CK_ULONG count) : attributes_(wanted, wanted + count) {
    for (CK_ATTRIBUTE& attribute : attributes_) {
      const auto refusal = RuleFor(attribute.type, AttributeEffect::kRefuse);
      if (refusal.has_value() && rv_ == CKR_OK) rv_ = *refusal;
      if (attribute.type == CKA_LABEL && LabelLimit() > 0) {
        attribute.ulValueLen = std::min<CK_ULONG>(attribute.ulValueLen, LabelLimit());
      }
    }
  }

  CK_RV rv() const { return rv_; }
  CK_ATTRIBUTE* data() { return attributes_.data(); }
  CK_ULONG size() const { return attributes_.size(); }

 private:
  std::vector<CK_ATTRIBUTE> attributes_;
  CK_RV rv_ = CKR_OK;
};

class AttributeRules final : public Layer {
 public:
  using Layer::Layer;

  CK_RV CreateObject(Session session, CK_ATTRIBUTE* wanted, CK_ULONG count, Key* key) override {
    Taken taken(wanted, count);
    if (taken.rv() != CKR_OK) return taken.rv();
    return below().CreateObject(session, taken.data(), taken.size(), key);
  }

  CK_RV SetAttributeValue(Session session, Key key, CK_ATTRIBUTE* wanted, CK_ULONG count) override {
    Taken taken(wanted, count);
    if (taken.rv() != CKR_OK) return taken.rv();
    return below().SetAttributeValue(session, key, taken.data(), taken.size());
  }

  CK_RV GenerateKey(Session session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* wanted, CK_ULONG count,
                    Key* key) override {
    Taken taken(wanted, count);
    if (taken.rv() != CKR_OK) return taken.rv();
    return below().GenerateKey(session, mechanism, taken.data(), taken.size(), key);
  }

  CK_RV GenerateKeyPair(Session session, CK_MECHANISM* mechanism, CK_ATTRIBUTE* of_public,
                        CK_ULONG public_count, CK_ATTRIBUTE* of_private, CK_ULONG private_count,
                        Key* public_key, Key* private_key) override {
    Taken publics(of_public, public_count);
    Taken privates(of_private, private_count);
    for (const CK_RV rv : {publics.rv(), privates.rv()}) {
      if (rv != CKR_OK) return rv;
    }
    return below().GenerateKeyPair(session, mechanism, publics.data(), publics.size(),
                                   privates.data(), privates.size(), public_key, private_key);
  }

  CK_RV GetAttributeValue(Session session, Key key, CK_ATTRIBUTE* wanted, CK_ULONG count) override {
    std::vector<CK_ATTRIBUTE*> told;
    for (CK_ATTRIBUTE& attribute : Span{wanted, count}) {
      if (!RuleFor(attribute.type, AttributeEffect::kHide)) told.push_back(&attribute);
    }
    std::vector<CK_ATTRIBUTE> asked;
    for (const CK_ATTRIBUTE* attribute : told) asked.push_back(*attribute);
    // To be asked for nothing is an error to SoftHSM2.
    const CK_RV rv = asked.empty()
                         ? CKR_OK
                         : below().GetAttributeValue(session, key, asked.data(), asked.size());
    for (std::size_t i = 0; i < told.size(); ++i) *told[i] = asked[i];
    if (told.size() == count) return Report(wanted, count, rv);
    for (CK_ATTRIBUTE& attribute : Span{wanted, count}) {
      if (RuleFor(attribute.type, AttributeEffect::kHide)) attribute.ulValueLen = kNotReported;
    }
    return Report(wanted, count, rv == CKR_OK ? CKR_ATTRIBUTE_TYPE_INVALID : rv);
  }

 private:
  struct Span {
    CK_ATTRIBUTE* first;
    CK_ULONG count;
    CK_ATTRIBUTE* begin() const { return first; }
    CK_ATTRIBUTE* end() const { return first + count; }
  };

  static CK_RV Report(CK_ATTRIBUTE* wanted, CK_ULONG count, CK_RV rv) {
    for (CK_ATTRIBUTE& attribute : Span{wanted, count}) {
      const auto value = RuleFor(attribute.type, AttributeEffect::kReport);
      const bool is_answered =
          attribute.pValue != nullptr && attribute.ulValueLen == sizeof(CK_BBOOL);
      if (value && is_answered) *static_cast<CK_BBOOL*>(attribute.pValue) = *value != 0;
    }
    return rv;
  }
};

}  // namespace

std::unique_ptr<Layer> MakeAttributeRules(Layer& below) {
  return std::make_unique<AttributeRules>(&below);
}

}  // namespace mortise::test
