// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/heartbeat.h"
#include "config/config.h"
#include "hsm/keyring.h"
#include "server/kms_service.h"
#include "server/peer_table.h"
#include "server/request_observer.h"

namespace mortise::server {

// gRPC for one keyring: a server, its completion queue and the one thread that reads it
// (docs/adr/0010). It opens no port: connections are given to it. A server of its own for
// each keyring, so that a call's keyring is never in doubt.
class KmsServer {
 public:
  KmsServer(std::shared_ptr<hsm::Keyring> keyring, const config::Keyring& settings,
            const config::Server& limits, RequestObservers observers);
  ~KmsServer();
  KmsServer(const KmsServer&) = delete;
  KmsServer& operator=(const KmsServer&) = delete;

  // Serves a connected, non-blocking socket from now on. Not after Stop.
  void Adopt(UniqueFd connection, Peer peer);

  // New calls are refused, those in flight have until `deadline`, and what is left ends
  // UNAVAILABLE. A client that does not take its answers
  // holds this 100 ms longer.
  void Stop(Deadline deadline);

  // Beats every second at least, while handlers return.
  const Heartbeat& heartbeat() const { return heartbeat_; }

 private:
  void ReadQueue();

  PeerTable peers_;
  KmsService service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::unique_ptr<grpc::Server> server_;
  Heartbeat heartbeat_;
  std::thread reader_;
};

}  // namespace mortise::server
