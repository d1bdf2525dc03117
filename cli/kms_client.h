// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/secret_bytes.h"
#include "cli/socket_address.h"

namespace mortise::cli {

// What a KMS v2 plugin says of itself.
struct KmsStatus {
  std::string version;
  std::string healthz;
  std::string key_id;
};

// What Encrypt gives and Decrypt takes.
struct KmsCiphertext {
  std::string ciphertext;
  std::string key_id;
  std::map<std::string, std::string> annotations;
};

// gRPC's status codes, as far as a client of KMS v2 tells them apart.
enum class RpcCode {
  kOk = 0,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
};

// "UNAVAILABLE" for 14; every code of gRPC has a name.
std::string_view RpcCodeName(int code);

// How one call went, and what it brought when it went well.
template <typename T>
struct Answer {
  std::optional<T> value;  // set exactly when the code is kOk
  RpcCode code = RpcCode::kOk;
  std::string message;  // of a failure, as the plugin wrote it
  std::chrono::nanoseconds took{};
};

// A client of any KMS v2 socket, one call at a time, as kube-apiserver would make it.
class KmsClient {
 public:
  explicit KmsClient(const SocketAddress& address);
  ~KmsClient();

  Answer<KmsStatus> Status(Clock::duration timeout);
  Answer<KmsCiphertext> Encrypt(ByteView plaintext, Clock::duration timeout);
  Answer<SecretBytes> Decrypt(const KmsCiphertext& stored, Clock::duration timeout);

 private:
  struct Stub;
  std::unique_ptr<Stub> stub_;
};

// A random UUID, as kube-apiserver sends one with each call.
std::string NewUid();

}  // namespace mortise::cli
