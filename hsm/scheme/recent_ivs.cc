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
  ThrowIfDistrusted();
  if (fresh.bytes == decltype(fresh.bytes){}) {
    distrust_ = "the IV is zero: the token left its buffer unchanged, or its generator is broken";
  } else if (std::ranges::find(ring_, fresh) != ring_.end()) {
    distrust_ = "the IV was used before: what makes the IVs cannot be trusted";
  }
  ThrowIfDistrusted();
  ring_[next_] = fresh;
  next_ = (next_ + 1) % ring_.size();
}

void RecentIvs::RequireTrust() {
  const std::lock_guard lock(mutex_);
  ThrowIfDistrusted();
}

void RecentIvs::Distrust(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (distrust_.empty()) distrust_ = why;
}

void RecentIvs::ThrowIfDistrusted() const {
  if (!distrust_.empty()) throw Error(Reason::kProofFailed, distrust_);
}

}  // namespace mortise::hsm
