// SPDX-License-Identifier: Apache-2.0
#include "hsm/assurance.h"

namespace mortise::hsm {

AssuranceStatus CompareAssurance(const config::Assurance& stated,
                                 const std::string& reported_firmware, WallTime now) {
  AssuranceStatus status{.stated = stated};
  if (!stated.valid_until.empty())
    status.has_ended = now > ParseTime(stated.valid_until + "T23:59:59Z");
  if (!stated.firmware.empty() && !reported_firmware.empty()) {
    status.firmware_matches = stated.firmware == reported_firmware ||
                              stated.firmware.starts_with(reported_firmware + ".");
  }
  return status;
}

}  // namespace mortise::hsm
