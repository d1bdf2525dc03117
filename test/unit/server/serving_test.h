// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "hsm/observer.h"
#include "server/kms_server.h"
#include "server/listener.h"
#include "test/support/temp_dir.h"
#include "test/unit/server/fake_keyring.h"

namespace mortise::test {

// Waits up to `limit` for something that other threads bring about.
template <typename Condition>
bool Eventually(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(10)) {
  const Deadline deadline = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// Keeps what it is told.
class Recorder final : public hsm::Observer, public server::RequestObserver {
 public:
  struct Request {
    server::Method method;
    std::string code, detail, uid, key_id, peer;
    std::optional<Reason> failure;
  };

  void OnEvent(const hsm::Event& event) override {
    const std::lock_guard lock(mutex_);
    ++events_[std::string(event.name)];
  }
  void OnRequest(const server::RequestResult& result) override {
    const std::lock_guard lock(mutex_);
    requests_.push_back({result.method, std::string(result.code), std::string(result.detail),
                         std::string(result.uid), std::string(result.key_id),
                         std::string(result.peer), result.failure});
  }
  void OnConnectionOpened(std::string_view) override { ++connections_; }
  void OnRejection(std::string_view, server::Rejection rejection) override {
    const std::lock_guard lock(mutex_);
    ++rejections_[rejection];
  }

  int events(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = events_.find(name);
    return found == events_.end() ? 0 : found->second;
  }
  int rejections(server::Rejection rejection) const {
    const std::lock_guard lock(mutex_);
    const auto found = rejections_.find(rejection);
    return found == rejections_.end() ? 0 : found->second;
  }
  int connections() const { return connections_; }
  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> events_;
  std::map<server::Rejection, int> rejections_;
  std::vector<Request> requests_;
  std::atomic<int> connections_{0};
};

// gRPC C++ as a client now and then begins a call on a connection that it was just told
// to leave, against gRPC's own listener too. grpc-go, which kube-apiserver uses, does
// not; the end-to-end tests hold every call against that.
inline bool IsServed(const grpc::Status& status) {
  return status.ok() || status.error_message() == "Broken pipe";
}

// A raw connection to a unix socket; not open when nobody listens.
inline UniqueFd Connect(const std::string& path) {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) fd.Reset();
  return fd;
}

// Whether the other side closes within `limit`; what it says meanwhile is thrown away.
inline bool IsClosedWithin(int fd, std::chrono::seconds limit) {
  const timeval time{.tv_sec = limit.count(), .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
  char bytes[4096];
  for (;;) {
    const ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
    if (got <= 0) return got == 0 || errno == ECONNRESET;
  }
}

// One keyring's socket and server over a fake keyring, as `serve` puts them together.
class Serving {
 public:
  Serving(const config::Keyring& settings, const config::Server& limits,
          server::TakeOver take_over = server::TakeOver::kNo)
      : server_(keyring, settings, limits, {&recorder}),
        listener_(settings, limits.max_connections, take_over,
                  [this](UniqueFd fd, server::Peer peer) { server_.Adopt(std::move(fd), peer); },
                  recorder, {&recorder}) {}
  ~Serving() { Stop(std::chrono::milliseconds(250)); }

  void Stop(std::chrono::milliseconds grace) {
    listener_.Stop();
    server_.Stop(Clock::now() + grace);
  }
  server::Listener& listener() { return listener_; }
  const server::KmsServer& server() const { return server_; }

  Recorder recorder;
  const std::shared_ptr<FakeKeyring> keyring = std::make_shared<FakeKeyring>();

 private:
  server::KmsServer server_;
  server::Listener listener_;
};

// A client as kube-apiserver is one: a channel of its own each.
class Client {
 public:
  explicit Client(const std::string& socket, const std::string& authority = "localhost")
      : stub_(v2::KeyManagementService::NewStub(ChannelTo(socket, authority))) {}

  grpc::Status Status(v2::StatusResponse* response = nullptr) {
    v2::StatusResponse ignored;
    const auto context = NewContext(std::chrono::seconds(20));
    return stub_->Status(context.get(), {}, response != nullptr ? response : &ignored);
  }
  grpc::Status Encrypt(const std::string& plaintext, v2::EncryptResponse* response = nullptr) {
    v2::EncryptRequest request;
    request.set_plaintext(plaintext);
    request.set_uid("uid-1");
    v2::EncryptResponse ignored;
    const auto context = NewContext(std::chrono::seconds(20));
    return stub_->Encrypt(context.get(), request, response != nullptr ? response : &ignored);
  }
  grpc::Status Decrypt(const v2::DecryptRequest& request, v2::DecryptResponse* response = nullptr,
                       std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    v2::DecryptResponse ignored;
    const auto context = NewContext(limit);
    return stub_->Decrypt(context.get(), request, response != nullptr ? response : &ignored);
  }
  grpc::Status Decrypt(const std::string& ciphertext, const std::string& key_id = "fake.1",
                       v2::DecryptResponse* response = nullptr,
                       std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    v2::DecryptRequest request;
    request.set_ciphertext(ciphertext);
    request.set_key_id(key_id);
    return Decrypt(request, response, limit);
  }
  v2::KeyManagementService::Stub& stub() { return *stub_; }

  static std::shared_ptr<grpc::Channel> ChannelTo(const std::string& socket,
                                                  const std::string& authority = "localhost") {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // one connection each
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, authority);
    return grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(),
                                     arguments);
  }
  static std::unique_ptr<grpc::ClientContext> NewContext(std::chrono::milliseconds limit) {
    auto context = std::make_unique<grpc::ClientContext>();
    context->set_wait_for_ready(true);
    context->set_deadline(std::chrono::system_clock::now() + limit);
    return context;
  }

 private:
  const std::unique_ptr<v2::KeyManagementService::Stub> stub_;
};

// A folder with settings for a socket in it.
class SocketTest : public testing::Test {
 protected:
  SocketTest() {
    settings.name = "prod";
    settings.socket = folder / "kms.sock";
    settings.allowed_uids = {geteuid()};
  }

  const TempDir folder;
  config::Keyring settings;
  config::Server limits;
};

// Already serving.
class ServingTest : public SocketTest {
 protected:
  Serving serving{settings, limits};
  FakeKeyring& keyring = *serving.keyring;
  Recorder& recorder = serving.recorder;
  Client client{settings.socket};
};

}  // namespace mortise::test
