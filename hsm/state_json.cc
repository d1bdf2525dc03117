// SPDX-License-Identifier: Apache-2.0
#include "hsm/state_json.h"

#include <filesystem>

#include "base/error.h"
#include "base/file.h"

namespace mortise::hsm {
namespace {

constexpr std::size_t kLimit = 16 << 20;

bool IsThere(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

}  // namespace

std::optional<nlohmann::json> ReadStateJson(const std::string& path) {
  std::string text;
  try {
    text = ReadFile(path, kLimit);
  } catch (const Error& error) {
    if (!IsThere(path)) return std::nullopt;
    throw Error(Reason::kStateUnusable, error.what());
  }
  auto state = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!state.is_object()) RefuseDamaged(path, "it is no JSON object");
  const auto version = state.find("v");
  if (version == state.end() || !version->is_number_unsigned() || *version < kStateVersion) {
    RefuseDamaged(path, "it has no format version");
  }
  return state;
}

bool IsNewer(const nlohmann::json& state) {
  return state.at("v") > kStateVersion;
}

void RefuseNewer(const std::string& path) {
  throw Error(Reason::kStateUnusable,
              path +
                  ": written by a newer version of Mortise, so this one wraps nothing and "
                  "admits no key; it goes on unwrapping. Run that version again");
}

void RefuseDamaged(const std::string& path, const std::string& why) {
  throw Error(Reason::kStateUnusable,
              path + ": damaged (" + why +
                  "), so nothing is wrapped and no key admitted; unwrapping goes on. Restore "
                  "the file from a backup, or see docs/state-folder.md");
}

}  // namespace mortise::hsm
