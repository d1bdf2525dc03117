// SPDX-License-Identifier: Apache-2.0
#include "cli/load.h"

#include <fmt/format.h>
#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "cli/kms_channel.h"
#include "cli/kms_client.h"
#include "cli/load_check.h"
#include "cli/probe_hints.h"
#include "proto/kmsv2.grpc.pb.h"

namespace mortise::cli {
namespace {

using Service = v2::KeyManagementService;

// A ciphertext and what it has to open to: random bytes of our own, no secret.
struct Sample {
  v2::DecryptRequest request;
  std::string plaintext;
};

// What one thread saw.
struct Tally {
  LatencyHistogram latency;
  std::uint64_t failed = 0;
  std::map<std::string, std::uint64_t> errors;
  std::string first_error;

  void Fail(std::string code, const std::string& message) {
    ++failed;
    if (first_error.empty()) first_error = fmt::format("{}: {}", code, message);
    ++errors[std::move(code)];
  }
};

// One caller of the closed loop; lives on its thread's completion queue.
class Caller {
 public:
  explicit Caller(std::chrono::milliseconds timeout) : timeout_(timeout) {}
  virtual ~Caller() = default;

  void Call(grpc::CompletionQueue& queue) {
    context_.emplace();
    context_->set_wait_for_ready(true);
    context_->set_deadline(std::chrono::system_clock::now() + timeout_);
    is_pausing_ = false;
    start_ = Clock::now();
    Start(*context_, queue);
  }

  // A server that refuses at once must not be hammered by a spinning client.
  void Pause(grpc::CompletionQueue& queue) {
    is_pausing_ = true;
    alarm_.Set(&queue, std::chrono::system_clock::now() + std::chrono::milliseconds(10), this);
  }
  bool is_pausing() const { return is_pausing_; }

  // The call has ended; false when it failed.
  bool Settle(Tally& tally) {
    const auto took = Clock::now() - start_;
    if (!status_.ok()) {
      tally.Fail(std::string(RpcCodeName(status_.error_code())), status_.error_message());
      return false;
    }
    if (!IsRight()) {
      tally.Fail("WRONG_ANSWER", "the answer is not what this call has to give");
      return false;
    }
    tally.latency.Record(took);
    return true;
  }

 protected:
  virtual void Start(grpc::ClientContext& context, grpc::CompletionQueue& queue) = 0;
  virtual bool IsRight() const = 0;
  grpc::Status status_;

 private:
  std::chrono::milliseconds timeout_;
  std::optional<grpc::ClientContext> context_;
  grpc::Alarm alarm_;
  Clock::time_point start_;
  bool is_pausing_ = false;
};

template <typename Response>
using Reader = std::unique_ptr<grpc::ClientAsyncResponseReader<Response>>;

class StatusCaller final : public Caller {
 public:
  StatusCaller(const Load& load, Service::Stub& stub) : Caller(load.timeout), stub_(stub) {}

 private:
  void Start(grpc::ClientContext& context, grpc::CompletionQueue& queue) override {
    reader_ = stub_.AsyncStatus(&context, request_, &queue);
    reader_->Finish(&response_, &status_, static_cast<Caller*>(this));
  }
  bool IsRight() const override { return !response_.key_id().empty(); }

  Service::Stub& stub_;
  v2::StatusRequest request_;
  v2::StatusResponse response_;
  Reader<v2::StatusResponse> reader_;
};

class EncryptCaller final : public Caller {
 public:
  EncryptCaller(const Load& load, Service::Stub& stub) : Caller(load.timeout), stub_(stub) {
    const Bytes plaintext = RandomBytes(32);
    request_.set_plaintext(plaintext.data(), plaintext.size());
    request_.set_uid(NewUid());
  }

 private:
  void Start(grpc::ClientContext& context, grpc::CompletionQueue& queue) override {
    reader_ = stub_.AsyncEncrypt(&context, request_, &queue);
    reader_->Finish(&response_, &status_, static_cast<Caller*>(this));
  }
  bool IsRight() const override {
    return !response_.ciphertext().empty() && !response_.key_id().empty();
  }

  Service::Stub& stub_;
  v2::EncryptRequest request_;
  v2::EncryptResponse response_;
  Reader<v2::EncryptResponse> reader_;
};

class DecryptCaller final : public Caller {
 public:
  // `first` spreads the callers over the samples.
  DecryptCaller(const Load& load, Service::Stub& stub, const std::vector<Sample>& samples,
                std::size_t first)
      : Caller(load.timeout), stub_(stub), samples_(samples), at_(first % samples.size()) {}

 private:
  void Start(grpc::ClientContext& context, grpc::CompletionQueue& queue) override {
    at_ = at_ + 1 < samples_.size() ? at_ + 1 : 0;
    reader_ = stub_.AsyncDecrypt(&context, samples_[at_].request, &queue);
    reader_->Finish(&response_, &status_, static_cast<Caller*>(this));
  }
  bool IsRight() const override { return response_.plaintext() == samples_[at_].plaintext; }

  Service::Stub& stub_;
  const std::vector<Sample>& samples_;
  std::size_t at_;
  v2::DecryptResponse response_;
  Reader<v2::DecryptResponse> reader_;
};

// One thread's share: its callers, run from one completion queue until the end.
class Pump {
 public:
  void Add(std::unique_ptr<Caller> caller) { callers_.push_back(std::move(caller)); }

  std::size_t size() const { return callers_.size(); }

