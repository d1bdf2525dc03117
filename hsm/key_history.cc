// SPDX-License-Identifier: Apache-2.0
#include "hsm/key_history.h"

#include <chrono>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "hsm/state_json.h"

namespace mortise::hsm {
namespace {

using nlohmann::json;

constexpr auto kLockPatience = std::chrono::seconds(5);

std::optional<WallTime> TimeIn(const json& object, const char* field) {
  if (!object.contains(field)) return std::nullopt;
  return ParseTime(object.at(field).get<std::string>());
}

std::uint32_t GenerationIn(const json& number) {
  // nlohmann would cut a negative or fractional number to fit.
  if (!number.is_number_unsigned() || number > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(Reason::kInternal, "highestActive is no generation");
  }
  return number.get<std::uint32_t>();
}

void PutTime(json& object, const char* field, const std::optional<WallTime>& time) {
  if (time) {
    object[field] = FormatTime(*time);
  } else {
    object.erase(field);
  }
}

// Fills what it can before it throws, so that a partly understood file is partly used.
void Read(const json& keyring, KeyringHistory& history) {
  if (!keyring.is_object()) throw Error(Reason::kInternal, "it is no object");
  if (keyring.contains("highestActive")) {
    history.highest_active = GenerationIn(keyring.at("highestActive"));
  }
  history.last_complete_scan = TimeIn(keyring, "lastCompleteScan");
  history.last_time_seen = TimeIn(keyring, "lastTimeSeen");
  if (!keyring.contains("keys")) return;
  for (const auto& [key_id, key] : keyring.at("keys").get_ref<const json::object_t&>()) {
    history.keys[key_id] = {ParseTime(key.at("firstSeen").get<std::string>()),
                            TimeIn(key, "accepted")};
  }
}

void Write(const KeyringHistory& history, json& keyring) {
  keyring["highestActive"] = history.highest_active;
  PutTime(keyring, "lastCompleteScan", history.last_complete_scan);
  PutTime(keyring, "lastTimeSeen", history.last_time_seen);
  json keys = json::object();
  for (const auto& [key_id, known] : history.keys) {
    json& key = keys[key_id];
    if (keyring.contains("keys")) key = keyring["keys"].value(key_id, json::object());
    key["firstSeen"] = FormatTime(known.first_seen);
    PutTime(key, "accepted", known.accepted);
  }
  keyring["keys"] = std::move(keys);
}

// Throws Error(kStateUnusable) where the file is not what this version writes.
void ReadKeyring(const json& state, const std::string& path, const std::string& keyring,
                 KeyringHistory& history) {
  try {
    if (!state.contains("keyrings")) return;
    const json& keyrings = state.at("keyrings");
    if (keyrings.is_object() && !keyrings.contains(keyring)) return;
    Read(keyrings.at(keyring), history);
  } catch (const std::exception& error) {  // nlohmann's, or ParseTime's
    RefuseDamaged(path, "keyring " + keyring + ": " + Printable(error.what(), 200));
  }
}

}  // namespace

KeyringHistory KeyHistory::Load(const std::string& keyring) const {
  KeyringHistory history;
  try {
    const auto state = ReadStateJson(path_);
    if (!state) return history;
    try {
      ReadKeyring(*state, path_, keyring, history);
    } catch (const Error&) {
      if (!IsNewer(*state)) throw;  // what a newer version means otherwise is no damage
    }
    if (IsNewer(*state)) RefuseNewer(path_);
  } catch (const Error& error) {
    history.problem = error.what();
  }
  return history;
}

void KeyHistory::Update(const std::string& keyring,
                        const std::function<void(KeyringHistory&)>& change) const {
  const auto lock = FileLock::Acquire(path_ + ".lock", kLockPatience);
  if (!lock) {
    throw Error(Reason::kStateUnusable,
                path_ + ".lock: another process has held it for 5 s; it will be tried again");
  }
  json state = ReadStateJson(path_).value_or(json{{"v", kStateVersion}});
  if (IsNewer(state)) RefuseNewer(path_);
  KeyringHistory history;
  ReadKeyring(state, path_, keyring, history);
  change(history);
  Write(history, state["keyrings"][keyring]);
  WriteFileAtomically(path_, state.dump(1) + "\n");
}

}  // namespace mortise::hsm
