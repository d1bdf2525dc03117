// SPDX-License-Identifier: Apache-2.0
#include "cli/dev_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/error.h"
#include "base/random.h"
#include "cli/dev_templates.h"

namespace mortise::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestSocketPath = 107;  // sun_path, less its zero

bool IsThere(const std::string& path) {
  return fs::exists(fs::symlink_status(path));
}

bool HoldsAnything(const std::string& folder) {
  return fs::is_directory(folder) && !fs::is_empty(folder);
}

void MakePrivateFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return;
  if (errno != EEXIST) throw Error(Reason::kPermission, path + ": " + ErrnoText(errno));
  if (!fs::is_directory(path)) {
    throw Error(Reason::kConfig, path + " is not a folder; choose another --dir");
  }
}

// What goes unquoted into three configuration languages and a socket address.
void RequirePlainPath(const std::string& path) {
  const auto stranger = path.find_first_not_of(
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+@=~-");
  if (stranger != std::string::npos) {
    throw Error(Reason::kConfig,
                fmt::format("{}: choose a --dir whose path has letters, digits and /._+@=~- "
                            "only",
                            Printable(path, 200)));
  }
  if (path.size() + std::string_view("/kms.sock").size() > kLongestSocketPath) {
    throw Error(Reason::kConfig,
                path +
                    ": choose a --dir with a shorter path; a socket's path has at most "
                    "107 bytes");
  }
}

void WriteIfMissing(const std::string& path, const std::string& text, mode_t mode = 0600) {
  if (!IsThere(path)) WriteFileAtomically(path, text, mode);
}

void WriteIfDifferent(const std::string& path, const std::string& text) {
  if (!IsThere(path) || ReadFile(path) != text) WriteFileAtomically(path, text);
}

[[noreturn]] void RefuseBroken(const std::string& what) {
  throw Error(Reason::kConfig,
              what + "; put it back from a copy, or start anew with another --dir");
}

}  // namespace

DevFolder::DevFolder(const std::string& path)
    : path_((fs::absolute(path) / "").lexically_normal().parent_path().string()) {
  RequirePlainPath(path_);
  TakeFolder();
  TakeLock();
  RequireWhole();
}

void DevFolder::TakeFolder() const {
  MakePrivateFolder(path_);
  const bool is_ours = IsThere(File("mortise.yaml")) || IsThere(File("lock"));
  struct stat status {};
  if (stat(path_.c_str(), &status) != 0)
    throw Error(Reason::kPermission, path_ + ": " + ErrnoText(errno));
  if (status.st_uid != geteuid()) {
    throw Error(Reason::kPermission, fmt::format("{} belongs to uid {}; choose a --dir of your own",
                                                 path_, status.st_uid));
  }
  if ((status.st_mode & 077) != 0) {
    // Never shut others out of a folder that holds something else.
    if (!is_ours && HoldsAnything(path_)) {
      throw Error(Reason::kConfig,
                  path_ +
                      " holds other files and is open to other users; choose an empty "
                      "folder, or one that does not exist, for --dir");
    }
    if (chmod(path_.c_str(), 0700) != 0)
      throw Error(Reason::kPermission, path_ + ": " + ErrnoText(errno));
  }
  RequireTrustedPath(path_);
}

void DevFolder::TakeLock() {
  lock_ = UniqueFd(open(File("lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock_) throw Error(Reason::kPermission, File("lock") + ": " + ErrnoText(errno));
  if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    throw Error(Reason::kConfig, "another `mortise dev` runs in " + path_ + " (process " +
                                     ReadFile(File("lock")) +
                                     "); stop it, or choose another --dir");
  }
  const std::string pid = std::to_string(getpid());
  if (ftruncate(lock_.get(), 0) != 0 || pwrite(lock_.get(), pid.data(), pid.size(), 0) < 0) {
    throw Error(Reason::kStateUnusable, File("lock") + ": " + ErrnoText(errno));
  }
}

void DevFolder::RequireWhole() const {
  const bool has_token = HoldsAnything(File("tokens"));
  if (has_token && !IsThere(File("pin"))) {
    RefuseBroken(File("pin") + " is gone, and nothing else opens the token in " + File("tokens"));
  }
  if (has_token && !HasKey() && !IsThere(File("so-pin"))) {
    RefuseBroken(File("so-pin") + " is gone, and the token in " + File("tokens") +
                 " was not finished");
  }
  if (HasKey() && !has_token)
    RefuseBroken("the token in " + File("tokens") + " is gone, with its keys");
  if (HasKey() && !IsThere(File("mortise.yaml"))) {
    RefuseBroken(File("mortise.yaml") +
                 " is gone, with the context that is bound into all that was encrypted");
  }
}

bool DevFolder::HasKey() const {
  return HoldsAnything(File("state/canaries")) && IsThere(File("state/state.json"));
}

std::string DevFolder::Module() {
  for (const char* path : {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so",
                           "/usr/lib64/pkcs11/libsofthsm2.so"}) {
    if (IsThere(path)) return path;
  }
  throw Error(Reason::kConfig,
              "SoftHSM2 is not installed; on Debian run: apt-get install softhsm2");
}

void DevFolder::WriteFiles(const std::string& metrics_address) const {
  MakePrivateFolder(File("tokens"));
  MakePrivateFolder(File("state"));
  WriteSecret("pin");
  if (!HasKey()) WriteSecret("so-pin");
  // The two that hold nothing but this folder's path are kept right if it was moved.
  WriteIfDifferent(File("softhsm2.conf"), SoftHsmConfiguration(File("tokens")));
  WriteIfDifferent(File("encryption-config.yaml"), EncryptionConfiguration(File("kms.sock")));
  WriteConfiguration(metrics_address);
}

void DevFolder::WriteSecret(const std::string& name) const {
  if (IsThere(File(name))) return;
  SecretBytes random(16);
  FillRandom({random.data(), random.size()});
  std::string text = ToHex(random.view());
  WriteFileAtomically(File(name), text, 0400);
  Wipe(text);
}

void DevFolder::WriteConfiguration(const std::string& metrics_address) const {
  WriteIfMissing(File("admin.yaml"), AdminYaml(path_));
  WriteIfMissing(File("mortise.yaml"), MortiseYaml({.folder = path_,
                                                    .module = Module(),
                                                    .context = "dev-" + ToHex(RandomBytes(8)),
                                                    .metrics_address = metrics_address,
                                                    .uid = geteuid()}));
}

}  // namespace mortise::cli
