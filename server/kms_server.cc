// SPDX-License-Identifier: Apache-2.0
#include "server/kms_server.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>

#include <limits>
#include <utility>

#include "base/error.h"

namespace mortise::server {
namespace {

std::unique_ptr<grpc::Server> Build(grpc::Service& service, const config::Server& limits) {
  constexpr int kMostReceived = 64 * 1024;
  // Of all connections together: 4,096 waiting calls take less than half. gRPC reads a
  // message whole before it looks at its size; beyond this it ends calls instead.
  constexpr std::size_t kMostMemory = 128 << 20;
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  builder.SetMaxReceiveMessageSize(kMostReceived);
  grpc::ResourceQuota memory("connections");
  memory.Resize(kMostMemory);
  builder.SetResourceQuota(memory);
  // A graceful GOAWAY now and then moves clients to a successor without a lost call;
  // with an unlimited grace no call is ever cut by it.
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             static_cast<int>(limits.max_connection_age.count()));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, std::numeric_limits<int>::max());
  // grpc-go sends PINGs around data to measure the path; they are no offence.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 0);
  // Messages are far smaller than the first window, so there is nothing to measure here.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 4096);
  return builder.BuildAndStart();
}

}  // namespace

KmsServer::KmsServer(std::shared_ptr<hsm::Keyring> keyring, const config::Keyring& settings,
                     const config::Server& limits, RequestObservers observers)
    : service_(std::move(keyring), settings, peers_, std::move(observers)),
      server_(Build(service_, limits)) {
  if (!server_) throw Error(Reason::kInternal, "gRPC could not build a server");
}

KmsServer::~KmsServer() {
  Stop(Clock::now());
}

void KmsServer::Adopt(UniqueFd connection, Peer peer) {
  peers_.Set(connection.get(), peer);
  grpc::AddInsecureChannelFromFd(server_.get(), connection.Release());
}

// gRPC waits for calls that nobody has finished, however long that takes; so all are
// finished first.
void KmsServer::Stop(Deadline deadline) {
  service_.Stop(deadline);
  server_->Shutdown(std::chrono::system_clock::now());
}

}  // namespace mortise::server
