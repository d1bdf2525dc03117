// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <functional>

#include "base/random.h"
#include "hsm/cryptoki/session.h"

namespace mortise::hsm {

// Of the token's generator XOR the kernel's, so that either one suffices: one Cryptoki call.
template <std::size_t kSize>
std::array<std::uint8_t, kSize> FreshIv(const Session& session) {
  std::array<std::uint8_t, kSize> iv, kernel;
  session.FillRandom(iv);
  FillRandom(kernel);
  std::ranges::transform(iv, kernel, iv.begin(), std::bit_xor<>());
  return iv;
}

}  // namespace mortise::hsm
