// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <ctime>

#include "base/bytes.h"
#include "base/error.h"

namespace mortise {

WallTime WallNow() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

std::string FormatTime(WallTime time) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm fields{};
  gmtime_r(&seconds, &fields);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &fields);
  return text;
}

WallTime ParseTime(const std::string& text) {
  std::tm fields{};
  if (strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &fields) != nullptr) {
    const WallTime time{std::chrono::seconds(timegm(&fields))};
    // strptime forgives blanks, missing zeros and the 30th of February.
    if (FormatTime(time) == text) return time;
  }
  throw Error(Reason::kInternal, "not a time of the form 2026-01-31T12:00:00Z: " + Printable(text));
}

}  // namespace mortise
