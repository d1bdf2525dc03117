// SPDX-License-Identifier: Apache-2.0
#include "base/secret_bytes.h"

#include <openssl/crypto.h>

#include <cstring>
#include <utility>

namespace mortise {

SecretBytes::SecretBytes(std::size_t size)
    : bytes_(std::make_unique<std::uint8_t[]>(size)), size_(size) {}

SecretBytes::SecretBytes(ByteView bytes) : SecretBytes(bytes.size()) {
  if (!bytes.empty()) std::memcpy(bytes_.get(), bytes.data(), bytes.size());
}

SecretBytes::~SecretBytes() {
  if (bytes_) Wipe(bytes_.get(), size_);
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this == &other) return *this;
  if (bytes_) Wipe(bytes_.get(), size_);
  bytes_ = std::move(other.bytes_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void Wipe(void* data, std::size_t size) {
  OPENSSL_cleanse(data, size);
}

void Wipe(std::string& text) {
  Wipe(text.data(), text.size());
  text.clear();
}

bool EqualInConstantTime(ByteView a, ByteView b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace mortise
