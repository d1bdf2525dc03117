// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/file.h"
#include "config/config.h"

namespace mortise::cli {

// What `mortise dev` keeps: a SoftHSM2 token, its PINs, the configuration, state. It is
// locked for as long as this object lives, so that two never serve in one folder.
// What a run that ended half-way has left out is made; what cannot be made again
// (a lost PIN, token or context) is refused with what to do. Throws Error.
class DevFolder {
 public:
  static constexpr char kName[] = "dev";  // of the token and of the keyring

  // Makes the folder, or takes it if it is empty or one of ours.
  explicit DevFolder(const std::string& path);

  // Makes every file that is missing. `metrics_address` is for a new mortise.yaml.
  void WriteFiles(const std::string& metrics_address) const;

  // Whether the token and its first key have been made, by what the state folder says.
  bool HasKey() const;

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }
  static std::string Module();  // SoftHSM2's library; throws if it is not installed

 private:
  void TakeFolder() const;
  void TakeLock();
  void RequireWhole() const;
  void WriteSecret(const std::string& name) const;
  void WriteConfiguration(const std::string& metrics_address) const;

  std::string path_;
  UniqueFd lock_;
};

}  // namespace mortise::cli
