// SPDX-License-Identifier: Apache-2.0
#include "hsm/listed_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace mortise::hsm {

ListedKeys::ListedKeys(const config::Keyring& keyring)
    : keyring_(keyring.name), path_(keyring.keys_file) {}

std::vector<Event> ListedKeys::Refresh() {
  const std::lock_guard lock(mutex_);
  std::string problem;
  try {
    const std::string text = ReadFile(path_);
    RequireTrustedPath(path_);
    const Digest digest = Sha256::Of(AsBytes(text));
    if (digest_ != digest) {
      std::vector<Event> events = Take(config::ParseKeysFile(text, path_), digest);
      problem_.clear();
      return events;
    }
  } catch (const Error& error) {
    problem = error.what();
  }
  if (std::exchange(problem_, problem) == problem || problem.empty()) return {};
  return {Say(Severity::kError, "keys_file_refused",
              fmt::format("{} is refused, and {}; mend it (`mortise config check` says when it "
                          "is good): {}",
                          path_,
                          digest_ ? "what it listed before goes on to hold"
                                  : "until it is good no key is known",
                          problem))};
}

std::vector<Event> ListedKeys::Take(config::KeysFile file, const Digest& digest) {
  std::vector<Event> events;
  events.push_back(Say(Severity::kInfo, "keys_file_read",
                       fmt::format("{} lists {} key{} of this keyring", path_, file.keys.size(),
                                   file.keys.size() == 1 ? "" : "s")));
  events.back().fields.emplace_back("sha256", ToHex(digest));
  const config::KeysFile before = keys_ ? *keys_ : config::KeysFile();
  for (const config::ListedKey& old : before.keys) {
    if (std::ranges::find(file.keys, old.generation, &config::ListedKey::generation) !=
        file.keys.end())
      continue;
    events.push_back(Say(Severity::kWarning, "key_unlisted",
                         fmt::format("generation {} is no longer listed in {}: nothing that it "
                                     "wrapped can be opened; list it again unless it is destroyed",
                                     old.generation, path_)));
    events.back().fields.emplace_back("generation", std::to_string(old.generation));
  }
  keys_ = std::make_shared<config::KeysFile>(std::move(file));
  digest_ = digest;
  return events;
}

std::shared_ptr<const config::KeysFile> ListedKeys::keys() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

std::string ListedKeys::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

Event ListedKeys::Say(Severity severity, std::string_view name, std::string message) const {
  return {.severity = severity,
          .name = name,
          .message = std::move(message),
          .fields = {{"keyring", keyring_}, {"file", path_}}};
}

}  // namespace mortise::hsm
