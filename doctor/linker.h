// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "doctor/elf_file.h"

namespace mortise::doctor {

// Where the dynamic linker would look, as files say: ld.so(8). LD_LIBRARY_PATH is no part of
// it, since tokens[].environment may not set it.
class Linker {
 public:
  // `cache` is what stands in ld.so.cache; none is well, as on systems without one.
  Linker(std::multimap<std::string, std::string> cache, std::vector<std::string> default_folders)
      : cache_(std::move(cache)), default_folders_(std::move(default_folders)) {}
  static Linker OfThisSystem();

  struct Missing {
    std::string name;       // "libCryptoki.so.2"
    std::string needed_by;  // path of the library that asks for it
  };
  struct Closure {
    std::vector<Missing> missing;
    std::vector<std::string> found;  // paths, without the library itself
  };
  // All that `path` and what it needs need. A library that is damaged counts as missing.
  Closure Resolve(const std::string& path) const;

 private:
  struct Wanted;
  std::string Find(const Wanted& wanted) const;
  std::string FindIn(const std::vector<std::string>& folders, const std::string& name) const;

  std::multimap<std::string, std::string> cache_;
  std::vector<std::string> default_folders_;
};

// Names and paths of an ld.so.cache (glibc's format of 1998 and later). Empty for anything else.
std::multimap<std::string, std::string> ParseLinkerCache(const std::string& bytes);

}  // namespace mortise::doctor
