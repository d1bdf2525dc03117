// SPDX-License-Identifier: Apache-2.0
#include "hsm/canary.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "hsm/scheme/envelope.h"
#include "hsm/scheme/key_id.h"

namespace mortise::hsm {
namespace {

constexpr std::array kSources = {CanarySource::kCreated, CanarySource::kFirstUse,
                                 CanarySource::kPinned};

[[noreturn]] void Refuse(const std::string& why) {
  throw Error(Reason::kStateUnusable, why);
}

CanarySource ParseSource(const std::string& text) {
  for (const CanarySource source : kSources) {
    if (Name(source) == text) return source;
  }
  Refuse("source is none of created, first-use, pinned");
}

std::string ParseBlob(const std::string& text) {
  const std::optional<Bytes> blob = FromBase64(text);
  if (!blob) Refuse("blob is not base64");
  try {
    Envelope::Parse(*blob);
  } catch (const Error&) {
    Refuse("blob is no envelope");
  }
  return std::string(AsText(*blob));
}

Digest ParseProof(const std::string& text) {
  const std::optional<Bytes> bytes = FromHex(text);
  Digest proof;
  if (!bytes || bytes->size() != proof.size()) Refuse("proof is not 64 hexadecimal digits");
  std::copy(bytes->begin(), bytes->end(), proof.begin());
  return proof;
}

}  // namespace

std::string_view Name(CanarySource source) {
  switch (source) {
    case CanarySource::kCreated:
      return "created";
    case CanarySource::kFirstUse:
      return "first-use";
    case CanarySource::kPinned:
      return "pinned";
  }
  return "unknown";
}

std::string FormatCanary(const Canary& canary) {
  const nlohmann::ordered_json json = {
      {"v", 1},
      {"keyId", canary.key_id},
      {"firstSeen", FormatTime(canary.first_seen)},
      {"source", Name(canary.source)},
      {"token", canary.token},
      {"blob", ToBase64(AsBytes(canary.blob))},
      {"proof", ToHex(canary.proof)},
  };
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Canary ParseCanary(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) Refuse("it is no JSON object");
  try {
    if (json.at("v").get<int>() < 1) Refuse("it has no format version");
    Canary canary;
    canary.key_id = json.at("keyId").get<std::string>();
    if (!ParseKeyId(canary.key_id)) Refuse("keyId is no key_id");
    canary.first_seen = ParseTime(json.at("firstSeen").get<std::string>());
    canary.source = ParseSource(json.at("source").get<std::string>());
    canary.token = json.at("token").get<std::string>();
    canary.blob = ParseBlob(json.at("blob").get<std::string>());
    canary.proof = ParseProof(json.at("proof").get<std::string>());
    return canary;
  } catch (const std::exception& error) {  // nlohmann's, ParseTime's or ours
    Refuse(Printable(error.what(), 200));
  }
}

}  // namespace mortise::hsm
