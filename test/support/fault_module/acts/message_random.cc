// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "test/support/fault_module/acts/acts.h"
#include "test/support/fault_module/acts/gcm.h"
#include "test/support/fault_module/played.h"
#include "test/support/fault_module/session_map.h"

namespace mortise::test {
namespace {

constexpr std::uint64_t kMostMessages = 65'536;  // of NSS, for each C_MessageEncryptInit

class MessageRandom final : public Layer {
 public:
  using Layer::Layer;

  CK_RV GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type,
                         CK_MECHANISM_INFO* info) override {
    const CK_RV rv = below().GetMechanismInfo(slot, type, info);
    if (rv == CKR_OK && type == CKM_AES_GCM && Plays(Act::kMessageRandom)) {
      info->flags |= CKF_MESSAGE_ENCRYPT;
    }
    return rv;
  }

  CK_RV CloseSession(Session session) override {
    streams_.End(session);
    return below().CloseSession(session);
  }

  CK_RV EncryptInit(Session session, CK_MECHANISM* mechanism, Key key) override {
    if (Plays(Act::kMessageRandom) && IsGcm(mechanism)) return CKR_MECHANISM_PARAM_INVALID;
    return below().EncryptInit(session, mechanism, key);
  }

  CK_RV MessageEncryptInit(Session session, CK_MECHANISM* mechanism, Key key) override {
    if (!Plays(Act::kMessageRandom)) return below().MessageEncryptInit(session, mechanism, key);
    if (streams_.Find(session) != nullptr) return CKR_OPERATION_ACTIVE;
    if (!IsGcm(mechanism)) return CKR_MECHANISM_INVALID;
    const CK_RV rv = CheckUse(below(), session, key, CKA_ENCRYPT);
    if (rv == CKR_OK) streams_.Begin(session).key = key;
    return rv;
  }

  CK_RV EncryptMessage(Session session, void* parameter, CK_ULONG parameter_size, CK_BYTE* aad,
                       CK_ULONG aad_size, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                       CK_ULONG* out_size) override {
    Stream* stream = streams_.Find(session);
    if (stream == nullptr) {
      if (Plays(Act::kMessageRandom)) return CKR_OPERATION_NOT_INITIALIZED;
      return below().EncryptMessage(session, parameter, parameter_size, aad, aad_size, in, in_size,
                                    out, out_size);
    }
    if (parameter == nullptr || parameter_size != sizeof(CK_GCM_MESSAGE_PARAMS)) {
      return CKR_MECHANISM_PARAM_INVALID;
    }
    auto& wanted = *static_cast<CK_GCM_MESSAGE_PARAMS*>(parameter);
    if (!IsTaken(wanted)) return CKR_MECHANISM_PARAM_INVALID;
    if (const auto rv = AnswerWithoutRoom(out, out_size, in_size)) return *rv;
    if (stream->messages == kMostMessages) return CKR_DEVICE_ERROR;

    std::vector<CK_BYTE> iv(wanted.ulIvLen);
    CK_RV rv = NextIv(session, wanted, *stream, iv);
    if (rv != CKR_OK) return rv;
    std::vector<CK_BYTE> sealed(in_size + kGcmTagSize);
    rv = Seal(session, stream->key, iv, {aad, aad_size}, in, sealed);
    if (rv != CKR_OK) return rv;
    std::copy_n(sealed.begin(), in_size, out);
    std::copy(sealed.end() - kGcmTagSize, sealed.end(), wanted.pTag);
    if (!Plays(Lie::kIvNotWritten)) std::copy(iv.begin(), iv.end(), wanted.pIv);
    *out_size = in_size;
    return CKR_OK;
  }

  CK_RV MessageEncryptFinal(Session session) override {
    if (streams_.End(session) != nullptr) return CKR_OK;
    if (Plays(Act::kMessageRandom)) return CKR_OPERATION_NOT_INITIALIZED;
    return below().MessageEncryptFinal(session);
  }

 private:
  struct Stream {
    Key key = CK_INVALID_HANDLE;
    std::uint64_t messages = 0;
  };
  struct Aad {
    CK_BYTE* data;
    CK_ULONG size;
  };

  static bool IsTaken(const CK_GCM_MESSAGE_PARAMS& wanted) {
    const bool token_makes_it =
        wanted.ivGenerator == CKG_GENERATE_RANDOM || wanted.ivGenerator == CKG_GENERATE;
    return token_makes_it && wanted.pIv != nullptr && wanted.pTag != nullptr &&
           wanted.ulIvLen >= 12 && wanted.ulIvLen <= 16 && wanted.ulIvFixedBits == 0 &&
           wanted.ulTagBits == kGcmTagSize * 8;
  }

  // CKG_GENERATE is NSS's: a counter that begins anew with each C_MessageEncryptInit.
  CK_RV NextIv(Session session, const CK_GCM_MESSAGE_PARAMS& wanted, Stream& stream,
               std::vector<CK_BYTE>& iv) {
    const std::uint64_t number = stream.messages++;
    if (wanted.ivGenerator == CKG_GENERATE_RANDOM) return MakeIv(below(), session, iv);
    for (std::size_t i = 0; i < sizeof(number); ++i) {
      iv[iv.size() - 1 - i] = static_cast<CK_BYTE>(number >> (8 * i));
    }
    return CKR_OK;
  }

  CK_RV Seal(Session session, Key key, std::vector<CK_BYTE>& iv, Aad aad, CK_BYTE* in,
             std::vector<CK_BYTE>& sealed) {
    CK_GCM_PARAMS parameters{iv.data(), iv.size(), iv.size() * 8,
                             aad.data,  aad.size,  kGcmTagSize * 8};
    CK_MECHANISM own{CKM_AES_GCM, &parameters, sizeof(parameters)};
    const CK_RV rv = below().EncryptInit(session, &own, key);
    if (rv != CKR_OK) return rv;
    CK_ULONG size = sealed.size();
    return below().Encrypt(session, in, sealed.size() - kGcmTagSize, sealed.data(), &size);
  }

  SessionMap<Stream> streams_;
};

}  // namespace

std::unique_ptr<Layer> MakeMessageRandom(Layer& below) {
  return std::make_unique<MessageRandom>(&below);
}

}  // namespace mortise::test
