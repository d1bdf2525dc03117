// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hsm/worker/worker_process.h"

namespace mortise::hsm {

// Receive, operate, send; with a session of its own. When a call fails, this is where
// a bad ciphertext is told from a bad token.
class WorkerThread {
 public:
  WorkerThread(WorkerProcess& process, SessionKeeper keeper)
      : process_(process), keeper_(std::move(keeper)) {}

  // Until the front is gone; the process then ends.
  void Loop();

 private:
  void Handle(std::string_view datagram);
  std::string Execute(const RequestHead& head, std::string_view body);
  std::string Operate(const RequestHead& head, HeldKey& key, const KekView& kek,
                      std::string_view input);
  std::string Inventory(std::string_view body);

  // What the failure means. Tells the front when this worker must be replaced.
  Error Judge(const Error& error, const RequestHead& head, std::string_view body);
  Error JudgeAmbiguous(const Error& error, const RequestHead& head, std::string_view body);
  Error JudgeCanary(const Error& error);
  // Has this KEK opened something within the last second, or does its canary open now?
  bool KekWorks(const KekView& kek);
  void ReportSick(Reason reason, const std::string& why);

  WorkerProcess& process_;
  SessionKeeper keeper_;
  int lost_sessions_in_a_row_ = 0;
};

}  // namespace mortise::hsm
