// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <vector>

#include "test/support/fault_module/lies/lies.h"
#include "test/support/fault_module/played.h"

namespace mortise::test {
namespace {

constexpr CK_BYTE kConstant = 0x5a;

void FalsifySize(Lie shorter, Lie longer, CK_ULONG room, CK_BYTE* out, CK_ULONG* size) {
  if (Plays(shorter) && *size > 0) --*size;
  if (Plays(longer) && *size < room) out[(*size)++] = 0;
}

class FalseResults final : public Layer {
 public:
  using Layer::Layer;

  CK_RV Encrypt(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                CK_ULONG* out_size) override {
    const CK_ULONG room = out == nullptr ? 0 : *out_size;
    std::vector<CK_BYTE> elsewhere(Plays(Lie::kUnchangedOutput) ? room : 0);
    CK_BYTE* const to = elsewhere.empty() ? out : elsewhere.data();
    const CK_RV rv = below().Encrypt(session, in, in_size, to, out_size);
    if (rv != CKR_OK || out == nullptr) return rv;
    if (Plays(Lie::kDropsTag)) *out_size = std::min(*out_size, in_size);
    FalsifySize(Lie::kShortOutput, Lie::kLongOutput, room, out, out_size);
    return CKR_OK;
  }

  CK_RV Decrypt(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                CK_ULONG* out_size) override {
    const CK_ULONG room = out == nullptr ? 0 : *out_size;
    std::vector<CK_BYTE> elsewhere(Plays(Lie::kUnchangedPlaintext) ? room : 0);
    CK_BYTE* const to = elsewhere.empty() ? out : elsewhere.data();
    const CK_RV rv = below().Decrypt(session, in, in_size, to, out_size);
    if (rv != CKR_OK || out == nullptr) return rv;
    FalsifySize(Lie::kShortPlaintext, Lie::kLongPlaintext, room, out, out_size);
    return CKR_OK;
  }

  CK_RV Sign(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
             CK_ULONG* out_size) override {
    const CK_ULONG room = out == nullptr ? 0 : *out_size;
    const CK_RV rv = below().Sign(session, in, in_size, out, out_size);
    if (rv != CKR_OK || out == nullptr) return rv;
    if (Plays(Lie::kConstantSignature)) std::fill_n(out, *out_size, kConstant);
    FalsifySize(Lie::kShortOutput, Lie::kLongOutput, room, out, out_size);
    return CKR_OK;
  }

  CK_RV Verify(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* signature,
               CK_ULONG signature_size) override {
    const CK_RV rv = below().Verify(session, in, in_size, signature, signature_size);
    return Plays(Lie::kVerifiesAnything) ? CKR_OK : rv;
  }

  CK_RV GenerateRandom(Session session, CK_BYTE* out, CK_ULONG size) override {
    const CK_RV rv = below().GenerateRandom(session, out, size);
    if (rv == CKR_OK && Plays(Lie::kConstantRandom)) std::fill_n(out, size, kConstant);
    return rv;
  }

  CK_RV EncryptMessage(Session session, void* parameter, CK_ULONG parameter_size, CK_BYTE* aad,
                       CK_ULONG aad_size, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                       CK_ULONG* out_size) override {
    auto* const gcm = parameter_size == sizeof(CK_GCM_MESSAGE_PARAMS)
                          ? static_cast<CK_GCM_MESSAGE_PARAMS*>(parameter)
                          : nullptr;
    const bool keeps_tag = Plays(Lie::kDropsTag) || Plays(Lie::kUnchangedOutput);
    CK_BYTE* const tag = keeps_tag && gcm != nullptr ? gcm->pTag : nullptr;
    std::array<CK_BYTE, 16> tag_before{};
    if (tag != nullptr) std::copy_n(tag, tag_before.size(), tag_before.begin());

    const CK_ULONG room = out == nullptr ? 0 : *out_size;
    std::vector<CK_BYTE> elsewhere(Plays(Lie::kUnchangedOutput) ? room : 0);
    CK_BYTE* const to = elsewhere.empty() ? out : elsewhere.data();
    const CK_RV rv = below().EncryptMessage(session, parameter, parameter_size, aad, aad_size, in,
                                            in_size, to, out_size);
    if (rv != CKR_OK || out == nullptr) return rv;
    if (tag != nullptr) std::copy(tag_before.begin(), tag_before.end(), tag);
    FalsifySize(Lie::kShortOutput, Lie::kLongOutput, room, out, out_size);
    return CKR_OK;
  }
};

}  // namespace

std::unique_ptr<Layer> MakeFalseResults(Layer& below) {
  return std::make_unique<FalseResults>(&below);
}

}  // namespace mortise::test
