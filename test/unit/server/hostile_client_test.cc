// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/rpc_method.h>
#include <gtest/gtest.h>

#include "test/unit/server/http2_client.h"
#include "test/unit/server/serving_test.h"

namespace mortise::test {
namespace {

using grpc::StatusCode;
using std::chrono::seconds;

class HostileClientTest : public ServingTest {
 protected:
  // A call of any method with any bytes for a message.
  StatusCode CallRaw(const std::string& method, const std::string& message) {
    const grpc::Slice slice(message);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    const auto context = Client::NewContext(seconds(20));
    const grpc::internal::RpcMethod rpc(method.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
    return grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer, grpc::ByteBuffer,
                                             grpc::ByteBuffer>(channel_.get(), rpc, context.get(),
                                                               request, &response)
        .error_code();
  }
  bool Serves() { return CallRaw(kStatus, "") == StatusCode::OK; }

  static constexpr char kStatus[] = "/v2.KeyManagementService/Status";
  static constexpr char kEncrypt[] = "/v2.KeyManagementService/Encrypt";
  static constexpr char kDecrypt[] = "/v2.KeyManagementService/Decrypt";

 private:
  const std::shared_ptr<grpc::Channel> channel_ = Client::ChannelTo(settings.socket);
};

TEST_F(HostileClientTest, RefusesMessagesOverTheLimitBeforeTheTokenAndKeepsTheConnection) {
  for (const std::size_t size : {(64 << 10) + 1, 1 << 20, 3 << 20}) {
    const std::string field(size, 'x');
    EXPECT_EQ(CallRaw(kDecrypt, field), StatusCode::RESOURCE_EXHAUSTED) << size;
    EXPECT_EQ(CallRaw(kEncrypt, field), StatusCode::RESOURCE_EXHAUSTED) << size;
  }
  EXPECT_TRUE(Serves());
  EXPECT_EQ(recorder.connections(), 1);
  EXPECT_EQ(keyring.calls(), 0);
}

TEST_F(HostileClientTest, AnswersAMalformedMessageWithInternalAndKeepsTheConnection) {
  EXPECT_EQ(CallRaw(kDecrypt, "\xff\xff\xff"), StatusCode::INTERNAL);
  EXPECT_EQ(CallRaw(kEncrypt, "\x0a\x7f"), StatusCode::INTERNAL);  // longer than it is
  EXPECT_EQ(CallRaw(kStatus, "\x07"), StatusCode::INTERNAL);       // there is no such wire type
  EXPECT_TRUE(Serves());
  EXPECT_EQ(recorder.connections(), 1);
  EXPECT_EQ(keyring.calls(), 0);
}

// protobuf checks proto3 strings when it parses, so such a call never reaches a handler.
TEST_F(HostileClientTest, AnswersAKeyIdThatIsNotUtf8WithInternal) {
  EXPECT_EQ(CallRaw(kDecrypt, "\x0a\x01x\x1a\x02\xff\xfe"), StatusCode::INTERNAL);
  EXPECT_EQ(keyring.calls(), 0);
  EXPECT_TRUE(Serves());
}

TEST_F(HostileClientTest, RefusesAHundredThousandAnnotations) {
  std::string message =
      "\x0a\x01x\x1a\x06"
      "fake.1";
  for (int i = 0; i < 100000; ++i)
    message +=
        "\x22\x03\x0a\x01"
        "a";
  EXPECT_EQ(CallRaw(kDecrypt, message), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(Serves());
}

TEST_F(HostileClientTest, IgnoresUnknownFieldsOfEveryRequest) {
  EXPECT_EQ(CallRaw(kStatus, "\xf8\x07\x01"), StatusCode::OK);
  EXPECT_EQ(CallRaw(kEncrypt, "\x0a\x01x\xf8\x07\x01"), StatusCode::OK);
  EXPECT_EQ(CallRaw(kDecrypt,
                    "\x0a\x01x\x1a\x06"
                    "fake.1"
                    "\xf8\x07\x01"),
            StatusCode::OK);
}

TEST_F(HostileClientTest, KnowsNoOtherMethodServiceOrVersion) {
  for (const std::string method :
       {"/v2.KeyManagementService/Destroy", "/v1beta1.KeyManagementService/Encrypt",
        "/v2alpha1.KeyManagementService/Status", "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "/"}) {
    EXPECT_EQ(CallRaw(method, ""), StatusCode::UNIMPLEMENTED) << method;
  }
  EXPECT_TRUE(Serves());
}

TEST_F(HostileClientTest, ServesEveryFormOfAuthorityThatApiserversSend) {
  for (const std::string authority : {"localhost", "/run/x.sock", "%2Frun%2Fx.sock", "@x"}) {
    EXPECT_TRUE(Client(settings.socket, authority).Status().ok()) << authority;
  }
}

TEST_F(HostileClientTest, TakesManyPingsForNoOffence) {
  Http2Client pinging(settings.socket);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(pinging.SendFrame(Http2Client::kPing, 0, 0, "12345678"));
    for (bool is_answered = false; !is_answered;) {
      const auto frame = pinging.Receive();
      ASSERT_TRUE(frame);
      ASSERT_NE(frame->type, Http2Client::kGoAway);
      is_answered = frame->type == Http2Client::kPing;
    }
  }
}

TEST_F(HostileClientTest, SurvivesGarbageAfterThePreface) {
  {
    Http2Client garbage(settings.socket);
    std::string bytes(5000, '\0');
    unsigned state = 7;
    for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    garbage.SendRaw(bytes);
    EXPECT_TRUE(IsClosedWithin(garbage.fd(), seconds(10)));
  }
  EXPECT_TRUE(Serves());
}

TEST_F(HostileClientTest, SurvivesAClientThatLeavesInTheMiddleOfACall) {
  keyring.Hold();
  {
    Http2Client leaving(settings.socket);
    leaving.SendHeaders(1, Http2Client::GrpcHeaders("Decrypt"));
    const std::string message =
        "\x0a\x01x\x1a\x06"
        "fake.1";
    leaving.SendFrame(Http2Client::kData, 1, 1,
                      std::string("\0\0\0\0", 4) + static_cast<char>(message.size()) + message);
    keyring.WaitForHeld(1);
  }
  EXPECT_TRUE(Eventually([this] { return keyring.last_call().cancelled->load(); }));
  keyring.Release();
  EXPECT_TRUE(Serves());
}

TEST_F(HostileClientTest, RefusesHeadersBeyondEightKibibytes) {
  const auto context = Client::NewContext(seconds(20));
  context->AddMetadata("x-long", std::string(20000, 'a'));
  v2::StatusResponse response;
  EXPECT_EQ(client.stub().Status(context.get(), {}, &response).error_code(),
            StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(Serves());
}

// CVE-2023-1428: a header value that gRPC cannot parse, then headers beyond the limit of
// 8 KiB, made its C++ server abort. Debian 12's 1.51.1 must live through them.
TEST_F(HostileClientTest, SurvivesTheHeadersOfCve20231428) {
  const Http2Client::Headers kPoison = {
      {"te", "x"},           {":scheme", "x"},      {"grpclb_client_stats", "x"},
      {"content-type", "x"}, {"grpc-timeout", "x"}, {"grpc-encoding", "x"},
      {"grpc-status", "x"},  {":method", "x"}};
  for (const auto& poison : kPoison) {
    Http2Client attacker(settings.socket, std::chrono::milliseconds(300));
    Http2Client::Headers headers = Http2Client::GrpcHeaders("Status");
    headers.push_back(poison);
    for (int i = 0; i < 3; ++i) headers.emplace_back("x-long", std::string(5000, 'a'));
    attacker.SendHeaders(1, headers);
    for (auto frame = attacker.Receive(); frame; frame = attacker.Receive()) {
      if (frame->type == Http2Client::kReset || frame->type == Http2Client::kGoAway) break;
    }
    EXPECT_TRUE(Serves()) << poison.first;
  }
}

TEST_F(HostileClientTest, CannotHoldAStopByTakingNoAnswer) {
  Http2Client deaf(settings.socket);
  const std::string no_window("\0\x04\0\0\0\0", 6);  // SETTINGS_INITIAL_WINDOW_SIZE 0
  ASSERT_TRUE(deaf.SendFrame(Http2Client::kSettings, 0, 0, no_window));
  ASSERT_TRUE(deaf.SendHeaders(1, Http2Client::GrpcHeaders("Status")));
  ASSERT_TRUE(deaf.SendFrame(Http2Client::kData, 1, 1, std::string(5, '\0')));
  ASSERT_TRUE(Eventually([this] { return !recorder.requests().empty(); }));
  const auto start = Clock::now();
  serving.Stop(std::chrono::milliseconds(250));
  EXPECT_LT(Clock::now() - start, seconds(5));
}

}  // namespace
}  // namespace mortise::test
