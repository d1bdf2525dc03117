// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/recent_ivs.h"

#include <algorithm>

#include "base/error.h"

namespace mortise::hsm {

void RecentIvs::Admit(const GcmIv& iv) {
  const std::lock_guard lock(mutex_);
  // The ring starts as zeros, so the all-zero IV is refused by the same search.
  if (std::find(ring_.begin(), ring_.end(), iv) != ring_.end() || iv == GcmIv{}) {
    throw Error(Reason::kProofFailed,
                "the IV is zero or was used before: the random generator cannot be trusted");
  }
  ring_[next_] = iv;
  next_ = (next_ + 1) % ring_.size();
}

}  // namespace mortise::hsm
