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
  // A request as far as it was understood; views into its datagram.
  struct Request {
    RequestHead head;
    std::string_view body;
    KekView kek{};
    std::string_view input{};  // what follows the KekReference
    HeldKek keys{};            // without a wrap key: none is meant, or it was not found
  };

  void Handle(std::string_view datagram);
  static bool FailedOnWhatIsAuthentic(const Error& error, const Request& request);
  // What is to be answered goes into result_.
  void Execute(Request& request);
  void Operate(const Request& request);
  void Inventory(std::string_view body);

  // What the failure means. Tells the front when this worker must be replaced.
  Error Judge(const Error& error, const Request& request);
  Error JudgeToken(const Error& error, const Request& request);
  Error JudgeAmbiguous(const Error& error, const Request& request);
  Error JudgeCanary(const Error& error);
  bool KekWorks(const Request& request);
  void ReportSick(Reason reason, const std::string& why);

  WorkerProcess& process_;
  SessionKeeper keeper_;
  int lost_sessions_in_a_row_ = 0;
  std::string result_;  // never moved from: a short seed would stay behind in it
};

}  // namespace mortise::hsm
