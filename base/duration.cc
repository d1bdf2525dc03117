// SPDX-License-Identifier: Apache-2.0
#include "base/duration.h"

#include <charconv>
#include <cstdint>

namespace mortise {
namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kLongest = 100 * 8766 * kHour;

// Takes the unit from the front of `text`; its length in microseconds, or 0.
std::int64_t TakeUnit(std::string_view& text) {
  // "ms" before "m": the longer name has to win.
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"us", 1}, {"ms", 1'000}, {"s", 1'000'000}, {"m", 60'000'000}, {"h", kHour * 1'000},
  };
  for (const auto& [name, length] : kUnits) {
    if (text.starts_with(name)) {
      text.remove_prefix(name.size());
      return length;
    }
  }
  return 0;
}

// Digits from the front of `text`; nothing where there is none or too many.
std::optional<std::int64_t> TakeNumber(std::string_view& text) {
  std::int64_t value = 0;
  if (text.empty() || text.front() == '-') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value > kLongest) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

// What stands after a decimal point, in millionths; at most six digits.
std::optional<std::int64_t> TakeFraction(std::string_view& text) {
  const std::size_t before = text.size();
  const auto digits = TakeNumber(text);
  const std::size_t length = before - text.size();
  if (!digits || length > 6) return std::nullopt;
  std::int64_t millionths = *digits;
  for (std::size_t i = length; i < 6; ++i) millionths *= 10;
  return millionths;
}

}  // namespace

std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  if (text.empty()) return std::nullopt;
  std::int64_t micros = 0;
  while (!text.empty()) {
    const auto whole = TakeNumber(text);
    if (!whole) return std::nullopt;
    std::int64_t millionths = 0;
    if (text.starts_with('.')) {
      text.remove_prefix(1);
      const auto fraction = TakeFraction(text);
      if (!fraction) return std::nullopt;
      millionths = *fraction;
    }
    const std::int64_t unit = TakeUnit(text);
    if (unit == 0 || *whole > kLongest * 1'000 / unit) return std::nullopt;
    micros += *whole * unit + millionths * unit / 1'000'000;
    if (micros > kLongest * 1'000) return std::nullopt;
  }
  if (micros % 1'000 != 0) return std::nullopt;
  return std::chrono::milliseconds(micros / 1'000);
}

}  // namespace mortise
