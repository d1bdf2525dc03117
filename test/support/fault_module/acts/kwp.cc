// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <vector>

#include "test/support/fault_module/acts/acts.h"
#include "test/support/fault_module/acts/gcm.h"
#include "test/support/fault_module/acts/mechanisms.h"
#include "test/support/fault_module/played.h"
#include "test/support/fault_module/session_map.h"

namespace mortise::test {
namespace {

constexpr std::size_t kHalf = 8;
using Block = std::array<CK_BYTE, 2 * kHalf>;
using Bytes = std::vector<CK_BYTE>;

bool IsKwp(const CK_MECHANISM* mechanism) {
  return Plays(Act::kKwp) && mechanism != nullptr && mechanism->mechanism == CKM_AES_KEY_WRAP_KWP;
}

// RFC 5649 over CKM_AES_ECB of the token's own key, which never leaves it.
class Kwp final : public Layer {
 public:
  using Layer::Layer;

  CK_RV GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE* list, CK_ULONG* count) override {
    if (!Plays(Act::kKwp)) return below().GetMechanismList(slot, list, count);
    return ListWith(CKM_AES_KEY_WRAP_KWP, below(), slot, list, count);
  }

  CK_RV GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type,
                         CK_MECHANISM_INFO* info) override {
    const bool is_mine = Plays(Act::kKwp) && type == CKM_AES_KEY_WRAP_KWP;
    return below().GetMechanismInfo(slot, is_mine ? CKM_AES_ECB : type, info);
  }

  CK_RV CloseSession(Session session) override {
    encryptions_.End(session);
    decryptions_.End(session);
    return below().CloseSession(session);
  }

  CK_RV EncryptInit(Session session, CK_MECHANISM* mechanism, Key key) override {
    encryptions_.End(session);
    if (!IsKwp(mechanism)) return below().EncryptInit(session, mechanism, key);
    return Begin(encryptions_, session, *mechanism, key, CKA_ENCRYPT);
  }

  CK_RV DecryptInit(Session session, CK_MECHANISM* mechanism, Key key) override {
    decryptions_.End(session);
    if (!IsKwp(mechanism)) return below().DecryptInit(session, mechanism, key);
    return Begin(decryptions_, session, *mechanism, key, CKA_DECRYPT);
  }

  CK_RV Encrypt(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                CK_ULONG* out_size) override {
    if (encryptions_.Find(session) == nullptr) {
      return below().Encrypt(session, in, in_size, out, out_size);
    }
    const CK_ULONG padded = (in_size + kHalf - 1) / kHalf * kHalf;
    if (const auto rv = AnswerWithoutRoom(out, out_size, padded + kHalf)) return *rv;
    const auto key = *encryptions_.End(session);
    if (in_size == 0) return CKR_DATA_LEN_RANGE;
    Bytes text = {0xa6, 0x59, 0x59, 0xa6};
    for (int shift = 24; shift >= 0; shift -= 8) {
      text.push_back(static_cast<CK_BYTE>(in_size >> shift));
    }
    text.insert(text.end(), in, in + in_size);
    text.resize(padded + kHalf);
    const CK_RV rv = Wrap(session, key, text);
    if (rv != CKR_OK) return rv;
    std::copy(text.begin(), text.end(), out);
    *out_size = text.size();
    return CKR_OK;
  }

  CK_RV Decrypt(Session session, CK_BYTE* in, CK_ULONG in_size, CK_BYTE* out,
                CK_ULONG* out_size) override {
    if (decryptions_.Find(session) == nullptr) {
      return below().Decrypt(session, in, in_size, out, out_size);
    }
    const bool has_size = in_size >= 2 * kHalf && in_size % kHalf == 0;
    // The length query is answered with room enough, as the standard allows.
    if (has_size) {
      if (const auto rv = AnswerWithoutRoom(out, out_size, in_size - kHalf)) return *rv;
    }
    const auto key = *decryptions_.End(session);
    if (!has_size) return CKR_ENCRYPTED_DATA_LEN_RANGE;
    Bytes text(in, in + in_size);
    const CK_RV rv = Unwrap(session, key, text);
    if (rv != CKR_OK) return rv;
    const auto size = Plays(Lie::kIgnoresTag) ? text.size() - kHalf : SizeIfIntact(text);
    if (size == 0) return CKR_ENCRYPTED_DATA_INVALID;
    std::copy_n(text.begin() + kHalf, size, out);
    *out_size = size;
    return CKR_OK;
  }

