// SPDX-License-Identifier: Apache-2.0
#include "hsm/quarantine.h"

#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "hsm/scheme/key_id.h"

namespace mortise::hsm {
namespace {

namespace fs = std::filesystem;

// Names that are no key_id (such as a temporary file) are no key's.
std::set<std::string> KeysNamedIn(const std::string& folder, std::string_view suffix) {
  std::set<std::string> key_ids;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename();
    if (!name.ends_with(suffix)) continue;
    name.resize(name.size() - suffix.size());
    if (ParseKeyId(name)) key_ids.insert(std::move(name));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw Error(Reason::kStateUnusable, folder + ": " + error.message());
  }
  return key_ids;
}

}  // namespace

std::set<std::string> QuarantinedKeys(const std::string& state_dir) {
  return KeysNamedIn(state_dir + "/quarantine", "");
}

std::set<std::string> DestroyedKeys(const std::string& state_dir) {
  return KeysNamedIn(state_dir + "/tombstones", ".json");
}

}  // namespace mortise::hsm
