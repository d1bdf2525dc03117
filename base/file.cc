// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "base/error.h"

namespace mortise {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Refuse(const std::string& path, const std::string& why) {
  throw Error(Reason::kPermission, path + ": " + why);
}

struct stat StatOrRefuse(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) Refuse(path, ErrnoText(errno));
  return status;
}

std::string RealPath(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr),
                                                         std::free);
  if (!real) Refuse(path, ErrnoText(errno));
  return real.get();
}

void RequireTrusted(const std::string& path) {
  const struct stat status = StatOrRefuse(path);
  if (status.st_uid != 0 && status.st_uid != geteuid()) {
    Refuse(path, "belongs to uid " + std::to_string(status.st_uid) +
                     "; it must belong to root or to the user that runs this: run this as that "
                     "user, or chown it");
  }
  const bool sticky_folder = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky_folder) {
    Refuse(path, "can be written by group or others; run: chmod go-w " + path);
  }
}

void RequireTrustedFoldersAbove(const std::string& path) {
  for (fs::path folder = fs::absolute(path).parent_path();; folder = folder.parent_path()) {
    RequireTrusted(folder);
    if (folder == folder.root_path()) return;
  }
}

void WriteAll(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw Error(Reason::kStateUnusable, path + ": " + ErrnoText(errno));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// A rename or an unlink outlives a power cut only when its folder has been written.
void SyncFolderOf(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  const UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || fsync(fd.get()) != 0) {
    throw Error(Reason::kStateUnusable, folder + ": " + ErrnoText(errno));
  }
}

}  // namespace

void UniqueFd::Reset() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

std::string ReadFile(const std::string& path, std::size_t limit) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    throw Error(errno == EACCES ? Reason::kPermission : Reason::kUnavailable,
                path + ": " + ErrnoText(errno));
  }
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t got = read(fd.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error(Reason::kUnavailable, path + ": " + ErrnoText(errno));
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > limit) {
      throw Error(Reason::kUnavailable, path + ": larger than " + std::to_string(limit) + " bytes");
    }
  }
}

void WriteFileAtomically(const std::string& path, std::string_view text, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  const UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) throw Error(Reason::kStateUnusable, path + ": " + ErrnoText(errno));
  try {
    WriteAll(fd.get(), text, path);
    if (fchmod(fd.get(), mode) != 0 || fsync(fd.get()) != 0 ||
        rename(temporary.c_str(), path.c_str()) != 0) {
      throw Error(Reason::kStateUnusable, path + ": " + ErrnoText(errno));
    }
  } catch (const Error&) {
    unlink(temporary.c_str());
    throw;
  }
  SyncFolderOf(path);
}

bool RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return false;
    throw Error(Reason::kStateUnusable, path + ": " + ErrnoText(errno));
  }
  SyncFolderOf(path);
  return true;
}

void RequireTrustedPath(const std::string& path) {
  RequireTrustedFoldersAbove(path);
  const std::string real = RealPath(path);
  RequireTrustedFoldersAbove(real);
  RequireTrusted(real);
}

void RequireSecretFile(const std::string& path) {
  RequireTrustedPath(path);
  const std::string real = RealPath(path);
  const std::string folder = RealPath(fs::absolute(path).parent_path());
  if (!real.starts_with(folder == "/" ? folder : folder + "/")) {
    Refuse(path, "is a link that leaves its own folder; put the file itself there");
  }
  const struct stat status = StatOrRefuse(real);
  if (!S_ISREG(status.st_mode)) Refuse(path, "is not a plain file");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    Refuse(path, "can be read by group or others; run: chmod 0400 " + path);
  }
}

SecretBytes ReadSecretFile(const std::string& path) {
  RequireSecretFile(path);
  constexpr std::size_t kLimit = 4096;
  SecretBytes text(kLimit);
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) Refuse(path, ErrnoText(errno));
  const ssize_t got = read(fd.get(), text.data(), text.size());
  if (got < 0) Refuse(path, ErrnoText(errno));
  const ByteView all = text.view().first(static_cast<std::size_t>(got));
  const auto end =
      std::find_if(all.begin(), all.end(), [](std::uint8_t c) { return c == '\n' || c == '\r'; });
  return SecretBytes(ByteView(all.begin(), end));
}

}  // namespace mortise
