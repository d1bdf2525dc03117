// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mortise::hsm {

// Why a worker was started; the label of mortise_worker_starts_total.
enum class StartReason : std::uint8_t { kFirst, kExited, kHung, kSick, kIsolation, kRescan };
inline constexpr std::size_t kStartReasonCount = 6;
std::string_view Name(
    StartReason reason);  // "first", "exited", "hung", "sick", "isolation", "rescan"

}  // namespace mortise::hsm
