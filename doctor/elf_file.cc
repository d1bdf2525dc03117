// SPDX-License-Identifier: Apache-2.0
#include "doctor/elf_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "base/error.h"

namespace mortise::doctor {
namespace {

// More than any library has; a damaged file may claim billions.
constexpr std::uint64_t kMostEntries = 1 << 20;
constexpr std::uint64_t kLongestName = 4096;

constexpr std::uint8_t kThisClass = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
constexpr std::uint8_t kThisOrder =
    std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
#if defined(__x86_64__)
constexpr std::uint16_t kThisMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kThisMachine = EM_AARCH64;
#elif defined(__s390x__)
constexpr std::uint16_t kThisMachine = EM_S390;
#elif defined(__powerpc64__)
constexpr std::uint16_t kThisMachine = EM_PPC64;
#elif defined(__riscv)
constexpr std::uint16_t kThisMachine = EM_RISCV;
#else
#error "name this architecture's ELF machine"
#endif

std::string MachineName(std::uint16_t machine) {
  switch (machine) {
    case EM_386:
      return "x86";
    case EM_X86_64:
      return "x86-64";
    case EM_ARM:
      return "ARM";
    case EM_AARCH64:
      return "AArch64";
    case EM_PPC64:
      return "POWER";
    case EM_S390:
      return "s390";
    case EM_RISCV:
      return "RISC-V";
    default:
      return fmt::format("machine {}", machine);
  }
}

std::string Shown(std::uint16_t machine, std::uint8_t file_class, std::uint8_t order) {
  return fmt::format("{}, {} bit, {}-endian", MachineName(machine),
                     file_class == ELFCLASS64   ? "64"
                     : file_class == ELFCLASS32 ? "32"
                                                : "unknown",
                     order == ELFDATA2MSB ? "big" : "little");
}

std::vector<std::string> Folders(const std::string& list) {
  std::vector<std::string> folders;
  std::istringstream parts(list);
  for (std::string part; std::getline(parts, part, ':');) {
    if (!part.empty()) folders.push_back(part);
  }
  return folders;
}

}  // namespace

ElfFile::ElfFile(const std::string& path)
    : path_(path), fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  struct stat status {};
  if (!fd_ || fstat(fd_.get(), &status) != 0) {
    throw Error(errno == EACCES ? Reason::kPermission : Reason::kUnavailable,
                path + ": " + ErrnoText(errno));
  }
  if (!S_ISREG(status.st_mode)) throw Error(Reason::kConfig, path + ": is not a plain file");
  size_ = static_cast<std::uint64_t>(status.st_size);
  if (size_ < EI_NIDENT + 4) Damaged("is too short for a library");
  const std::string ident = ReadAt(0, EI_NIDENT);
  if (!ident.starts_with(ELFMAG)) Damaged("is not an ELF file, so no library");
  class_ = static_cast<std::uint8_t>(ident[EI_CLASS]);
  order_ = static_cast<std::uint8_t>(ident[EI_DATA]);
  // Type and machine stand alike in every class; their bytes may be the other way round.
  type_ = Read<std::uint16_t>(EI_NIDENT);
  machine_ = Read<std::uint16_t>(EI_NIDENT + 2);
  if (order_ != kThisOrder) {
    type_ = __builtin_bswap16(type_);
    machine_ = __builtin_bswap16(machine_);
  }
  if (IsForThisMachine()) ReadSegments();
}

std::string ElfFile::Architecture() const {
  return Shown(machine_, class_, order_);
}

std::string ElfFile::ThisArchitecture() {
  return Shown(kThisMachine, kThisClass, kThisOrder);
}

bool ElfFile::IsForThisMachine() const {
  return class_ == kThisClass && order_ == kThisOrder && machine_ == kThisMachine;
}

void ElfFile::ReadSegments() {
  const auto header = Read<ElfW(Ehdr)>(0);
  if (header.e_phnum > 0 && header.e_phentsize != sizeof(ElfW(Phdr))) {
    Damaged("has program headers of a strange size");
  }
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = Read<ElfW(Phdr)>(header.e_phoff + i * sizeof(ElfW(Phdr)));
    if (segment.p_type == PT_LOAD) {
      segments_.push_back({segment.p_vaddr, segment.p_offset, segment.p_filesz});
    }
    if (segment.p_type != PT_DYNAMIC) continue;
    const std::uint64_t count = std::min(segment.p_filesz / sizeof(ElfW(Dyn)), kMostEntries);
    for (std::uint64_t at = 0; at < count; ++at) {
      const auto entry = Read<ElfW(Dyn)>(segment.p_offset + at * sizeof(ElfW(Dyn)));
      if (entry.d_tag == DT_NULL) break;
      dynamic_.emplace_back(entry.d_tag, entry.d_un.d_val);
    }
  }
}

