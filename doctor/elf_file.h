// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <elf.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"

namespace mortise::doctor {

// A shared library as its file describes it. Nothing of it is run or mapped, unlike what ldd
// does: the file may be anybody's, or broken. Every offset in it is doubted.
class ElfFile {
 public:
  // Reads the identification alone. Throws Error(kConfig) for what is no ELF file, and
  // kPermission or kUnavailable for what cannot be read.
  explicit ElfFile(const std::string& path);

  std::string Architecture() const;  // "x86-64, 64 bit"; a number where it has no name here
  // A shared library of the architecture that this program was built for.
  bool IsForThisMachine() const;
  bool IsSharedLibrary() const { return type_ == ET_DYN; }

  // What its dynamic section says. Throws Error(kConfig) where it is truncated or damaged.
  // Only of a file for this machine.
  struct Dynamic {
    std::vector<std::string> needed;  // names of libraries, in their order
    std::vector<std::string> rpath;   // folders, as written: "$ORIGIN/../lib"
    std::vector<std::string> runpath;
    // "GLIBC_2.38" and so on, of the library libc.so.6.
    std::vector<std::string> libc_versions;
  };
  Dynamic ReadDynamic() const;

  // Whether it defines that symbol for others to find.
  bool Exports(const std::string& symbol) const;

  static std::string ThisArchitecture();

 private:
  std::string ReadAt(std::uint64_t offset, std::uint64_t size) const;
  std::string ReadString(std::uint64_t table, std::uint64_t offset) const;
  std::uint64_t OffsetOf(std::uint64_t address) const;
  void ReadSegments();
  std::optional<std::uint64_t> Entry(std::int64_t tag) const;
  std::vector<std::string> LibcVersions(std::uint64_t strings) const;
  std::uint64_t SymbolCount() const;
  std::uint64_t GnuSymbolCount(std::uint64_t table) const;
  template <typename T>
  T Read(std::uint64_t offset) const;
  [[noreturn]] void Damaged(const std::string& why) const;

  struct Segment {
    std::uint64_t address, offset, size;
  };

  std::string path_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
  std::uint8_t class_ = 0, order_ = 0;
  std::uint16_t type_ = 0, machine_ = 0;
  std::vector<Segment> segments_;                                // of a file for this machine
  std::vector<std::pair<std::int64_t, std::uint64_t>> dynamic_;  // likewise
};

}  // namespace mortise::doctor
