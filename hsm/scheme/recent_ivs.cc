// SPDX-License-Identifier: Apache-2.0
#include "hsm/scheme/recent_ivs.h"

#include <algorithm>

#include "base/error.h"

namespace mortise::hsm {

void RecentIvs::Admit(ByteView iv) {
  Seen fresh{.size = iv.size()};
  if (iv.size() > fresh.bytes.size()) throw Error(Reason::kInternal, "an IV of over 16 bytes");
  std::ranges::copy(iv, fresh.bytes.begin());
  const std::lock_guard lock(mutex_);
  is_distrusted_ = is_distrusted_ || fresh.bytes == decltype(fresh.bytes){} ||
                   std::ranges::find(ring_, fresh) != ring_.end();
  if (is_distrusted_) {
    throw Error(Reason::kProofFailed,
                "the IV is zero or was used before: what makes the IVs cannot be trusted");
  }
  ring_[next_] = fresh;
  next_ = (next_ + 1) % ring_.size();
}

}  // namespace mortise::hsm
