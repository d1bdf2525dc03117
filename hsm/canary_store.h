// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hsm/canary.h"

namespace mortise::hsm {

struct LoadedCanaries {
  std::vector<Canary> canaries;       // by key_id
  std::vector<std::string> problems;  // a file that is damaged or misnamed proves nothing
};

// canaries/<key_id>.json: what proves the identity of the keys that this node knows.
class CanaryStore {
 public:
  explicit CanaryStore(const std::string& state_dir) : folder_(state_dir + "/canaries") {}

  LoadedCanaries Load() const;

  // Throws Error(kStateUnusable) when it cannot be written, and when the file that is there
  // is damaged or newer: it may be the only proof of that key.
  void Save(const Canary& canary) const;

 private:
  std::string PathOf(const std::string& key_id) const;

  std::string folder_;
};

// The file named by a keyring's `canaries`: one JSON object a line, each as FormatCanary gives
// and as `key create --canary-out` appends; empty lines are passed over. All are of source
// kPinned. Throws Error(kConfig), naming file and line, for any mistake: half a list of what to
// trust is none.
std::vector<Canary> ReadPinnedCanaries(const std::string& path);

}  // namespace mortise::hsm
