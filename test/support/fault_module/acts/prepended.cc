// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "test/support/fault_module/acts/acts.h"
#include "test/support/fault_module/acts/mechanisms.h"
#include "test/support/fault_module/acts/token_iv.h"
#include "test/support/fault_module/played.h"

namespace mortise::test {
namespace {

constexpr CK_ULONG kIvSize = 12;

bool IsPrepending(const CK_MECHANISM* mechanism) {
  return Plays(Act::kPrepended) && mechanism != nullptr &&
         mechanism->mechanism == CKM_CLOUDHSM_AES_GCM;
}

class Prepended final : public TokenIv {
 public:
  using TokenIv::TokenIv;

  CK_RV GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE* list, CK_ULONG* count) override {
    if (!Plays(Act::kPrepended)) return below().GetMechanismList(slot, list, count);
    return ListWith(CKM_CLOUDHSM_AES_GCM, below(), slot, list, count);
  }
  CK_RV GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type,
                         CK_MECHANISM_INFO* info) override {
    const bool is_mine = Plays(Act::kPrepended) && type == CKM_CLOUDHSM_AES_GCM;
    return below().GetMechanismInfo(slot, is_mine ? CKM_AES_GCM : type, info);
  }

  CK_RV EncryptInit(Session session, CK_MECHANISM* mechanism, Key key) override {
    if (Plays(Act::kPrepended) && IsGcm(mechanism)) return CKR_MECHANISM_PARAM_INVALID;
    return TokenIv::EncryptInit(session, mechanism, key);
  }

  // The IV is known with the input only, so the real operation begins there.
  CK_RV DecryptInit(Session session, CK_MECHANISM* mechanism, Key key) override {
    decryptions_.End(session);
    if (!IsPrepending(mechanism)) return below().DecryptInit(session, mechanism, key);
    const CK_GCM_PARAMS* given = GcmParameters(mechanism);
    if (given == nullptr || given->pIv != nullptr) return CKR_MECHANISM_PARAM_INVALID;
    const CK_RV rv = CheckUse(below(), session, key, CKA_DECRYPT);
    if (rv == CKR_OK) {
      Decryption& decryption = decryptions_.Begin(session);
      decryption.key = key;
      decryption.aad.assign(given->pAAD, given->pAAD + given->ulAADLen);
    }
    return rv;
  }

  CK_RV Decrypt(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                CK_ULONG* out_size) override {
    if (decryptions_.Find(session) == nullptr) {
      return below().Decrypt(session, in, in_size, out, out_size);
    }
    if (in_size < kIvSize + kGcmTagSize) {
      decryptions_.End(session);
      return CKR_ENCRYPTED_DATA_LEN_RANGE;
    }
    const CK_ULONG needed = in_size - kIvSize - kGcmTagSize;
    if (const auto rv = AnswerWithoutRoom(out, out_size, needed)) return *rv;
    const auto decryption = decryptions_.End(session);
    CK_GCM_PARAMS parameters{
        in, kIvSize, kIvSize * 8, decryption->aad.data(), decryption->aad.size(), kGcmTagSize * 8};
    CK_MECHANISM own{CKM_AES_GCM, &parameters, sizeof(parameters)};
    const CK_RV rv = below().DecryptInit(session, &own, decryption->key);
    if (rv != CKR_OK) return rv;
    return below().Decrypt(session, in + kIvSize, in_size - kIvSize, out, out_size);
  }

 private:
  struct Decryption {
    Key key = CK_INVALID_HANDLE;
    std::vector<CK_BYTE> aad;
  };

  bool IsMine(const CK_MECHANISM& mechanism) const override { return IsPrepending(&mechanism); }

  CK_ULONG IvSize(const CK_GCM_PARAMS& given) const override {
    return given.pIv == nullptr ? kIvSize : 0;
  }

  CK_ULONG ExtraSize(const Operation&) const override { return kIvSize; }

  void Deliver(const Operation& operation, const std::vector<CK_BYTE>& sealed,
               CK_BYTE* out) const override {
    if (Plays(Lie::kIvNotWritten)) {
      std::fill_n(out, kIvSize, CK_BYTE{0});
    } else {
      std::copy(operation.iv.begin(), operation.iv.end(), out);
    }
    std::copy(sealed.begin(), sealed.end(), out + kIvSize);
  }

  void Forget(Session session) override { decryptions_.End(session); }

  SessionMap<Decryption> decryptions_;
};

}  // namespace

std::unique_ptr<Layer> MakePrepended(Layer& below) {
  return std::make_unique<Prepended>(&below);
}

}  // namespace mortise::test
