// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <span>

#include "base/error.h"
#include "base/secret_bytes.h"

namespace mortise::hsm {

// Where a token writes its output: ample for anything a scheme makes of a seed, and wiped.
class OutputRoom {
 public:
  OutputRoom() = default;
  ~OutputRoom() { Wipe(bytes_.data(), bytes_.size()); }
  OutputRoom(const OutputRoom&) = delete;
  OutputRoom& operator=(const OutputRoom&) = delete;

  std::span<std::uint8_t> span() { return bytes_; }

  // What a token said it wrote, which must be `wanted` bytes. Throws Error(kProofFailed).
  ByteView Exactly(std::size_t wanted, std::size_t said, std::string_view function) const {
    if (said != wanted) {
      throw Error(Reason::kProofFailed, std::string(function) + ": the token gave " +
                                            std::to_string(said) + " bytes where there must be " +
                                            std::to_string(wanted) +
                                            "; it does not do what the mechanism is");
    }
    return first(said);
  }
  // Throws Error(kProofFailed) for more than there is room for.
  ByteView AtMostAll(std::size_t said, std::string_view function) const {
    return Exactly(std::min(said, bytes_.size()), said, function);
  }
  ByteView first(std::size_t size) const { return ByteView(bytes_).first(size); }

 private:
  std::array<std::uint8_t, 2048> bytes_{};
};

}  // namespace mortise::hsm
