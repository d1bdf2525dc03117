// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "metrics/pages.h"
#include "test/unit/metrics/fake_keyring.h"

namespace mortise::metrics {

// Everything behind the pages, with one healthy keyring `prod` on token `hsm-a`.
class PagesFixture : public testing::Test {
 protected:
  static LabelSets Labels() {
    return {.tokens = {"hsm-a"},
            .keyrings = {"prod"},
            .codes = {"OK", "", "UNKNOWN", "INVALID_ARGUMENT"},
            .peer_rejections = {"uid", "limit"}};
  }

  PagesSource Source() {
    return {.metrics = &metrics_,
            .keyrings = {{&keyring_, std::chrono::seconds(30)}},
            .loop_problem = [this] { return loop_problem_; }};
  }

  std::string Exposition() { return pages_.Metrics().body; }

  mortise::metrics::Metrics metrics_{Labels()};
  FakeKeyring keyring_{"prod"};
  std::string loop_problem_;
  Pages pages_{Source()};
};

}  // namespace mortise::metrics
