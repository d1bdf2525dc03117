// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/file_lock.h"

namespace mortise::hsm {

// What was done under each KEK, by key_id.
struct WrapTotals {
  std::map<std::string, std::uint64_t, std::less<>> wraps;  // reserved, not all of them used
  std::map<std::string, WallTime, std::less<>> last_unwraps;

  void Add(const WrapTotals& other);
  std::uint64_t WrapsOf(std::string_view key_id) const;
};

// instances/: what each process of this node has reserved. Every process has a file of its
// own and a lock that it holds for life. Files whose process is gone are folded into one,
// folded.json, which lists them until they are deleted: a crash in between counts none twice
// and loses none. Makes its file at the first write, so that a folder that cannot be written
// hinders nobody who only reads. Not thread-safe.
class WrapLedger {
 public:
  explicit WrapLedger(const std::string& state_dir);
  ~WrapLedger();

  struct Reservation {
    std::uint64_t granted = 0;     // 0: the limit is reached
    std::uint64_t node_total = 0;  // of this KEK on this node, the grant included
  };
  // Reserves up to `wanted` wraps, on disk when it returns; never more than leaves this node at
  // `limit`. Throws Error(kStateUnusable) when it cannot be written, or when the file of any
  // instance is damaged or newer: then nobody knows how many wraps are left.
  Reservation Reserve(const std::string& key_id, std::uint64_t wanted, std::uint64_t limit);

  // Adds to this instance's file. Throws Error(kStateUnusable).
  void WriteLastUnwraps(const std::map<std::string, WallTime, std::less<>>& last_unwraps);

  // Over all instances, dead ones included. Throws Error(kStateUnusable).
  WrapTotals Sum() const;

 private:
  FileLock LockFolder() const;
  void Join();
  void FoldDeadInstances();
  void WriteOwn(const WrapTotals& totals) const;
  std::string PathOf(const std::string& id, const char* suffix) const;

  std::string folder_;
  std::string id_;  // 16 hexadecimal digits
  std::int64_t epoch_ = 0;
  WrapTotals own_;
  std::optional<FileLock> alive_;  // held from the first write on
};

}  // namespace mortise::hsm
