// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "config/checks.h"
#include "config/yaml_tree.h"

namespace mortise::config {
namespace {

namespace fs = std::filesystem;

void Try(const std::string& path, Problems& problems, const std::function<void()>& check) {
  try {
    check();
  } catch (const Error& error) {
    problems.Add(path, error.what());
  }
}

bool IsMissing(const std::string& file) {
  struct stat status {};
  return stat(file.c_str(), &status) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

void RequireFolder(const std::string& folder) {
  RequireTrustedPath(folder);
  if (!fs::is_directory(folder)) throw Error(Reason::kConfig, folder + ": is not a folder");
}

// A folder that is missing will be made (0700), so what is judged is the one to make it in.
void RequireFolderOrPlaceForIt(fs::path folder) {
  while (IsMissing(folder.string()) && folder.has_relative_path()) folder = folder.parent_path();
  RequireFolder(folder.string());
}

void RequireModule(const std::string& module) {
  if (IsMissing(module)) {
    throw Error(Reason::kConfig,
                module +
                    ": there is no such file; install the token vendor's PKCS#11 library or "
                    "correct the path");
  }
  RequireTrustedPath(module);
  if (!fs::is_regular_file(module)) throw Error(Reason::kConfig, module + ": is not a file");
}

// Looks at the file's owner, mode and size only: the PIN is the worker's to read.
void RequirePinFile(const std::string& pin_file) {
  if (IsMissing(pin_file)) {
    throw Error(Reason::kConfig, pin_file +
                                     ": there is no such file; write the PIN into it with mode "
                                     "0400, or correct the path");
  }
  RequireSecretFile(pin_file);
  if (fs::file_size(pin_file) == 0) {
    throw Error(Reason::kConfig, pin_file + ": is empty; write the PIN into it");
  }
}

// One that is read while mortise runs; a command may be about to write it.
void RequireHotFile(const std::string& file) {
  if (IsMissing(file)) return RequireFolder(fs::path(file).parent_path().string());
  RequireTrustedPath(file);
  if (!fs::is_regular_file(file)) throw Error(Reason::kConfig, file + ": is not a file");
}

void CheckTokenFiles(const Token& token, const std::string& path, Problems& problems) {
  const std::string module_path = Join(path, "module"), pin_path = Join(path, "pinFile");
  if (problems.IsSound(module_path))
    Try(module_path, problems, [&] { RequireModule(token.module); });
  if (!token.pin_file.empty() && problems.IsSound(pin_path)) {
    Try(pin_path, problems, [&] { RequirePinFile(token.pin_file); });
  }
}

void CheckKeyringFiles(const Keyring& keyring, const std::string& path, Problems& problems) {
  const std::string socket_path = Join(path, "socket"), canaries_path = Join(path, "canaries"),
                    keys_path = Join(path, "keysFile");
  if (problems.IsSound(socket_path)) {
    Try(socket_path, problems,
        [&] { RequireFolderOrPlaceForIt(fs::path(keyring.socket).parent_path()); });
  }
  if (!keyring.canaries.empty() && problems.IsSound(canaries_path)) {
    Try(canaries_path, problems, [&] { RequireHotFile(keyring.canaries); });
  }
  if (!keyring.keys_file.empty() && problems.IsSound(keys_path)) {
    Try(keys_path, problems, [&] { RequireHotFile(keyring.keys_file); });
  }
}

// Two paths that lead to one socket through a link, which the texts do not show.
void CheckSocketsAreDistinct(const Config& config, Problems& problems) {
  std::map<fs::path, std::string> firsts;
  for (std::size_t i = 0; i < config.keyrings.size(); ++i) {
    const std::string path = Join(Join("keyrings", i), "socket");
    if (!problems.IsSound(path)) continue;
    const fs::path socket = config.keyrings[i].socket;
    std::error_code error;
    const fs::path folder = fs::weakly_canonical(socket.parent_path(), error);
    const auto [first, is_new] = firsts.try_emplace(folder / socket.filename(), path);
    if (!is_new) problems.Add(path, "leads to the same socket as " + first->second);
  }
}

}  // namespace

void CheckFiles(const Config& config, Problems& problems) {
  if (problems.IsSound("stateDir")) {
    Try("stateDir", problems, [&] { RequireFolderOrPlaceForIt(config.state_dir); });
  }
  for (std::size_t i = 0; i < config.tokens.size(); ++i) {
    CheckTokenFiles(config.tokens[i], Join("tokens", i), problems);
  }
  for (std::size_t i = 0; i < config.keyrings.size(); ++i) {
    CheckKeyringFiles(config.keyrings[i], Join("keyrings", i), problems);
  }
  CheckSocketsAreDistinct(config, problems);
}

void CheckAdminFiles(const AdminConfig& admin, Problems& problems) {
  for (std::size_t i = 0; i < admin.tokens.size(); ++i) {
    const std::string path = Join(Join("tokens", i), "pinFile");
    if (problems.IsSound(path))
      Try(path, problems, [&] { RequirePinFile(admin.tokens[i].pin_file); });
  }
}

}  // namespace mortise::config
