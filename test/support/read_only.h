// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace mortise::test {

// While it lives, this process can read a folder and all below it, but write none of it.
// Root obeys no mode bits, so a test that runs as root becomes "nobody" meanwhile.
class ReadOnly {
 public:
  explicit ReadOnly(const std::string& folder);
  ~ReadOnly();
  ReadOnly(const ReadOnly&) = delete;
  ReadOnly& operator=(const ReadOnly&) = delete;

 private:
  std::string folder_;
};

}  // namespace mortise::test