 private:
  CK_RV Begin(SessionMap<Key>& operations, Session session, const CK_MECHANISM& mechanism, Key key,
              CK_ATTRIBUTE_TYPE use) {
    if (mechanism.ulParameterLen != 0) return CKR_MECHANISM_PARAM_INVALID;
    const CK_RV rv = CheckUse(below(), session, key, use);
    if (rv == CKR_OK) operations.Begin(session) = key;
    return rv;
  }

  CK_RV EncryptBlock(Session session, Key key, Block& block) {
    CK_MECHANISM ecb{CKM_AES_ECB, nullptr, 0};
    const CK_RV rv = below().EncryptInit(session, &ecb, key);
    CK_ULONG size = block.size();
    const Block in = block;
    if (rv != CKR_OK) return rv;
    return below().Encrypt(session, const_cast<CK_BYTE*>(in.data()), in.size(), block.data(),
                           &size);
  }

  CK_RV DecryptBlock(Session session, Key key, Block& block) {
    CK_MECHANISM ecb{CKM_AES_ECB, nullptr, 0};
    const CK_RV rv = below().DecryptInit(session, &ecb, key);
    CK_ULONG size = block.size();
    const Block in = block;
    if (rv != CKR_OK) return rv;
    return below().Decrypt(session, const_cast<CK_BYTE*>(in.data()), in.size(), block.data(),
                           &size);
  }

  // RFC 3394 §2.2.1 on `text`, whose first half block is A; RFC 5649 §4.1 where there
  // is only one block.
  CK_RV Wrap(Session session, Key key, Bytes& text) {
    const std::size_t halves = text.size() / kHalf - 1;
    Block block;
    std::copy_n(text.begin(), kHalf, block.begin());
    for (std::size_t step = 1; step <= (halves == 1 ? 1 : 6 * halves); ++step) {
      const auto half = text.begin() + static_cast<long>(((step - 1) % halves + 1) * kHalf);
      std::copy_n(half, kHalf, block.begin() + kHalf);
      const CK_RV rv = EncryptBlock(session, key, block);
      if (rv != CKR_OK) return rv;
      if (halves > 1) Count(step, block);
      std::copy_n(block.begin() + kHalf, kHalf, half);
    }
    std::copy_n(block.begin(), kHalf, text.begin());
    return CKR_OK;
  }

  CK_RV Unwrap(Session session, Key key, Bytes& text) {
    const std::size_t halves = text.size() / kHalf - 1;
    Block block;
    std::copy_n(text.begin(), kHalf, block.begin());
    for (std::size_t step = halves == 1 ? 1 : 6 * halves; step > 0; --step) {
      const auto half = text.begin() + static_cast<long>(((step - 1) % halves + 1) * kHalf);
      std::copy_n(half, kHalf, block.begin() + kHalf);
      if (halves > 1) Count(step, block);
      const CK_RV rv = DecryptBlock(session, key, block);
      if (rv != CKR_OK) return rv;
      std::copy_n(block.begin() + kHalf, kHalf, half);
    }
    std::copy_n(block.begin(), kHalf, text.begin());
    return CKR_OK;
  }

  static void Count(std::size_t step, Block& block) {
    for (std::size_t i = 0; i < sizeof(step); ++i) {
      block[kHalf - 1 - i] ^= static_cast<CK_BYTE>(step >> (8 * i));
    }
  }

  // 0: it is not what Wrap was given.
  static std::size_t SizeIfIntact(const Bytes& text) {
    const Bytes mark = {0xa6, 0x59, 0x59, 0xa6};
    if (!std::equal(mark.begin(), mark.end(), text.begin())) return 0;
    std::size_t size = 0;
    for (std::size_t i = mark.size(); i < kHalf; ++i) size = size << 8 | text[i];
    const std::size_t room = text.size() - kHalf;
    if (size > room || size + kHalf <= room) return 0;
    const auto padding = text.begin() + static_cast<long>(kHalf + size);
    return std::all_of(padding, text.end(), [](CK_BYTE byte) { return byte == 0; }) ? size : 0;
  }

  SessionMap<Key> encryptions_;
  SessionMap<Key> decryptions_;
};

}  // namespace

std::unique_ptr<Layer> MakeKwp(Layer& below) {
  return std::make_unique<Kwp>(&below);
}

}  // namespace mortise::test
