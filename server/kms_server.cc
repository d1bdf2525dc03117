// SPDX-License-Identifier: Apache-2.0
#include "server/kms_server.h"

#include <absl/synchronization/mutex.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <pthread.h>

#include <limits>
#include <utility>

#include "base/error.h"

namespace mortise::server {
namespace {

// For answers that are written and that a client has yet to take.
constexpr std::chrono::milliseconds kLastAnswers{100};

void Configure(grpc::ServerBuilder& builder, const config::Server& limits) {
  constexpr int kMostReceived = 64 * 1024;
  // Of all connections together: 4,096 waiting calls take less than half. gRPC reads a
  // message whole before it looks at its size; beyond this it ends calls instead.
  constexpr std::size_t kMostMemory = 128 << 20;
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
}

}  // namespace

KmsServer::KmsServer(std::shared_ptr<hsm::Keyring> keyring, const config::Keyring& settings,
                     const config::Server& limits, RequestObservers observers)
    : service_(std::move(keyring), settings, peers_, std::move(observers)) {
  // Debian builds abseil with its search for lock cycles; each of gRPC's locks pays for it.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  grpc::ServerBuilder builder;
  Configure(builder, limits);
  builder.RegisterService(&service_.grpc_service());
  queue_ = builder.AddCompletionQueue();
  server_ = builder.BuildAndStart();
  if (!server_) throw Error(Reason::kInternal, "gRPC could not build a server");
  service_.Open(*queue_);
  reader_ = std::thread([this] { ReadQueue(); });
}

KmsServer::~KmsServer() {
  Stop(Clock::now());
}

void KmsServer::Adopt(UniqueFd connection, Peer peer) {
  peers_.Set(connection.get(), peer);
  grpc::AddInsecureChannelFromFd(server_.get(), connection.Release());
}

void KmsServer::ReadQueue() {
  pthread_setname_np(pthread_self(), "kms-queue");
  using Queue = grpc::CompletionQueue;
  constexpr std::chrono::seconds kIdle{1};  // how often it beats at least
  void* tag = nullptr;
  bool ok = false;
  for (;;) {
    heartbeat_.Beat();
    const auto next = queue_->AsyncNext(&tag, &ok, std::chrono::system_clock::now() + kIdle);
    if (next == Queue::SHUTDOWN) return;
    if (next == Queue::GOT_EVENT) PendingCall::Take(tag, ok);
  }
}

// The queue may be shut down once nothing more is put into it: after the last call's last
// event, which comes for certain only after the server's shutdown.
void KmsServer::Stop(Deadline deadline) {
  if (!reader_.joinable()) return;
  service_.calls.EndAll(deadline);
  server_->Shutdown(std::chrono::system_clock::now() + kLastAnswers);
  service_.calls.WaitUntilGone();
  queue_->Shutdown();
  reader_.join();
}

}  // namespace mortise::server