  // Until `end`, or until `budget` calls are made.
  void Run(Clock::time_point end, std::uint64_t budget) {
    std::size_t active = std::min<std::uint64_t>(callers_.size(), budget);
    for (std::size_t i = 0; i < active; ++i) callers_[i]->Call(queue_);
    budget -= active;
    void* tag = nullptr;
    bool ok = false;
    while (active > 0 && queue_.Next(&tag, &ok)) {
      auto* caller = static_cast<Caller*>(tag);
      const bool failed = !caller->is_pausing() && !caller->Settle(tally_);
      if (budget == 0 || Clock::now() >= end) {
        --active;
      } else if (failed) {
        caller->Pause(queue_);
      } else {
        --budget;
        caller->Call(queue_);
      }
    }
    queue_.Shutdown();
    while (queue_.Next(&tag, &ok)) {
    }
  }

  const Tally& tally() const { return tally_; }

 private:
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<Caller>> callers_;
  Tally tally_;
};

// The ciphertexts that Decrypt is to open, each made by the plugin itself.
std::vector<Sample> MakeSamples(const Load& load) {
  constexpr int kAttempts = 50;  // of 200 ms: enough for a wrap rate limit to let one pass
  KmsClient client(load.address);
  std::vector<Sample> samples(static_cast<std::size_t>(load.distinct));
  for (Sample& sample : samples) {
    const Bytes plaintext = RandomBytes(32);
    auto answer = client.Encrypt(plaintext, load.timeout);
    for (int i = 1; i < kAttempts && answer.code == RpcCode::kResourceExhausted; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      answer = client.Encrypt(plaintext, load.timeout);
    }
    if (!answer.value) {
      throw Unmeasurable(
          ExitCodeFor(answer.code, answer.message),
          fmt::format("{}: Encrypt, which makes the ciphertexts for Decrypt, failed with "
                      "{}: {}; run `mortise probe` on the same socket to see why",
                      load.address.Shown(), RpcCodeName(static_cast<int>(answer.code)),
                      Printable(answer.message, 300)));
    }
    sample.plaintext = std::string(AsText(plaintext));
    sample.request.set_uid(NewUid());
    sample.request.set_ciphertext(answer.value->ciphertext);
    sample.request.set_key_id(answer.value->key_id);
    sample.request.mutable_annotations()->insert(answer.value->annotations.begin(),
                                                 answer.value->annotations.end());
  }
  return samples;
}

std::vector<std::unique_ptr<Service::Stub>> Connect(const Load& load) {
  std::vector<std::unique_ptr<Service::Stub>> stubs;
  const auto deadline = std::chrono::system_clock::now() + load.timeout;
  for (int i = 0; i < std::min(load.connections, load.callers); ++i) {
    auto channel = MakeKmsChannel(load.address);
    if (!channel->WaitForConnected(deadline)) {
      throw Unmeasurable(
          ExitCode::kTimedOut,
          fmt::format("{}: no connection within {} ms; run `mortise probe` on the same "
                      "socket to see why",
                      load.address.Shown(), load.timeout.count()));
    }
    stubs.push_back(Service::NewStub(channel));
  }
  return stubs;
}

std::unique_ptr<Caller> MakeCaller(const Load& load, Service::Stub& stub,
                                   const std::vector<Sample>& samples, std::size_t index) {
  switch (load.rpc) {
    case Rpc::kStatus:
      return std::make_unique<StatusCaller>(load, stub);
    case Rpc::kEncrypt:
      return std::make_unique<EncryptCaller>(load, stub);
    case Rpc::kDecrypt:
      break;
  }
  return std::make_unique<DecryptCaller>(load, stub, samples, index);
}

}  // namespace

LoadResult Drive(const Load& load) {
  RequireServer(load);
  if (load.rpc != Rpc::kStatus) RequireKey(load);
  const auto stubs = Connect(load);
  const auto samples = load.rpc == Rpc::kDecrypt ? MakeSamples(load) : std::vector<Sample>();

  // A connection's callers stay on one thread; more threads than cores only cost.
  const auto cores = std::max(1u, std::thread::hardware_concurrency());
  std::vector<Pump> pumps(std::min<std::size_t>(stubs.size(), cores));
  for (std::size_t i = 0; i < static_cast<std::size_t>(load.callers); ++i) {
    const std::size_t connection = i % stubs.size();
    pumps[connection % pumps.size()].Add(MakeCaller(load, *stubs[connection], samples, i));
  }

  const auto start = Clock::now();
  const auto end = load.calls > 0 ? Clock::time_point::max() : start + load.duration;
  {
    std::vector<std::jthread> threads;
    std::uint64_t calls_left = load.calls > 0 ? load.calls : UINT64_MAX;
    std::size_t callers_left = static_cast<std::size_t>(load.callers);
    for (Pump& pump : pumps) {
      // Its share of the calls is its share of the callers.
      const std::uint64_t budget = calls_left / callers_left * pump.size() +
                                   calls_left % callers_left * pump.size() / callers_left;
      calls_left -= budget;
      callers_left -= pump.size();
      threads.emplace_back([&pump, end, budget] { pump.Run(end, budget); });
    }
  }

  LoadResult result;
  result.elapsed = Clock::now() - start;
  for (const Pump& pump : pumps) {
    const Tally& tally = pump.tally();
    result.latency.Merge(tally.latency);
    result.failed += tally.failed;
    for (const auto& [code, count] : tally.errors) result.errors[code] += count;
    if (result.first_error.empty()) result.first_error = tally.first_error;
  }
  result.calls = result.latency.count() + result.failed;
  return result;
}

}  // namespace mortise::cli
