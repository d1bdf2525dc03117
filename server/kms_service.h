// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/clock.h"
#include "config/config.h"
#include "hsm/keyring.h"
#include "proto/kmsv2.grpc.pb.h"
#include "server/peer_table.h"
#include "server/pending_call.h"
#include "server/request_observer.h"

namespace mortise::server {

// The messages come as bytes: where gRPC parses them, it answers a malformed one by itself,
// and nobody here would hear of it.
using BytesService =
    v2::KeyManagementService::WithRawMethod_Status<v2::KeyManagementService::WithRawMethod_Encrypt<
        v2::KeyManagementService::WithRawMethod_Decrypt<v2::KeyManagementService::Service>>>;

// The three RPCs of one keyring. A handler checks form and size, hands the request
// over and returns; the keyring's completion answers. Nothing here blocks.
class KmsService final : public CallHome {
 public:
  KmsService(std::shared_ptr<hsm::Keyring> keyring, const config::Keyring& settings,
             const PeerTable& peers, RequestObservers observers);

  grpc::Service& grpc_service() { return rpcs_; }
  // Takes calls from now on; their events come from `queue`, which outlives them.
  void Open(grpc::ServerCompletionQueue& queue);

  void Request(PendingCall& call) override;
  void Handle(PendingCall& call) override;

 private:
  void Status(PendingCall& call);
  void Encrypt(PendingCall& call);
  void Decrypt(PendingCall& call);

  const std::shared_ptr<hsm::Keyring> keyring_;
  const config::Keyring settings_;
  BytesService rpcs_;
  grpc::ServerCompletionQueue* queue_ = nullptr;
};

}  // namespace mortise::server
