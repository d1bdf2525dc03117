// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/bytes.h"

struct evp_md_ctx_st;

namespace mortise {

using Digest = std::array<std::uint8_t, 32>;

// SHA-256 over the pieces that FORMATS.md strings together. Integers go in
// big-endian; Lp is a 16-bit length, then the bytes.
class Sha256 {
 public:
  Sha256();
  Sha256& Add(ByteView bytes);
  Sha256& Add(std::string_view text) { return Add(AsBytes(text)); }
  Sha256& AddU8(std::uint8_t value);
  Sha256& AddU32(std::uint32_t value);
  Sha256& AddLp(ByteView bytes);
  Sha256& AddLp(std::string_view text) { return AddLp(AsBytes(text)); }
  Digest Finish();  // once; the object is then used up

  static Digest Of(ByteView bytes);

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

Digest HmacSha256(ByteView key, ByteView message);

}  // namespace mortise
