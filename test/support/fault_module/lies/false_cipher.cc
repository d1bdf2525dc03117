// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "test/support/fault_module/acts/gcm.h"
#include "test/support/fault_module/lies/lies.h"
#include "test/support/fault_module/played.h"
#include "test/support/fault_module/session_map.h"

namespace mortise::test {
namespace {

using Bytes = std::vector<CK_BYTE>;

// A mechanism with parameters of its own, where these are GCM's.
struct Cipher {
  explicit Cipher(const CK_MECHANISM& given) : mechanism(given) {
    const CK_GCM_PARAMS* gcm = IsGcm(&given) ? GcmParameters(&given) : nullptr;
    if (gcm == nullptr) return;
    iv.assign(gcm->pIv, gcm->pIv + gcm->ulIvLen);
    aad.assign(gcm->pAAD, gcm->pAAD + gcm->ulAADLen);
    if (Plays(Lie::kIgnoresAad)) aad.assign(1, 0);
    parameters = *gcm;
    parameters.pIv = gcm->pIv == nullptr ? nullptr : iv.data();
    parameters.pAAD = aad.data();
    parameters.ulAADLen = aad.size();
    mechanism.pParameter = &parameters;
  }
  Cipher(const Cipher&) = delete;
  Cipher& operator=(const Cipher&) = delete;

  Bytes iv, aad;
  CK_GCM_PARAMS parameters{};
  CK_MECHANISM mechanism;
};

class FalseCipher final : public Layer {
 public:
  using Layer::Layer;

  CK_RV CloseSession(Session session) override {
    decryptions_.End(session);
    return below().CloseSession(session);
  }

  CK_RV EncryptInit(Session session, CK_MECHANISM* mechanism, Key key) override {
    if (mechanism == nullptr || !Plays(Lie::kIgnoresAad)) {
      return below().EncryptInit(session, mechanism, key);
    }
    Cipher own(*mechanism);
    return below().EncryptInit(session, &own.mechanism, key);
  }

  CK_RV Encrypt(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                CK_ULONG* out_size) override {
    if (out == nullptr || !Plays(Lie::kIdentity)) {
      return below().Encrypt(session, in, in_size, out, out_size);
    }
    const Bytes plain(in, in + in_size);  // `out` may be where `in` is
    const CK_RV rv = below().Encrypt(session, in, in_size, out, out_size);
    if (rv == CKR_OK) std::copy_n(plain.begin(), std::min<std::size_t>(in_size, *out_size), out);
    return rv;
  }

  CK_RV DecryptInit(Session session, CK_MECHANISM* mechanism, Key key) override {
    decryptions_.End(session);
    if (mechanism == nullptr || !LiesAboutDecryption()) {
      return below().DecryptInit(session, mechanism, key);
    }
    auto& decryption = decryptions_.Begin(session);
    decryption.key = key;
    decryption.cipher = std::make_unique<Cipher>(*mechanism);
    CK_MECHANISM own = decryption.cipher->mechanism;
    const CK_RV rv = below().DecryptInit(session, &own, key);
    if (rv != CKR_OK) decryptions_.End(session);
    return rv;
  }

  CK_RV Decrypt(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                CK_ULONG* out_size) override {
    if (out == nullptr || decryptions_.Find(session) == nullptr) {
      return below().Decrypt(session, in, in_size, out, out_size);
    }
    const auto decryption = decryptions_.End(session);
    const bool is_gcm = IsGcm(&decryption->cipher->mechanism);
    const CK_ULONG size = in_size - (is_gcm ? std::min(in_size, kGcmTagSize) : 0);
    Bytes input(in, in + in_size);
    const CK_ULONG room = *out_size;
    const CK_RV rv = below().Decrypt(session, in, in_size, out, out_size);
    if (rv == CKR_BUFFER_TOO_SMALL || room < size) return rv;
    if (Plays(Lie::kIdentity)) {
      std::copy_n(input.begin(), size, out);
      *out_size = size;
      return CKR_OK;
    }
    if (rv == CKR_OK || !is_gcm || !Plays(Lie::kIgnoresTag)) return rv;
    input.resize(size);
    *out_size = size;
    return UnmaskUnchecked(session, *decryption, input, out);
  }

 private:
  struct Decryption {
    Key key = CK_INVALID_HANDLE;
    std::unique_ptr<Cipher> cipher;
  };

  static bool LiesAboutDecryption() {
    return Plays(Lie::kIdentity) || Plays(Lie::kIgnoresTag) || Plays(Lie::kIgnoresAad);
  }

  // GCM hides by XOR with a stream of bytes, so encrypting once more uncovers.
  CK_RV UnmaskUnchecked(Session session, const Decryption& decryption, Bytes& masked,
                        CK_BYTE* out) {
    CK_MECHANISM mechanism = decryption.cipher->mechanism;
    CK_RV rv = below().EncryptInit(session, &mechanism, decryption.key);
    if (rv != CKR_OK) return rv;
    Bytes sealed(masked.size() + kGcmTagSize);
    CK_ULONG size = sealed.size();
    rv = below().Encrypt(session, masked.data(), masked.size(), sealed.data(), &size);
    if (rv == CKR_OK) std::copy_n(sealed.begin(), masked.size(), out);
    return rv;
  }

  SessionMap<Decryption> decryptions_;
};

}  // namespace

std::unique_ptr<Layer> MakeFalseCipher(Layer& below) {
  return std::make_unique<FalseCipher>(&below);
}

}  // namespace mortise::test
