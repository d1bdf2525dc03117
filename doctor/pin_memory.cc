// SPDX-License-Identifier: Apache-2.0
#include "doctor/pin_memory.h"

#include <fmt/format.h>
#include <unistd.h>

#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "hsm/worker/pin_record.h"

namespace mortise::doctor {
namespace {

// Nothing: no PIN is remembered.
std::optional<hsm::PinRecord> ReadRecord(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) return std::nullopt;
  return hsm::PinRecord::Parse(ReadFile(path));
}

}  // namespace

void CheckPinMemory(const config::Token& token, const std::string& state_dir,
                    const std::string& serial, CheckList& list) {
  if (token.login != config::Login::kPin) return;
  const std::string path = fmt::format("{}/pin-latch/{}.json", state_dir, token.name);
  try {
    const SecretBytes pin = ReadSecretFile(token.pin_file);
    if (pin.empty()) {
      return list.Fail(
          "pin-file",
          fmt::format("token {}: the first line of {} is empty", token.name, token.pin_file),
          "put the PIN there");
    }
    const auto record = ReadRecord(path);
    if (!record || record->state != hsm::PinRecord::State::kRejected ||
        !record->IsAbout(pin.view(), serial)) {
      return list.Pass("pin-file",
                       fmt::format("token {}: {} holds a PIN that was not rejected before",
                                   token.name, token.pin_file));
    }
    list.Fail("pin-file",
              fmt::format("token {}: it rejected the PIN in {} at {}", token.name, token.pin_file,
                          FormatTime(record->at)),
              fmt::format("put the right PIN there; if it is right already: mortise token unlatch "
                          "--config FILE --token {}",
                          token.name));
  } catch (const Error& error) {
    const auto [what, hint] = TakeApart(error.what(), "write the PIN into it, with mode 0400");
    list.Fail("pin-file", fmt::format("token {}: {}", token.name, what), hint);
  }
}

}  // namespace mortise::doctor
