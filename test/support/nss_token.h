// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "test/support/temp_dir.h"
#include "test/support/test_token.h"

namespace mortise::test {

// NSS softokn on a database in a private folder, which certutil has made. The same
// library has two faces: the normal token, and the FIPS token, which refuses more.
class NssToken : public TestToken {
 public:
  enum class Mode { kNormal, kFips };

  explicit NssToken(Mode mode = Mode::kNormal);

  // One sentence when this machine cannot have this token.
  static std::optional<std::string> WhyNot();
  static std::string Module();

  std::string name() const override;
  std::map<std::string, std::string> environment() const override { return {}; }
  config::Token ToConfig(const std::string& name = "test") const override;

  std::string pin_file() const { return folder_ / "pin"; }
  // What C_Initialize gets as pReserved.
  std::string init_args() const;

 private:
  Mode mode_;
  TempDir folder_;
};

}  // namespace mortise::test
