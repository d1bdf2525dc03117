// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "test/unit/config/good_text.h"

namespace mortise::config {

// A bad text and the one problem that it must have. `name` completes "Refuses ...".
struct Refusal {
  std::string name;
  std::string text;
  std::string problem;  // a part of it
};
inline void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << refusal.name;
}

class Refuses : public testing::TestWithParam<Refusal> {};

inline std::string NameOfRefusal(const testing::TestParamInfo<Refusal>& info) {
  return info.param.name;
}

}  // namespace mortise::config
