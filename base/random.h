// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace mortise {

// From the kernel (getrandom), which cannot fail once the machine has booted.
void FillRandom(std::span<std::uint8_t> bytes);
Bytes RandomBytes(std::size_t size);

}  // namespace mortise
