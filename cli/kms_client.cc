// SPDX-License-Identifier: Apache-2.0
#include "cli/kms_client.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <array>

#include "base/random.h"
#include "cli/kms_channel.h"
#include "proto/kmsv2.grpc.pb.h"

namespace mortise::cli {
namespace {

using Service = v2::KeyManagementService;

// Makes one call and takes its time; `take` turns the response into the value.
template <typename T, typename Request, typename Response, typename Method, typename Take>
Answer<T> Call(Service::Stub& stub, Method method, const Request& request, Response& response,
               Clock::duration timeout, Take take) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::duration_cast<std::chrono::system_clock::duration>(timeout));
  const auto start = Clock::now();
  const grpc::Status status = (stub.*method)(&context, request, &response);
  Answer<T> answer;
  answer.took = Clock::now() - start;
  answer.code = static_cast<RpcCode>(status.error_code());
  answer.message = status.error_message();
  if (status.ok()) answer.value = take(response);
  return answer;
}

}  // namespace

struct KmsClient::Stub {
  explicit Stub(const SocketAddress& address) : service(MakeKmsChannel(address)) {}
  Service::Stub service;
};

KmsClient::KmsClient(const SocketAddress& address) : stub_(std::make_unique<Stub>(address)) {}

KmsClient::~KmsClient() = default;

Answer<KmsStatus> KmsClient::Status(Clock::duration timeout) {
  v2::StatusResponse response;
  return Call<KmsStatus>(stub_->service, &Service::Stub::Status, v2::StatusRequest(), response,
                         timeout, [](const v2::StatusResponse& r) {
                           return KmsStatus{r.version(), r.healthz(), r.key_id()};
                         });
}

Answer<KmsCiphertext> KmsClient::Encrypt(ByteView plaintext, Clock::duration timeout) {
  v2::EncryptRequest request;
  request.set_uid(NewUid());
  request.set_plaintext(plaintext.data(), plaintext.size());
  v2::EncryptResponse response;
  auto answer = Call<KmsCiphertext>(
      stub_->service, &Service::Stub::Encrypt, request, response, timeout,
      [](const v2::EncryptResponse& r) {
        return KmsCiphertext{
            r.ciphertext(), r.key_id(), {r.annotations().begin(), r.annotations().end()}};
      });
  Wipe(*request.mutable_plaintext());
  return answer;
}

Answer<SecretBytes> KmsClient::Decrypt(const KmsCiphertext& stored, Clock::duration timeout) {
  v2::DecryptRequest request;
  request.set_uid(NewUid());
  request.set_ciphertext(stored.ciphertext);
  request.set_key_id(stored.key_id);
  request.mutable_annotations()->insert(stored.annotations.begin(), stored.annotations.end());
  v2::DecryptResponse response;
  auto answer = Call<SecretBytes>(
      stub_->service, &Service::Stub::Decrypt, request, response, timeout,
      [](const v2::DecryptResponse& r) { return SecretBytes(AsBytes(r.plaintext())); });
  Wipe(*response.mutable_plaintext());
  return answer;
}

std::string_view RpcCodeName(int code) {
  static constexpr std::array<std::string_view, 17> kNames = {"OK",
                                                              "CANCELLED",
                                                              "UNKNOWN",
                                                              "INVALID_ARGUMENT",
                                                              "DEADLINE_EXCEEDED",
                                                              "NOT_FOUND",
                                                              "ALREADY_EXISTS",
                                                              "PERMISSION_DENIED",
                                                              "RESOURCE_EXHAUSTED",
                                                              "FAILED_PRECONDITION",
                                                              "ABORTED",
                                                              "OUT_OF_RANGE",
                                                              "UNIMPLEMENTED",
                                                              "INTERNAL",
                                                              "UNAVAILABLE",
                                                              "DATA_LOSS",
                                                              "UNAUTHENTICATED"};
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "UNKNOWN";
}

std::string NewUid() {
  Bytes random = RandomBytes(16);
  random[6] = static_cast<std::uint8_t>((random[6] & 0x0f) | 0x40);  // RFC 9562: version 4
  random[8] = static_cast<std::uint8_t>((random[8] & 0x3f) | 0x80);
  const std::string hex = ToHex(random);
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

}  // namespace mortise::cli
