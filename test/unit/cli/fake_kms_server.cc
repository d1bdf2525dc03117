// SPDX-License-Identifier: Apache-2.0
#include "test/unit/cli/fake_kms_server.h"

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "proto/kmsv2.grpc.pb.h"

namespace mortise::cli {
namespace {

class FakeService final : public v2::KeyManagementService::Service {
 public:
  explicit FakeService(FakeAnswers answers) : answers_(std::move(answers)) {}

  void LetGo() {
    const std::lock_guard lock(mutex_);
    is_let_go_ = true;
    changed_.notify_all();
  }

 private:
  grpc::Status Status(grpc::ServerContext*, const v2::StatusRequest*,
                      v2::StatusResponse* response) override {
    response->set_version(answers_.status.version);
    response->set_healthz(answers_.healthz_of_status ? answers_.healthz_of_status()
                                                     : answers_.status.healthz);
    response->set_key_id(answers_.key_id_of_status ? answers_.key_id_of_status()
                                                   : answers_.status.key_id);
    return End(answers_.status_code);
  }

  grpc::Status Encrypt(grpc::ServerContext*, const v2::EncryptRequest* request,
                       v2::EncryptResponse* response) override {
    std::string text = Turned(request->plaintext());
    answers_.on_ciphertext(text);
    response->set_ciphertext(text);
    response->set_key_id(answers_.encrypt_key_id);
    response->mutable_annotations()->insert(answers_.annotations.begin(),
                                            answers_.annotations.end());
    return End(answers_.encrypt_code);
  }

  grpc::Status Decrypt(grpc::ServerContext*, const v2::DecryptRequest* request,
                       v2::DecryptResponse* response) override {
    std::string text = Turned(request->ciphertext());
    answers_.on_plaintext(text);
    response->set_plaintext(text);
    return End(answers_.decrypt_code);
  }

  static std::string Turned(std::string text) {
    for (char& c : text) c = static_cast<char>(~c);
    return text;
  }

  grpc::Status End(RpcCode code) {
    std::unique_lock lock(mutex_);
    if (answers_.hangs) changed_.wait(lock, [this] { return is_let_go_; });
    if (code == RpcCode::kOk) return grpc::Status::OK;
    return {static_cast<grpc::StatusCode>(code), answers_.error_message};
  }

  FakeAnswers answers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_let_go_ = false;  // guarded by mutex_
};

}  // namespace

struct FakeKmsServer::Parts {
  explicit Parts(FakeAnswers answers) : service(std::move(answers)) {}
  FakeService service;
  std::unique_ptr<grpc::Server> server;
};

FakeKmsServer::FakeKmsServer(FakeAnswers answers)
    : folder_("/tmp/kms-XXXXXX"), parts_(std::make_unique<Parts>(std::move(answers))) {
  if (mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  socket_ = folder_ + "/kms.sock";
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + socket_, grpc::InsecureServerCredentials());
  builder.RegisterService(&parts_->service);
  parts_->server = builder.BuildAndStart();
}

FakeKmsServer::~FakeKmsServer() {
  parts_->service.LetGo();
  parts_->server->Shutdown(std::chrono::system_clock::now());
  parts_.reset();
  std::filesystem::remove_all(folder_);
}

}  // namespace mortise::cli
