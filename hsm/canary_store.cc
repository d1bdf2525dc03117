// SPDX-License-Identifier: Apache-2.0
#include "hsm/canary_store.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "hsm/scheme/key_id.h"
#include "hsm/state_json.h"

namespace mortise::hsm {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kSuffix = ".json";

void RequireWhole(const std::string& path, const nlohmann::json& canary) {
  try {
    ParseCanary(canary.dump());
  } catch (const Error& error) {
    RefuseDamaged(path, error.what());
  }
}

}  // namespace

LoadedCanaries CanaryStore::Load() const {
  LoadedCanaries loaded;
  std::error_code error;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string path = entry->path();
    if (!path.ends_with(kSuffix)) continue;  // such as a temporary file
    try {
      Canary canary = ParseCanary(ReadFile(path));
      if (entry->path().filename() != canary.key_id + std::string(kSuffix)) {
        throw Error(Reason::kStateUnusable, "it is about another key: " + canary.key_id);
      }
      loaded.canaries.push_back(std::move(canary));
    } catch (const Error& problem) {
      loaded.problems.push_back(path + ": " + problem.what());
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    loaded.problems.push_back(folder_ + ": " + error.message());
  }
  std::sort(loaded.canaries.begin(), loaded.canaries.end(),
            [](const Canary& a, const Canary& b) { return a.key_id < b.key_id; });
  return loaded;
}

void CanaryStore::Save(const Canary& canary) const {
  if (!ParseKeyId(canary.key_id)) {
    throw Error(Reason::kInternal,
                "no key_id: " + Printable(canary.key_id) + "; please report this");
  }
  const std::string path = PathOf(canary.key_id);
  const auto present = ReadStateJson(path);
  if (present && IsNewer(*present)) RefuseNewer(path);
  if (present) RequireWhole(path, *present);
  WriteFileAtomically(path, FormatCanary(canary) + "\n");
}

std::string CanaryStore::PathOf(const std::string& key_id) const {
  return folder_ + "/" + key_id + std::string(kSuffix);
}

std::vector<Canary> ReadPinnedCanaries(const std::string& path) {
  std::string text;
  try {
    text = ReadFile(path);
    // It says which keys are trusted, each time that it is read.
    RequireTrustedPath(path);
  } catch (const Error& error) {
    throw Error(Reason::kConfig, std::string("canaries: ") + error.what());
  }
  std::vector<Canary> canaries;
  std::set<std::string> seen;
  int line_number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line(text.data() + begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    try {
      Canary canary = ParseCanary(line);
      canary.source = CanarySource::kPinned;
      if (!seen.insert(canary.key_id).second) {
        throw Error(Reason::kConfig, "a second canary of " + canary.key_id + "; keep one");
      }
      canaries.push_back(std::move(canary));
    } catch (const Error& error) {
      throw Error(Reason::kConfig, path + ":" + std::to_string(line_number) + ": " + error.what());
    }
  }
  return canaries;
}

}  // namespace mortise::hsm
