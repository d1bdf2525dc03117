// SPDX-License-Identifier: Apache-2.0
#include "hsm/supervisor.h"

#include <pthread.h>

namespace mortise::hsm {
namespace {

// How late a deadline may be noticed, and a dead worker replaced.
constexpr std::chrono::milliseconds kTick{20};

}  // namespace

Supervisor::Supervisor(std::vector<Token*> tokens, std::function<void(Clock::time_point)> also)
    : tokens_(std::move(tokens)),
      also_(std::move(also)),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

Supervisor::~Supervisor() {
  thread_.request_stop();
  thread_.join();
}

void Supervisor::Run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "supervisor");
  while (!stop.stop_requested()) {
    for (Token* token : tokens_) token->Tick(Clock::now());
    also_(Clock::now());
    heartbeat_.Beat();
    std::this_thread::sleep_for(kTick);
  }
  // The workers die with this thread; nothing must wait for them then.
  for (Token* token : tokens_) token->Stop();
}

}  // namespace mortise::hsm
