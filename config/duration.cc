// SPDX-License-Identifier: Apache-2.0
#include "config/duration.h"

#include <cstdint>

namespace mortise::config {
namespace {

// A hundred years in milliseconds, a bound on the digits and one on the decimal places:
// far beyond any sensible value, and no product below can overflow 64 bits.
constexpr std::int64_t kLimit = std::int64_t{100} * 365 * 24 * 3600 * 1000;
constexpr std::int64_t kMaxDigits = 1'000'000'000'000;
constexpr std::int64_t kMaxDivisor = 1'000'000;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

struct Unit {
  std::string_view word;
  std::int64_t milliseconds;
};
constexpr Unit kUnits[] = {{"h", 3600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};

std::optional<std::int64_t> TakeUnit(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && !IsDigit(text[size]) && text[size] != '.') ++size;
  const std::string_view word = text.substr(0, size);
  text.remove_prefix(size);
  for (const Unit& unit : kUnits) {
    if (unit.word == word) return unit.milliseconds;
  }
  return std::nullopt;
}

// "1.5s" as 15 tenths of a second, exactly.
std::optional<std::int64_t> TakeTerm(std::string_view& text) {
  std::int64_t digits = 0, divisor = 1;
  bool has_digit = false, has_point = false;
  for (; !text.empty() && (IsDigit(text[0]) || text[0] == '.'); text.remove_prefix(1)) {
    if (text[0] == '.') {
      if (has_point) return std::nullopt;
      has_point = true;
      continue;
    }
    has_digit = true;
    digits = digits * 10 + (text[0] - '0');
    if (has_point) divisor *= 10;
    if (digits > kMaxDigits || divisor > kMaxDivisor) return std::nullopt;
  }
  if (!has_digit) return std::nullopt;
  const std::optional<std::int64_t> unit = TakeUnit(text);
  if (!unit || digits > kLimit / *unit * divisor) return std::nullopt;
  if (digits * *unit % divisor != 0) return std::nullopt;
  return digits * *unit / divisor;
}

}  // namespace

std::optional<Duration> ParseDuration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t sum = 0;
  while (!text.empty()) {
    const std::optional<std::int64_t> term = TakeTerm(text);
    if (!term) return std::nullopt;
    sum += *term;
    if (sum > kLimit) return std::nullopt;
  }
  return Duration(sum);
}

std::string FormatDuration(Duration duration) {
  std::int64_t rest = duration.count();
  if (rest == 0) return "0s";
  std::string text;
  for (const Unit& unit : kUnits) {
    if (rest >= unit.milliseconds) {
      text += std::to_string(rest / unit.milliseconds) + std::string(unit.word);
      rest %= unit.milliseconds;
    }
  }
  return text;
}

}  // namespace mortise::config
