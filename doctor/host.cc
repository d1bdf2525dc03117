// SPDX-License-Identifier: Apache-2.0
#include "doctor/host.h"

#include <fmt/format.h>

#include "config/keys_file.h"
#include "doctor/host_clock.h"
#include "doctor/host_memory.h"
#include "doctor/host_sockets.h"
#include "doctor/host_state.h"

namespace mortise::doctor {
namespace {

std::string Count(std::size_t count, const std::string& noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

void CheckConfiguration(const config::Examined& examined, const std::string& file,
                        CheckList& list) {
  if (examined.problems.empty()) {
    list.Pass("configuration",
              fmt::format("{} is good: {}, {}", file, Count(examined.config.tokens.size(), "token"),
                          Count(examined.config.keyrings.size(), "keyring")));
  }
  for (const std::string& problem : examined.problems) {
    const auto [what, hint] =
        TakeApart(problem, "correct it there; `mortise config check` tells whether it is good");
    list.Fail("configuration", what, hint);
  }
  // The service runs on with what it read last.
  for (const std::string& problem : config::ProblemsOfKeysFiles(examined.config)) {
    const auto [what, hint] = TakeApart(problem, "correct the file; it is read anew by itself");
    list.Fail("keys-file", what, hint);
  }
}

void CheckHost(const config::Examined& examined, const std::string& config_file,
               const LookAtSocket& look, CheckList& list) {
  CheckConfiguration(examined, config_file, list);
  if (examined.is_read) {
    CheckStateDir(examined.config.state_dir, list);
    CheckSockets(examined.config.keyrings, look, list);
  }
  CheckMemory(list);
  CheckClock(list);
}

}  // namespace mortise::doctor
