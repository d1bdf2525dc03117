// SPDX-License-Identifier: Apache-2.0
// The bare gRPC answer to a KMS v2 call: what scripts/bench measures everything
// against. Encrypt gives the plaintext back as the ciphertext, Decrypt the reverse.
#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <cstdio>
#include <iostream>
#include <string>

#include "proto/kmsv2.grpc.pb.h"

namespace {

class EchoService final : public v2::KeyManagementService::CallbackService {
  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context, const v2::StatusRequest*,
                                   v2::StatusResponse* response) override {
    response->set_version("v2");
    response->set_healthz("ok");
    response->set_key_id("echo");
    return Finished(context);
  }

  grpc::ServerUnaryReactor* Encrypt(grpc::CallbackServerContext* context,
                                    const v2::EncryptRequest* request,
                                    v2::EncryptResponse* response) override {
    response->set_ciphertext(request->plaintext());
    response->set_key_id("echo");
    return Finished(context);
  }

  grpc::ServerUnaryReactor* Decrypt(grpc::CallbackServerContext* context,
                                    const v2::DecryptRequest* request,
                                    v2::DecryptResponse* response) override {
    response->set_plaintext(request->ciphertext());
    return Finished(context);
  }

  static grpc::ServerUnaryReactor* Finished(grpc::CallbackServerContext* context) {
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: bench_echo_server SOCKET\n";
    return 2;
  }
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  EchoService service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + std::string(argv[1]), grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  if (!server) {
    std::cerr << "bench_echo_server: cannot listen at " << argv[1] << "\n";
    return 1;
  }
  std::cout << "serving\n" << std::flush;
  int signal = 0;
  sigwait(&stop, &signal);
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}