ElfFile::Dynamic ElfFile::ReadDynamic() const {
  Dynamic found;
  const auto table = Entry(DT_STRTAB);
  if (!table) return found;
  const std::uint64_t strings = OffsetOf(*table);
  for (const auto& [tag, value] : dynamic_) {
    if (tag == DT_NEEDED) found.needed.push_back(ReadString(strings, value));
    if (tag == DT_RPATH) found.rpath = Folders(ReadString(strings, value));
    if (tag == DT_RUNPATH) found.runpath = Folders(ReadString(strings, value));
  }
  found.libc_versions = LibcVersions(strings);
  return found;
}

std::vector<std::string> ElfFile::LibcVersions(std::uint64_t strings) const {
  std::vector<std::string> versions;
  const auto table = Entry(DT_VERNEED);
  if (!table) return versions;
  std::uint64_t at = OffsetOf(*table);
  for (std::uint64_t left = std::min(Entry(DT_VERNEEDNUM).value_or(0), kMostEntries); left > 0;
       --left) {
    const auto library = Read<ElfW(Verneed)>(at);
    const bool is_libc = ReadString(strings, library.vn_file) == "libc.so.6";
    std::uint64_t version_at = at + library.vn_aux;
    for (std::uint64_t i = 0; is_libc && i < library.vn_cnt; ++i) {
      const auto version = Read<ElfW(Vernaux)>(version_at);
      versions.push_back(ReadString(strings, version.vna_name));
      version_at += version.vna_next;
    }
    if (library.vn_next == 0) break;
    at += library.vn_next;
  }
  return versions;
}

bool ElfFile::Exports(const std::string& symbol) const {
  const auto symbols = Entry(DT_SYMTAB), strings = Entry(DT_STRTAB);
  if (!symbols || !strings) return false;
  const std::uint64_t table = OffsetOf(*symbols), names = OffsetOf(*strings);
  const std::uint64_t count = SymbolCount();
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto entry = Read<ElfW(Sym)>(table + i * sizeof(ElfW(Sym)));
    const auto bind = ELF64_ST_BIND(entry.st_info);
    if (entry.st_shndx == SHN_UNDEF || (bind != STB_GLOBAL && bind != STB_WEAK)) continue;
    if (ReadString(names, entry.st_name) == symbol) return true;
  }
  return false;
}

// Only a hash table says how many symbols there are.
std::uint64_t ElfFile::SymbolCount() const {
  if (const auto gnu = Entry(DT_GNU_HASH)) return GnuSymbolCount(OffsetOf(*gnu));
  if (const auto hash = Entry(DT_HASH)) {
    return std::min<std::uint64_t>(Read<std::uint32_t>(OffsetOf(*hash) + 4), kMostEntries);
  }
  return 0;
}

// Behind header, Bloom filter and buckets stand the hashes; the last one of a chain is odd.
std::uint64_t ElfFile::GnuSymbolCount(std::uint64_t table) const {
  const auto buckets = Read<std::uint32_t>(table);
  const auto first = Read<std::uint32_t>(table + 4);
  const auto blooms = Read<std::uint32_t>(table + 8);
  const std::uint64_t buckets_at = table + 16 + std::uint64_t{blooms} * sizeof(ElfW(Addr));
  std::uint32_t last = 0;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(buckets, kMostEntries); ++i) {
    last = std::max(last, Read<std::uint32_t>(buckets_at + i * 4));
  }
  if (last < first) return first;
  const std::uint64_t chains_at = buckets_at + std::uint64_t{buckets} * 4;
  while (last < kMostEntries && (Read<std::uint32_t>(chains_at + (last - first) * 4) & 1) == 0) {
    ++last;
  }
  return std::uint64_t{last} + 1;
}

std::optional<std::uint64_t> ElfFile::Entry(std::int64_t tag) const {
  for (const auto& [found, value] : dynamic_) {
    if (found == tag) return value;
  }
  return std::nullopt;
}

std::uint64_t ElfFile::OffsetOf(std::uint64_t address) const {
  for (const Segment& segment : segments_) {
    if (address >= segment.address && address - segment.address < segment.size) {
      return segment.offset + (address - segment.address);
    }
  }
  Damaged("points outside of itself");
}

std::string ElfFile::ReadAt(std::uint64_t offset, std::uint64_t size) const {
  if (offset > size_ || size > size_ - offset) Damaged("is truncated");
  std::string bytes(size, '\0');
  const ssize_t got = pread(fd_.get(), bytes.data(), size, static_cast<off_t>(offset));
  if (got != static_cast<ssize_t>(size)) Damaged("cannot be read to its end");
  return bytes;
}

std::string ElfFile::ReadString(std::uint64_t table, std::uint64_t offset) const {
  const std::uint64_t at = table + offset;
  if (at < table || at >= size_) Damaged("is truncated");
  const std::string bytes = ReadAt(at, std::min(kLongestName, size_ - at));
  const std::size_t end = bytes.find('\0');
  if (end == bytes.npos) Damaged("has a name without an end");
  return bytes.substr(0, end);
}

template <typename T>
T ElfFile::Read(std::uint64_t offset) const {
  const std::string bytes = ReadAt(offset, sizeof(T));
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

void ElfFile::Damaged(const std::string& why) const {
  throw Error(Reason::kConfig, path_ + ": " + why);
}

}  // namespace mortise::doctor
