// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mortise {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

// The same bytes seen as text or as octets; nothing is copied.
inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Lower-case hexadecimal; FromHex gives nothing for an odd length or a stranger.
std::string ToHex(ByteView bytes);
std::optional<Bytes> FromHex(std::string_view hex);

// RFC 4648 §4 with padding; FromBase64 refuses anything else.
std::string ToBase64(ByteView bytes);
std::optional<Bytes> FromBase64(std::string_view text);

// RFC 4648 §5 without padding, as JWS has it.
std::string ToBase64Url(ByteView bytes);

// How many bytes of `text`, from its start, are whole characters of well-formed UTF-8.
std::size_t Utf8Prefix(std::string_view text);

// Text that came from outside, made fit for one line of a log: control bytes,
// quotes' neighbours and invalid UTF-8 become \xNN, and it is cut at `limit` bytes.
std::string Printable(std::string_view text, std::size_t limit = 64);

}  // namespace mortise
