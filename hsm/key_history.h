// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"

namespace mortise::hsm {

struct KnownKey {
  WallTime first_seen{};
  std::optional<WallTime> accepted;  // when an operator ran `key accept`
  bool operator==(const KnownKey&) const = default;
};

// What this node remembers of a keyring.
struct KeyringHistory {
  std::uint32_t highest_active = 0;      // highest generation ever active; 0: none was
  std::map<std::string, KnownKey> keys;  // by key_id
  std::optional<WallTime> last_complete_scan;
  std::optional<WallTime> last_time_seen;

  // Set by Load when the file is damaged or of a newer version, so that more may be known
  // than this says: then nothing may be concluded from what is missing here.
  std::optional<std::string> problem;
};

// state.json: which generations were active and which keys are known, over restarts. Several
// processes of one node share it during a take-over. Thread-safe: the lock is on the file.
class KeyHistory {
 public:
  explicit KeyHistory(const std::string& state_dir) : path_(state_dir + "/state.json") {}

  // Never throws for the state of the file: see KeyringHistory::problem.
  KeyringHistory Load(const std::string& keyring) const;

  // Reads, lets `change` change it, and has it on disk before it returns; no other process
  // comes between. Fields of the file that this version does not know stay. Throws
  // Error(kStateUnusable), with nothing written, if the file is damaged, newer, or cannot be
  // written, and whatever `change` throws.
  void Update(const std::string& keyring, const std::function<void(KeyringHistory&)>& change) const;

 private:
  std::string path_;
};

}  // namespace mortise::hsm
