// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/key_label.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"

namespace mortise::hsm {
namespace {

namespace chrono = std::chrono;

constexpr std::size_t kMaxLabelSize = 47;
constexpr std::size_t kContextTagSize = 6;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}

// Decimal digits only; the caller has bounded the length.
std::optional<unsigned> ParseDigits(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), IsDigit)) return std::nullopt;
  unsigned value = 0;
  for (const char c : text) value = value * 10 + static_cast<unsigned>(c - '0');
  return value;
}

// "20260131T1200Z"
std::optional<WallTime> ParseMinute(std::string_view text) {
  if (text.size() != 14 || text[8] != 'T' || text[13] != 'Z') return std::nullopt;
  const auto date = ParseDigits(text.substr(0, 8));
  const auto time = ParseDigits(text.substr(9, 4));
  if (!date || !time || *time / 100 > 23 || *time % 100 > 59) return std::nullopt;
  const chrono::year_month_day day(chrono::year(static_cast<int>(*date / 10000)),
                                   chrono::month(*date / 100 % 100), chrono::day(*date % 100));
  if (!day.ok()) return std::nullopt;
  return chrono::sys_days(day) + chrono::hours(*time / 100) + chrono::minutes(*time % 100);
}

std::string FormatMinute(WallTime time) {
  const chrono::sys_days midnight = chrono::floor<chrono::days>(time);
  const chrono::year_month_day day(midnight);
  const chrono::hh_mm_ss clock(time - midnight);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}Z", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()),
                     clock.hours().count(), clock.minutes().count());
}

// A label says 01 for aes-gcm in every IV mode, so 02 is in no label.
std::optional<SchemeId> ParseScheme(std::string_view text) {
  if (text.size() != 2 || text[0] != '0' || text[1] < '1' || text[1] > '8' || text[1] == '2') {
    return std::nullopt;
  }
  return static_cast<SchemeId>(text[1] - '0');
}

// Takes the last dot-separated field off `text`.
std::string_view TakeLast(std::string_view& text) {
  const std::size_t dot = text.rfind('.');
  if (dot == std::string_view::npos) return {};
  const std::string_view field = text.substr(dot + 1);
  text = text.substr(0, dot);
  return field;
}

void TakeSuffix(std::string_view& text, KeyLabel& label) {
  if (text.size() < 2 || text[text.size() - 2] != '.') return;
  switch (text.back()) {
    case 'm':
      label.role = KeyRole::kMac;
      break;
    case 's':
      label.role = KeyRole::kSigner;
      break;
    case 'x':
      label.withdrawn = true;
      break;
    default:
      return;
  }
  text.remove_suffix(2);
}

std::string_view Suffix(const KeyLabel& label) {
  if (label.withdrawn) return ".x";
  switch (label.role) {
    case KeyRole::kWrap:
      return "";
    case KeyRole::kMac:
      return ".m";
    case KeyRole::kSigner:
      return ".s";
  }
  return "";
}

}  // namespace

std::optional<KeyLabel> ParseKeyLabel(std::string_view text) {
  if (text.size() > kMaxLabelSize) return std::nullopt;
  KeyLabel label;
  TakeSuffix(text, label);
  const std::string_view context_tag = TakeLast(text);
  const auto scheme = ParseScheme(TakeLast(text));
  const auto activation = ParseMinute(TakeLast(text));
  const auto generation = ParseGeneration(TakeLast(text));
  if (!IsLowerHex(context_tag, kContextTagSize) || !scheme || !activation || !generation ||
      !IsKeyringName(text)) {
    return std::nullopt;
  }
  label.keyring = text;
  label.generation = *generation;
  label.activation = *activation;
  label.scheme = *scheme;
  label.context_tag = context_tag;
  return label;
}

std::string FormatKeyLabel(const KeyLabel& label) {
  const std::string text = fmt::format(
      "{}.{}.{}.{:02x}.{}{}", label.keyring, label.generation, FormatMinute(label.activation),
      static_cast<unsigned>(label.scheme), label.context_tag, Suffix(label));
  if (ParseKeyLabel(text) != label) {
    throw Error(Reason::kInternal, "no key label: " + Printable(text) + "; please report this");
  }
  return text;
}

std::string ContextTag(std::string_view context) {
  constexpr std::string_view kDomain("mortise.context.v1\0", 19);
  const Digest digest = Sha256().Add(kDomain).AddLp(context).Finish();
  return ToHex(ByteView(digest).first(kContextTagSize / 2));
}

bool IsKeyringName(std::string_view text) {
  const auto is_inner = [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; };
  return !text.empty() && text.size() <= 15 && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), is_inner);
}

std::optional<std::uint32_t> ParseGeneration(std::string_view text) {
  if (text.size() > 4 || text.starts_with('0')) return std::nullopt;
  return ParseDigits(text);
}

bool IsLowerHex(std::string_view text, std::size_t size) {
  return text.size() == size && std::all_of(text.begin(), text.end(), [](char c) {
           return IsDigit(c) || (c >= 'a' && c <= 'f');
         });
}

}  // namespace mortise::hsm
