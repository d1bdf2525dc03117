// SPDX-License-Identifier: Apache-2.0
#include "doctor/host_state.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "hsm/state_json.h"

namespace mortise::doctor {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLittleSpace = 64 << 20;
constexpr std::uint64_t kNoSpace = 1 << 20;

void JudgeMissing(const std::string& path, CheckList& list) {
  fs::path above = fs::path(path).parent_path();
  while (!fs::exists(above) && above.has_relative_path()) above = above.parent_path();
  if (access(above.c_str(), W_OK | X_OK) == 0) {
    return list.Pass("state-dir", fmt::format("{} is not there yet; the service makes it", path));
  }
  list.Fail(
      "state-dir",
      fmt::format("{} is missing, and this user may not make it in {}", path, above.string()),
      fmt::format("run this as the user that serves; if it is that user, run as root: install "
                  "-d -m 0700 -o USER {}",
                  path));
}

// False: whose folder it is, or what it is, forbids all use.
bool JudgeOwner(const std::string& path, const struct stat& status, CheckList& list) {
  if (!S_ISDIR(status.st_mode)) {
    list.Fail("state-dir", path + " is not a folder", "move it away, or name another stateDir");
    return false;
  }
  if (status.st_uid != geteuid()) {
    list.Fail("state-dir",
              fmt::format("{} belongs to uid {}, this is uid {}", path, status.st_uid, geteuid()),
              "run this as the user that serves; if it is that user, chown the folder to it");
    return false;
  }
  return true;
}

void JudgeMode(const std::string& path, mode_t mode, CheckList& list) {
  const std::string repair = fmt::format("run: chmod 0700 {}", path);
  if ((mode & (S_IWGRP | S_IWOTH)) != 0) {
    list.Fail("state-dir", path + " can be written by group or others", repair);
  } else if ((mode & (S_IRWXG | S_IRWXO)) != 0) {
    list.Warn("state-dir", path + " can be read by group or others", repair);
  } else {
    list.Pass("state-dir", fmt::format("{} belongs to this user alone", path));
  }
}

void JudgeSpace(const std::string& path, CheckList& list) {
  struct statvfs room {};
  if (statvfs(path.c_str(), &room) != 0) {
    return list.Skip("state-space", path + ": " + ErrnoText(errno));
  }
  const std::uint64_t free = static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize;
  const std::string shown = fmt::format("{} MiB are free for {}", free >> 20, path);
  const std::string hint =
      "make room there: with a full disk nothing is wrapped and no key is admitted";
  if ((room.f_flag & ST_RDONLY) != 0) {
    list.Fail("state-space", path + " is on a file system that is mounted read-only",
              "mount it read-write, or move stateDir: until then nothing is wrapped");
  } else if (access(path.c_str(), W_OK) != 0) {
    list.Fail("state-space", path + " cannot be written: " + ErrnoText(errno),
              fmt::format("run: chmod 0700 {}", path));
  } else if (free < kNoSpace || (room.f_files > 0 && room.f_favail == 0)) {
    list.Fail("state-space", shown + (room.f_favail == 0 ? ", and no inode" : ""), hint);
  } else if (free < kLittleSpace) {
    list.Warn("state-space", shown, hint);
  } else {
    list.Pass("state-space", shown);
  }
}

void JudgeVersion(const std::string& path, CheckList& list) {
  const std::string file = path + "/state.json";
  try {
    const auto state = hsm::ReadStateJson(file);
    if (!state) return list.Pass("state-version", "nothing has been served from it yet");
    if (!hsm::IsNewer(*state)) return list.Pass("state-version", file + " is of this version");
    list.Fail("state-version", file + " was written by a newer version of mortise",
              "install that version again: this one opens what is stored, but wraps nothing");
  } catch (const Error& error) {
    list.Fail("state-version", error.what(),
              "restore the file from a backup, or move it away (docs/state-folder.md says what it "
              "remembers)");
  }
}

}  // namespace

void CheckStateDir(const std::string& path, CheckList& list) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return JudgeMissing(path, list);
    return list.Fail("state-dir", path + ": " + ErrnoText(errno),
                     "run this as the user that serves");
  }
  if (!JudgeOwner(path, status, list)) return;
  JudgeMode(path, status.st_mode, list);
  JudgeSpace(path, list);
  JudgeVersion(path, list);
}

}  // namespace mortise::doctor
