// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>

#include <ostream>
#include <string>

#include "base/error.h"

namespace mortise {

// GoogleTest prints a Reason by its name.
inline void PrintTo(Reason reason, std::ostream* out) {
  *out << Name(reason);
}

namespace test {

// EXPECT_THAT([&] { session.Open(); }, ThrowsError(Reason::kBusy));
inline auto ThrowsError(Reason reason) {
  return ::testing::Throws<Error>(::testing::Property("reason", &Error::reason, reason));
}

// As above, and the message for people has `part` in it.
inline auto ThrowsError(Reason reason, const std::string& part) {
  return ::testing::Throws<Error>(
      ::testing::AllOf(::testing::Property("reason", &Error::reason, reason),
                       ::testing::Property("what", &Error::what, ::testing::HasSubstr(part))));
}

// EXPECT_THAT([&] { Call(); }, ThrowsOneOf(AnyOf(Reason::kTimeout, Reason::kDeadline)));
inline auto ThrowsOneOf(const ::testing::Matcher<Reason>& reason) {
  return ::testing::Throws<Error>(::testing::Property("reason", &Error::reason, reason));
}

}  // namespace test
}  // namespace mortise
