// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "test/unit/server/serving_test.h"

namespace mortise::test {
namespace {

using grpc::StatusCode;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

class KmsServiceTest : public ServingTest {};

TEST_F(KmsServiceTest, AnswersStatusFromTheKeyringsSnapshot) {
  v2::StatusResponse response;
  ASSERT_TRUE(client.Status(&response).ok());
  EXPECT_EQ(response.version(), "v2");
  EXPECT_EQ(response.healthz(), "ok");
  EXPECT_EQ(response.key_id(), "fake.1");
}

TEST_F(SocketTest, AnswersStatusWithTheVersionConfigured) {
  settings.version = "v2beta1";
  const Serving serving(settings, limits);
  v2::StatusResponse response;
  ASSERT_TRUE(Client(settings.socket).Status(&response).ok());
  EXPECT_EQ(response.version(), "v2beta1");
}

TEST_F(KmsServiceTest, AnswersStatusUnavailableUntilTheFirstProof) {
  hsm::KeyringStatus starting;
  starting.waiting_for = "token hsm-a to log in";
  keyring.SetStatus(starting);
  const grpc::Status status = client.Status();
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("token hsm-a to log in"));
}

TEST_F(KmsServiceTest, DecryptsWhatItEncrypted) {
  for (const std::size_t size : {1, 16, 31, 32, 33, 64, 128}) {
    const std::string seed(size, static_cast<char>(size));
    v2::EncryptResponse encrypted;
    ASSERT_TRUE(client.Encrypt(seed, &encrypted).ok());
    EXPECT_EQ(encrypted.key_id(), "fake.1");
    EXPECT_EQ(encrypted.annotations_size(), 0);
    v2::DecryptResponse decrypted;
    ASSERT_TRUE(client.Decrypt(encrypted.ciphertext(), encrypted.key_id(), &decrypted).ok());
    EXPECT_EQ(decrypted.plaintext(), seed);
  }
}

TEST_F(KmsServiceTest, RefusesAPlaintextThatIsEmptyOrLongerThan128Bytes) {
  EXPECT_EQ(client.Encrypt("").error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(client.Encrypt(std::string(129, 'x')).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(client.Encrypt(std::string(60000, 'x')).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(keyring.calls(), 0);
}

TEST_F(KmsServiceTest, RefusesACiphertextThatIsEmptyOrLongerThan1024Bytes) {
  EXPECT_EQ(client.Decrypt("").error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(client.Decrypt(std::string(1024, 'x')).ok());
  EXPECT_EQ(client.Decrypt(std::string(1025, 'x')).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(keyring.calls(), 1);
}

TEST_F(KmsServiceTest, RefusesAKeyIdThatIsEmptyOrTooLong) {
  EXPECT_EQ(client.Decrypt("x", "").error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(client.Decrypt("x", std::string(10240, 'k')).error_code(),
            StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(keyring.calls(), 0);
}

TEST_F(KmsServiceTest, RefusesAnnotationsBecauseNoneWereIssued) {
  v2::DecryptRequest request;
  request.set_ciphertext("x");
  request.set_key_id("fake.1");
  (*request.mutable_annotations())["a.example"] = "";
  EXPECT_EQ(client.Decrypt(request).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(keyring.calls(), 0);
}

TEST_F(KmsServiceTest, TellsAnUnknownKeyIdNothingMore) {
  const grpc::Status status = client.Decrypt("x", "fake\n.2");
  EXPECT_EQ(status.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "unknown key_id");
}

TEST_F(KmsServiceTest, KeepsTheDetailOfAFailureToTheLog) {
  keyring.FailWith(Error(Reason::kCiphertextRefused, "C_Decrypt: CKR_GENERAL_ERROR on serial 42"));
  const grpc::Status status = client.Decrypt("x");
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "ciphertext refused");
  EXPECT_EQ(status.error_details(), "");
  EXPECT_THAT(recorder.requests(),
              ElementsAre(Field(&Recorder::Request::detail, HasSubstr("serial 42"))));
}

TEST_F(KmsServiceTest, TellsObserversWhoCalledAndWhatCameOfIt) {
  client.Decrypt("x", "other");
  const auto requests = recorder.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].method, server::Method::kDecrypt);
  EXPECT_EQ(requests[0].code, "NOT_FOUND");
  EXPECT_EQ(requests[0].failure, Reason::kKeyNotFound);
  EXPECT_EQ(requests[0].key_id, "other");
  EXPECT_EQ(requests[0].peer,
            "uid " + std::to_string(geteuid()) + " pid " + std::to_string(getpid()));
}

TEST_F(KmsServiceTest, AcceptsAnyUid) {
  for (const std::string& uid :
       {std::string(), std::string(10240, 'u'), std::string("a\0\n\x1b[31m", 8)}) {
    v2::DecryptRequest request;
    request.set_ciphertext("x");
    request.set_key_id("fake.1");
    request.set_uid(uid);
    EXPECT_TRUE(client.Decrypt(request).ok());
  }
}

TEST_F(KmsServiceTest, GivesTheKeyringTheCallersDeadlineAtMost30Seconds) {
  const auto deadline_given = [this](milliseconds limit) {
    const Deadline before = Clock::now();
    EXPECT_TRUE(client.Decrypt("x", "fake.1", nullptr, limit).ok());
    return keyring.last_call().deadline - before;
  };
  EXPECT_LE(deadline_given(seconds(3)), seconds(4));
  EXPECT_GT(deadline_given(seconds(3)), seconds(1));
  EXPECT_LE(deadline_given(seconds(3600)), seconds(31));
  EXPECT_GT(deadline_given(seconds(3600)), seconds(28));
}

TEST_F(KmsServiceTest, GivesACallWithoutDeadlineTenSeconds) {
  grpc::ClientContext context;
  v2::DecryptRequest request;
  request.set_ciphertext("x");
  request.set_key_id("fake.1");
  v2::DecryptResponse response;
  const Deadline before = Clock::now();
  ASSERT_TRUE(client.stub().Decrypt(&context, request, &response).ok());
  const auto given = keyring.last_call().deadline - before;
  EXPECT_GT(given, seconds(8));
  EXPECT_LE(given, seconds(11));
}

TEST_F(KmsServiceTest, TellsTheKeyringWhenTheCallerGoesAway) {
  keyring.Hold();
  const auto context = Client::NewContext(seconds(20));
  auto call = std::async(std::launch::async, [&] {
    v2::DecryptRequest request;
    request.set_ciphertext("x");
    request.set_key_id("fake.1");
    v2::DecryptResponse response;
    return client.stub().Decrypt(context.get(), request, &response);
  });
  keyring.WaitForHeld(1);
  context->TryCancel();
  EXPECT_EQ(call.get().error_code(), StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([this] { return keyring.last_call().cancelled->load(); }));
  keyring.Release();
  EXPECT_TRUE(Eventually([this] { return recorder.requests().size() == 1; }));
  EXPECT_EQ(recorder.requests()[0].failure, Reason::kCancelled);
}

TEST_F(KmsServiceTest, LetsACallEndAtItsDeadlineWhileTheTokenStalls) {
  keyring.Hold();
  EXPECT_EQ(client.Decrypt("x", "fake.1", nullptr, milliseconds(50)).error_code(),
            StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([this] { return keyring.last_call().cancelled->load(); }));
  keyring.Release();
  EXPECT_TRUE(client.Decrypt("x").ok());
}

TEST_F(KmsServiceTest, AnswersStatusWhileDecryptsAreHeld) {
  keyring.Hold();
  std::vector<std::future<grpc::Status>> decrypts;
  for (int i = 0; i < 100; ++i) {
    decrypts.push_back(std::async(std::launch::async, [this] { return client.Decrypt("x"); }));
  }
  keyring.WaitForHeld(100);
  EXPECT_TRUE(client.Status().ok());
  keyring.Release();
  for (auto& decrypt : decrypts) EXPECT_TRUE(decrypt.get().ok());
}

TEST_F(KmsServiceTest, ItsHeartBeatsOnlyWhileHandlersReturn) {
  std::promise<void> release;
  keyring.BlockUntil(release.get_future().share());
  auto call = std::async(std::launch::async, [this] { return client.Decrypt("x"); });
  const Heartbeat& heartbeat = serving.server().heartbeat();
  EXPECT_TRUE(Eventually([&] { return heartbeat.age() > seconds(2); }));  // idle, it beats sooner
  release.set_value();
  EXPECT_TRUE(call.get().ok());
  EXPECT_TRUE(Eventually([&] { return heartbeat.age() < seconds(1); }));
}

TEST_F(KmsServiceTest, EndsWhatIsInFlightWhenItStops) {
  keyring.Hold();
  auto call = std::async(std::launch::async, [this] { return client.Decrypt("x"); });
  keyring.WaitForHeld(1);
  const auto start = Clock::now();
  serving.Stop(milliseconds(50));
  EXPECT_LT(Clock::now() - start, seconds(5));
  const grpc::Status status = call.get();
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("stopped"));
  keyring.Release();  // the completion comes late and finds nothing to do
}

TEST_F(KmsServiceTest, LetsWhatIsInFlightFinishWhenItStops) {
  keyring.Hold();
  auto call = std::async(std::launch::async, [this] { return client.Decrypt("abc"); });
  keyring.WaitForHeld(1);
  auto stop = std::async(std::launch::async, [this] { serving.Stop(seconds(20)); });
  keyring.Release();
  EXPECT_TRUE(call.get().ok());
}

}  // namespace
}  // namespace mortise::test
