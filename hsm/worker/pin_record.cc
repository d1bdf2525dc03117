// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/pin_record.h"

#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "base/error.h"
#include "base/random.h"
#include "base/secret_bytes.h"

namespace mortise::hsm {
namespace {

constexpr int kVersion = 1;
constexpr std::size_t kSaltSize = 16;

std::uint8_t TagOf(ByteView pin, std::string_view serial, ByteView salt) {
  constexpr std::string_view kDomain("mortise.pin-latch.v1\0", 21);
  if (serial.size() > 0xffff) throw Error(Reason::kInternal, "a token's serial is too long");
  SecretBytes message(kDomain.size() + 2 + serial.size() + pin.size());
  std::uint8_t* end = std::copy(kDomain.begin(), kDomain.end(), message.data());
  *end++ = static_cast<std::uint8_t>(serial.size() >> 8);
  *end++ = static_cast<std::uint8_t>(serial.size());
  end = std::copy(serial.begin(), serial.end(), end);
  std::copy(pin.begin(), pin.end(), end);
  return HmacSha256(salt, message.view()).front();
}

Bytes BytesOf(const nlohmann::json& json, std::size_t smallest, std::size_t largest) {
  const std::optional<Bytes> bytes = FromHex(json.get<std::string>());
  if (!bytes || bytes->size() < smallest || bytes->size() > largest) {
    throw Error(Reason::kStateUnusable, "a field is not hexadecimal of its length");
  }
  return *bytes;
}

PinRecord FromJson(const nlohmann::json& json) {
  PinRecord record;
  const std::string state = json.at("state").get<std::string>();
  if (state != "trying" && state != "rejected") {
    throw Error(Reason::kStateUnusable, "its state is unknown");
  }
  record.state = state == "trying" ? PinRecord::State::kTrying : PinRecord::State::kRejected;
  record.serial = json.at("serial").get<std::string>();
  record.ckr = json.at("ckr").get<std::uint64_t>();
  record.at = ParseTime(json.at("at").get<std::string>());
  record.tries = json.value("tries", 1);
  if (record.tries < 1) throw Error(Reason::kStateUnusable, "its tries are no count");
  record.salt = BytesOf(json.at("salt"), 1, 64);
  record.tag = BytesOf(json.at("tag"), 1, 1).front();
  return record;
}

}  // namespace

PinRecord PinRecord::Of(ByteView pin, std::string_view serial) {
  PinRecord record;
  record.serial = Printable(serial);
  record.at = WallNow();
  record.salt = RandomBytes(kSaltSize);
  record.tag = TagOf(pin, serial, record.salt);
  return record;
}

bool PinRecord::IsAbout(ByteView pin, std::string_view token_serial) const {
  const std::uint8_t expected = TagOf(pin, token_serial, salt);
  return serial == Printable(token_serial) && EqualInConstantTime({&tag, 1}, {&expected, 1});
}

std::string PinRecord::Text() const {
  const nlohmann::ordered_json json = {
      {"v", kVersion},
      {"serial", serial},
      {"state", state == State::kTrying ? "trying" : "rejected"},
      {"ckr", ckr},
      {"at", FormatTime(at)},
      {"tries", tries},
      {"salt", ToHex(salt)},
      {"tag", ToHex({&tag, 1})},
  };
  return json.dump() + "\n";
}

std::optional<PinRecord> PinRecord::Parse(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto version = json.is_object() ? json.find("v") : json.end();
  if (!json.is_object() || version == json.end() || !version->is_number_integer() ||
      *version < kVersion) {
    throw Error(Reason::kStateUnusable, "it is no record of this format");
  }
  try {
    return FromJson(json);
  } catch (const std::exception&) {  // nlohmann's, or ours for a wrong value
    if (*version > kVersion) return std::nullopt;
    throw Error(Reason::kStateUnusable, "a field is missing or wrong");
  }
}

}  // namespace mortise::hsm
