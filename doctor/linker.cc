// SPDX-License-Identifier: Apache-2.0
#include "doctor/linker.h"

#include <cstring>
#include <deque>
#include <filesystem>
#include <optional>
#include <set>

#include "base/error.h"

namespace mortise::doctor {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostLibraries = 4096;

// A name without a slash and the folders that come before the system's own.
std::string Expanded(std::string folder, const std::string& origin) {
  const auto replace = [&folder](const std::string& token, const std::string& value) {
    for (std::size_t at = 0; (at = folder.find(token, at)) != folder.npos; at += value.size()) {
      folder.replace(at, token.size(), value);
    }
  };
  replace("${ORIGIN}", origin);
  replace("$ORIGIN", origin);
  const std::string lib = sizeof(void*) == 8 ? "lib64" : "lib";
  replace("${LIB}", lib);
  replace("$LIB", lib);
  return folder;
}

std::vector<std::string> Expanded(const std::vector<std::string>& folders,
                                  const std::string& library) {
  const std::string origin = fs::path(library).parent_path().string();
  std::vector<std::string> expanded;
  for (const std::string& folder : folders) expanded.push_back(Expanded(folder, origin));
  return expanded;
}

// The linker passes over a file of another architecture and looks on.
bool IsUsable(const std::string& path) {
  try {
    return ElfFile(path).IsForThisMachine();
  } catch (const Error&) {
    return false;
  }
}

std::optional<ElfFile::Dynamic> ReadDynamic(const std::string& path) {
  try {
    return ElfFile(path).ReadDynamic();
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

struct Linker::Wanted {
  std::string name;
  std::string needed_by;
  std::vector<std::string> rpath;    // of the library that asks and of all that led to it
  std::vector<std::string> runpath;  // of the library that asks
};

Linker Linker::OfThisSystem() {
  std::multimap<std::string, std::string> cache;
  try {
    cache = ParseLinkerCache(ReadFile("/etc/ld.so.cache", 64 << 20));
  } catch (const Error&) {
    // The default folders remain.
  }
  return Linker(std::move(cache), {"/lib", "/usr/lib", "/lib64", "/usr/lib64"});
}

Linker::Closure Linker::Resolve(const std::string& path) const {
  Closure closure;
  std::set<std::string> seen;
  std::deque<Wanted> wanted;
  const auto queue_needs_of = [&](const std::string& library, std::vector<std::string> rpath) {
    const std::optional<ElfFile::Dynamic> dynamic = ReadDynamic(library);
    if (!dynamic) return false;
    const auto own = Expanded(dynamic->rpath, library);
    rpath.insert(rpath.begin(), own.begin(), own.end());
    for (const std::string& name : dynamic->needed) {
      // A RUNPATH switches the RPATHs off for the needs of its library.
      wanted.push_back({name, library,
                        dynamic->runpath.empty() ? rpath : std::vector<std::string>(),
                        Expanded(dynamic->runpath, library)});
    }
    return true;
  };
  queue_needs_of(fs::absolute(path).string(), {});
  while (!wanted.empty() && seen.size() < kMostLibraries) {
    const Wanted next = wanted.front();
    wanted.pop_front();
    if (!seen.insert(next.name).second) continue;
    const std::string found = Find(next);
    if (found.empty() || !queue_needs_of(found, next.rpath)) {
      closure.missing.push_back({next.name, next.needed_by});
    } else {
      closure.found.push_back(found);
    }
  }
  return closure;
}

std::string Linker::Find(const Wanted& wanted) const {
  if (wanted.name.find('/') != wanted.name.npos) {
    const std::string path =
        Expanded(wanted.name, fs::path(wanted.needed_by).parent_path().string());
    return IsUsable(path) ? path : "";
  }
  for (const auto* folders : {&wanted.rpath, &wanted.runpath}) {
    if (std::string path = FindIn(*folders, wanted.name); !path.empty()) return path;
  }
  const auto [first, last] = cache_.equal_range(wanted.name);
  for (auto entry = first; entry != last; ++entry) {
    if (IsUsable(entry->second)) return entry->second;
  }
  return FindIn(default_folders_, wanted.name);
}

std::string Linker::FindIn(const std::vector<std::string>& folders, const std::string& name) const {
  for (const std::string& folder : folders) {
    const std::string path = folder + "/" + name;
    if (IsUsable(path)) return path;
  }
  return {};
}

std::multimap<std::string, std::string> ParseLinkerCache(const std::string& bytes) {
  constexpr std::string_view kMagic = "glibc-ld.so.cache1.1";
  constexpr std::size_t kHeader = 48, kEntry = 24, kCountAt = 20;
  std::multimap<std::string, std::string> cache;
  // An older format may come first; offsets count from the newer one's magic.
  const std::size_t start = bytes.find(kMagic);
  if (start == bytes.npos || bytes.size() - start < kHeader) return cache;
  const std::string_view all = std::string_view(bytes).substr(start);
  const auto number = [&all](std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, all.data() + at, sizeof(value));
    return value;
  };
  const auto text = [&all](std::size_t at) -> std::string {
    if (at >= all.size()) return {};
    const std::string_view rest = all.substr(at);
    return std::string(rest.substr(0, rest.find('\0')));
  };
  const std::size_t count =
      std::min<std::size_t>(number(kCountAt), (all.size() - kHeader) / kEntry);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t entry = kHeader + i * kEntry;
    cache.emplace(text(number(entry + 4)), text(number(entry + 8)));
  }
  return cache;
}

}  // namespace mortise::doctor
