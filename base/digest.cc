// SPDX-License-Identifier: Apache-2.0
#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <new>

#include "base/error.h"

namespace mortise {
namespace {

// Fetched once: looking the algorithm up costs more than hashing what we hash.
const EVP_MD* Sha256Method() {
  static const EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (method == nullptr) throw Error(Reason::kInternal, "OpenSSL offers no SHA-256");
  return method;
}

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (!context_) throw std::bad_alloc();
  EVP_DigestInit_ex2(context_.get(), Sha256Method(), nullptr);
}

Sha256& Sha256::Add(ByteView bytes) {
  EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  return *this;
}

Sha256& Sha256::AddU8(std::uint8_t value) {
  return Add(ByteView(&value, 1));
}

Sha256& Sha256::AddU32(std::uint32_t value) {
  return AddU8(static_cast<std::uint8_t>(value >> 24))
      .AddU8(static_cast<std::uint8_t>(value >> 16))
      .AddU8(static_cast<std::uint8_t>(value >> 8))
      .AddU8(static_cast<std::uint8_t>(value));
}

Sha256& Sha256::AddLp(ByteView bytes) {
  if (bytes.size() > 0xffff) throw Error(Reason::kInternal, "a hashed field exceeds 65535 bytes");
  AddU8(static_cast<std::uint8_t>(bytes.size() >> 8))
      .AddU8(static_cast<std::uint8_t>(bytes.size()));
  return Add(bytes);
}

Digest Sha256::Finish() {
  Digest digest;
  EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
  return digest;
}

Digest Sha256::Of(ByteView bytes) {
  return Sha256().Add(bytes).Finish();
}

Digest HmacSha256(ByteView key, ByteView message) {
  Digest tag;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(),
       tag.data(), nullptr);
  return tag;
}

}  // namespace mortise
