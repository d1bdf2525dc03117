// SPDX-License-Identifier: Apache-2.0
#include "hsm/state_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "hsm/state_json.h"

namespace mortise::hsm {
namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 5> kSubfolders = {"instances", "quarantine", "canaries",
                                                    "pin-latch", "tombstones"};

constexpr auto kProbeInterval = std::chrono::minutes(1);

// Each missing folder down to `path`. What cannot be made is found by problem().
void MakeFolders(const fs::path& path) {
  fs::path folder;
  for (const fs::path& part : path) {
    folder /= part;
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return;
  }
}

bool IsThere(const std::string& path) {
  struct stat ignored {};
  return lstat(path.c_str(), &ignored) == 0;
}

void RequireOwnFolder(const std::string& path) {
  try {
    RequireTrustedPath(path);
  } catch (const Error& error) {
    throw Error(Reason::kConfig, std::string("stateDir: ") + error.what());
  }
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    throw Error(Reason::kConfig, "stateDir: " + path +
                                     ": is not a folder; name one that belongs to the user that "
                                     "runs this, or a path where one can be made");
  }
  // The sticky bit protects a folder on the way, but not what we keep in this one.
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    throw Error(
        Reason::kConfig,
        "stateDir: " + path + ": can be written by group or others; run: chmod 0700 " + path);
  }
}

void RequireFolder(const std::string& path) {
  if (access((path + "/.").c_str(), R_OK | W_OK | X_OK) == 0) return;
  throw Error(Reason::kStateUnusable, path + ": " + ErrnoText(errno));
}

}  // namespace

StateDir::StateDir(std::string path) : path_(fs::absolute(path).lexically_normal()) {
  if (path_.ends_with('/') && path_.size() > 1) path_.pop_back();
  MakeFolders(path_);
  if (!IsThere(path_)) return;
  RequireOwnFolder(path_);
  for (const char* name : kSubfolders) {
    const std::string folder = path_ + "/" + name;
    MakeFolders(folder);
    if (IsThere(folder)) RequireOwnFolder(folder);
  }
}

// A full disk or a used-up quota shows only in a write. Three of those a second would be too
// many for what is nearly always well.
void StateDir::RequireWritable() const {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  if (written_at_ && now - *written_at_ < kProbeInterval) return;
  const std::string probe = path_ + "/.probe";
  WriteFileAtomically(probe, "Mortise writes this file to see whether it can.\n");
  RemoveFile(probe);
  written_at_ = now;
}

void StateDir::NoteFailedWrite() const {
  const std::lock_guard lock(mutex_);
  written_at_.reset();
}

std::optional<std::string> StateDir::problem() const {
  try {
    for (const char* name : kSubfolders) RequireFolder(path_ + "/" + name);
    RequireWritable();
    const std::string path = path_ + "/state.json";
    const auto state = ReadStateJson(path);
    if (state && IsNewer(*state)) RefuseNewer(path);
  } catch (const Error& error) {
    return error.what();
  }
  return std::nullopt;
}

}  // namespace mortise::hsm
