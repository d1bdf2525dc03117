// SPDX-License-Identifier: Apache-2.0
#include "doctor/host_memory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace mortise::doctor {
namespace {

namespace fs = std::filesystem;

// Kernels before 5.16 gave a process this much, too little for a library that locks its heap.
constexpr std::uint64_t kSmallLockLimit = 64 << 10;

std::string FirstLine(const std::string& path) {
  try {
    const std::string text = ReadFile(path);
    return text.substr(0, text.find('\n'));
  } catch (const Error&) {
    return {};
  }
}

// /sys/dev/block/MAJOR:MINOR of a device, or of the file system that holds a swap file.
std::optional<fs::path> BlockFolder(const std::string& path, const std::string& type,
                                    const std::string& sysfs) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  const dev_t device = type == "file" ? status.st_dev : status.st_rdev;
  const fs::path folder =
      fs::path(sysfs) / "dev/block" / fmt::format("{}:{}", major(device), minor(device));
  std::error_code missing;
  const fs::path real = fs::canonical(folder, missing);
  return missing ? std::nullopt : std::optional(real);
}

// A device-mapper volume names its maker in dm/uuid. A logical volume upon an encrypted one
// is encrypted if all that it lies on is. The depth guards against a loop.
bool IsEncrypted(const fs::path& block, int depth = 8) {
  if (FirstLine((block / "dm/uuid").string()).starts_with("CRYPT-")) return true;
  std::error_code missing;
  int parts = 0;
  for (const fs::directory_entry& part : fs::directory_iterator(block / "slaves", missing)) {
    ++parts;
    if (depth == 0 || !IsEncrypted(fs::canonical(part.path(), missing), depth - 1)) return false;
  }
  return parts > 0;
}

// zram keeps its pages in memory, unless it was given a disk to write back to.
bool StaysInMemory(const std::string& path, const fs::path& block) {
  if (!fs::path(path).filename().string().starts_with("zram")) return false;
  const std::string backing = FirstLine((block / "backing_dev").string());
  return backing.empty() || backing == "none";
}

}  // namespace

void JudgeSwap(const std::string& swaps, const std::string& sysfs, CheckList& list) {
  std::istringstream lines(swaps);
  std::string line;
  std::getline(lines, line);  // the heading
  std::vector<std::string> bare, sound;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    std::string path, type;
    if (!(fields >> path >> type)) continue;
    const auto block = BlockFolder(path, type, sysfs);
    const bool is_sound = StaysInMemory(path, block.value_or("")) || (block && IsEncrypted(*block));
    (is_sound ? sound : bare).push_back(path);
  }
  if (!bare.empty()) {
    list.Warn(
        "swap",
        fmt::format("swap is on without encryption that could be seen: {}", fmt::join(bare, ", ")),
        "turn it off (swapoff -a, and /etc/fstab) or put it on an encrypted volume: seeds "
        "and PINs could be written there");
  } else if (sound.empty()) {
    list.Pass("swap", "there is no swap");
  } else {
    list.Pass("swap",
              fmt::format("swap is encrypted or stays in memory: {}", fmt::join(sound, ", ")));
  }
}

void JudgeLockLimit(std::optional<std::uint64_t> limit, CheckList& list) {
  if (!limit) return list.Pass("memory-lock", "memory may be locked without limit");
  const std::string shown = fmt::format("{} KiB of memory may be locked", *limit >> 10);
  if (*limit > kSmallLockLimit) return list.Pass("memory-lock", shown);
  list.Warn("memory-lock", shown,
            "raise it (LimitMEMLOCK=8M in the unit, ulimit -l in a shell): vendors' libraries that "
            "lock their keys fail or do without");
}

void JudgeCoreDumps(std::uint64_t limit, bool is_dumpable, CheckList& list) {
  if (limit == 0 && !is_dumpable) {
    return list.Pass("core-dumps", "Mortise's processes write no core dump");
  }
  list.Fail("core-dumps", "this process could write a core dump, with what it holds in memory",
            "set LimitCORE=0 for the service, and report this: mortise turns core dumps off "
            "itself");
}

void CheckMemory(CheckList& list) {
  rlimit lock{}, core{};
  getrlimit(RLIMIT_MEMLOCK, &lock);
  getrlimit(RLIMIT_CORE, &core);
  JudgeLockLimit(
      lock.rlim_cur == RLIM_INFINITY ? std::nullopt : std::optional<std::uint64_t>(lock.rlim_cur),
      list);
  try {
    JudgeSwap(ReadFile("/proc/swaps"), "/sys", list);
  } catch (const Error& error) {
    list.Skip("swap", error.what());
  }
  JudgeCoreDumps(core.rlim_cur, prctl(PR_GET_DUMPABLE) != 0, list);
}

}  // namespace mortise::doctor
