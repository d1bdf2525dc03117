// SPDX-License-Identifier: Apache-2.0
#include "test/support/read_only.h"

#include <sys/types.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

namespace mortise::test {
namespace {

namespace fs = std::filesystem;
constexpr uid_t kNobody = 65534;

void SetModes(const std::string& folder, fs::perms of_folders, fs::perms of_files) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    fs::permissions(entry.path(), entry.is_directory() ? of_folders : of_files);
  }
  fs::permissions(folder, of_folders);
}

}  // namespace

ReadOnly::ReadOnly(const std::string& folder) : folder_(folder) {
  SetModes(folder_, fs::perms(0555), fs::perms(0444));
  if (getuid() == 0 && seteuid(kNobody) != 0) {
    throw std::system_error(errno, std::generic_category(), "seteuid");
  }
}

ReadOnly::~ReadOnly() {
  if (getuid() == 0 && seteuid(0) != 0) std::abort();
  SetModes(folder_, fs::perms(0700), fs::perms(0600));
}

}  // namespace mortise::test
