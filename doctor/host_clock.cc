// SPDX-License-Identifier: Apache-2.0
#include "doctor/host_clock.h"

#include <fmt/format.h>
#include <sys/timex.h>

#include "base/version.h"

namespace mortise::doctor {
namespace {

// Asks the kernel and sets nothing; some containers refuse even that.
ClockFacts::Sync SyncState() {
  timex state{};
  const int answer = adjtimex(&state);
  if (answer < 0) return ClockFacts::Sync::kUnknown;
  const bool is_synchronised = answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
  return is_synchronised ? ClockFacts::Sync::kYes : ClockFacts::Sync::kNo;
}

void JudgeSync(ClockFacts::Sync sync, CheckList& list) {
  switch (sync) {
    case ClockFacts::Sync::kYes:
      return list.Pass("clock-sync", "the kernel says that the clock is synchronised");
    case ClockFacts::Sync::kNo:
      return list.Warn("clock-sync", "the kernel does not know the clock to be synchronised",
                       "run an NTP client, such as chrony, on every node: nodes switch to a new "
                       "key at one instant by their clocks");
    case ClockFacts::Sync::kUnknown:
      return list.Skip("clock-sync", "the kernel does not say whether the clock is synchronised");
  }
}

}  // namespace

void JudgeClock(const ClockFacts& facts, CheckList& list) {
  const std::string shown = FormatTime(facts.now);
  if (facts.now < facts.built) {
    list.Fail("clock",
              fmt::format("the clock says {}, which is before this program was built ({})", shown,
                          FormatTime(facts.built)),
              "set the clock; until then no new key becomes active");
  } else {
    list.Pass("clock", fmt::format("the clock says {}", shown));
  }
  JudgeSync(facts.sync, list);
}

void CheckClock(CheckList& list) {
  JudgeClock({.now = WallNow(), .built = BuildTime(), .sync = SyncState()}, list);
}

}  // namespace mortise::doctor
