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

// The messages come as bytes: where gRPC parses for a callback method, it answers a
// malformed one UNIMPLEMENTED, and nobody here would hear of it.
using BytesService = v2::KeyManagementService::WithRawCallbackMethod_Status<
    v2::KeyManagementService::WithRawCallbackMethod_Encrypt<
        v2::KeyManagementService::WithRawCallbackMethod_Decrypt<
            v2::KeyManagementService::Service>>>;

// The three RPCs of one keyring. A handler checks form and size, hands the request
// over and returns; the keyring's completion answers. Nothing here blocks but Stop.
class KmsService final : public BytesService {
 public:
  KmsService(std::shared_ptr<hsm::Keyring> keyring, const config::Keyring& settings,
             const PeerTable& peers, RequestObservers observers);

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Encrypt(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Decrypt(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;

  // New calls are refused from now on; those in flight have until `deadline`, then
  // they end UNAVAILABLE. On return none is left.
  void Stop(Deadline deadline) { calls_.Stop(deadline); }

 private:
  PendingCall* Begin(grpc::CallbackServerContext* context, Method method, std::string uid = {},
                     std::string key_id = {});

  const std::shared_ptr<hsm::Keyring> keyring_;
  const config::Keyring settings_;
  const PeerTable& peers_;
  const RequestObservers observers_;
  PendingCalls calls_;
};

}  // namespace mortise::server
