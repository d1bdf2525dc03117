// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "hsm/cryptoki/slot.h"
#include "hsm/worker/channel.h"
#include "hsm/worker/kek_operations.h"

namespace mortise::hsm {

// The whole of a token worker: one module, one login, N threads that receive, operate
// and send. It mends nothing: what it cannot do it reports as sick, and the front
// replaces it.
class WorkerProcess {
 public:
  // Loads, initialises, finds the token, logs in through the PIN latch, scans. Throws
  // Error when any of that fails.
  WorkerProcess(const Channel& channel, const Hello& hello, std::uint64_t incarnation);

  // Serves until the front is gone. Does not return while a thread is in a Cryptoki call.
  void Run();

  Ready Describe() const;

 private:
  friend class WorkerThread;

  std::shared_ptr<const KeyTable> keys() const;
  std::shared_ptr<const KeyTable> Scan(const Session& session);
  // For what the front wants to know of objects whose labels are not of our form, too.
  std::shared_ptr<const KeyTable> Rescan(const Session& session, std::set<NameDigest> wanted);
  // For a key that the last scan did not show: one more look, at most once a second.
  HeldKek FindKeys(SessionKeeper& keeper, const KekView& kek);
  bool MaySearch();
  std::vector<HeldKek> SearchFor(const Session& session, const KekView& kek);
  // The last scan did not look for these names, so it says nothing of them.
  bool IsNewName(const KekView& kek);
  HeldKek Choose(std::vector<HeldKek> keks, SessionKeeper& keeper, const KekView& kek);
  // Renews the session when it does not. Throws Error when there is no session to be had.
  bool OpensItsCanary(SessionKeeper& keeper, const HeldKek& keys, const KekView& kek);
  void AddSession(std::uint16_t index);

  const Channel& channel_;
  const Hello hello_;
  const std::uint64_t incarnation_;
  Module module_;
  const CK_SLOT_ID slot_;
  // Opened first and used by the first thread, so that one session suffices.
  std::optional<SessionKeeper> first_session_;
  KekOperations operations_;
  std::atomic<std::uint32_t> sessions_{1};
  std::mutex searching_;  // held through a search, so that no older one replaces a newer one
  mutable std::mutex keys_mutex_;
  std::shared_ptr<const KeyTable> keys_;  // guarded by keys_mutex_
  std::set<NameDigest> wanted_;           // guarded by keys_mutex_
  std::atomic<Clock::rep> last_search_{0};
};

// What an executable's main does with the channel: the front's hello, then a
// WorkerProcess, then a report of what failed.
int RunWorker(UniqueFd channel_fd);

}  // namespace mortise::hsm
