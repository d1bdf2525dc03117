// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "config/config.h"
#include "config/keys_file.h"
#include "hsm/observer.h"

namespace mortise::hsm {

// The keysFile of a keyring, as it was when it last could be read: a mistake in a new version
// must not make the keys of the old one unknown. Thread-safe.
class ListedKeys {
 public:
  explicit ListedKeys(const config::Keyring& keyring);

  // Reads the file anew if it has changed. Gives what is new to say, such as what is wrong
  // with it; once for each version.
  std::vector<Event> Refresh();

  // Null before the first version that is good.
  std::shared_ptr<const config::KeysFile> keys() const;
  // Of the file as it is now; empty: it is good.
  std::string problem() const;

 private:
  std::vector<Event> Take(config::KeysFile file, const Digest& digest);
  Event Say(Severity severity, std::string_view name, std::string message) const;

  const std::string keyring_;
  const std::string path_;
  mutable std::mutex mutex_;
  std::shared_ptr<const config::KeysFile> keys_;  // guarded by mutex_
  std::string problem_;                           // guarded by mutex_
  std::optional<Digest> digest_;                  // guarded by mutex_; of what keys_ was read from
};

}  // namespace mortise::hsm
