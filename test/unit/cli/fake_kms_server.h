// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "cli/kms_client.h"

namespace mortise::cli {

// What the fake plugin answers; a test changes what is its point. An Encrypt by it
// turns each byte round, so that its ciphertext shows nothing.
struct FakeAnswers {
  KmsStatus status{"v2", "ok", "key-1"};
  std::string encrypt_key_id = "key-1";
  std::map<std::string, std::string> annotations = {};
  std::function<void(std::string&)> on_ciphertext = [](std::string&) {};
  std::function<void(std::string&)> on_plaintext = [](std::string&) {};
  std::function<std::string()> healthz_of_status = {};  // instead of status.healthz, where set
  std::function<std::string()> key_id_of_status = {};   // instead of status.key_id, where set
  RpcCode status_code = RpcCode::kOk;
  RpcCode encrypt_code = RpcCode::kOk;
  RpcCode decrypt_code = RpcCode::kOk;
  std::string error_message = {};
  bool hangs = false;  // no call is ever answered
};

// A KMS v2 plugin inside the test, at a socket of its own in a temporary folder.
class FakeKmsServer {
 public:
  explicit FakeKmsServer(FakeAnswers answers = {});
  ~FakeKmsServer();

  const std::string& socket() const { return socket_; }

 private:
  struct Parts;
  std::string folder_;
  std::string socket_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace mortise::cli
