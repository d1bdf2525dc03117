// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/heartbeat.h"
#include "config/config.h"
#include "hsm/keyring.h"
#include "hsm/observer.h"
#include "server/health.h"
#include "server/notify.h"
#include "server/request_observer.h"
#include "server/socket_path.h"
#include "server/successor.h"

namespace mortise::server {

// First in main, before any thread: Front::Run takes SIGTERM, SIGINT and SIGUSR2 by
// waiting for them, so every thread must be born with them blocked. SIGHUP and SIGPIPE
// are ignored. Children inherit both and put them right themselves.
void PrepareSignals();

// Throws Error(kConfig) or Error(kPermission) for the first keyring whose socket could
// not be made; to be asked before any worker is started.
void RequireUsableSockets(const config::Config& config, TakeOver take_over);

struct FrontOptions {
  const config::Config& config;
  std::vector<std::shared_ptr<hsm::Keyring>> keyrings;  // in the order of config.keyrings
  hsm::Observer& events;
  RequestObservers observers{};
  TakeOver take_over = TakeOver::kNo;
  Heartbeat* heartbeat = nullptr;  // beats while the front and all listeners go round
  // The command line that SIGUSR2 starts; it has --take-over. Empty: SIGUSR2 does nothing.
  std::vector<std::string> successor{};
  std::function<void()> on_serving = [] {};     // all sockets accept; called once
  std::function<void()> on_superseded = [] {};  // a successor serves: give ports back
};

// The front's life: sockets, RPC servers, signals, systemd, until it is told to stop or
// a successor has taken over. Serving never depends on a token: a keyring that is not
// healthy keeps its socket and says so by Status.
class Front {
 public:
  explicit Front(FrontOptions options);  // throws as RequireUsableSockets
  ~Front();
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;

  // Returns when this process should exit with 0. A plain start binds first. In a
  // take-over each keyring's socket is renamed into place once the keyring is healthy,
  // or once there is no predecessor any more: until then that one serves.
  void Run();

 private:
  struct Place;  // one keyring's socket and server

  void Publish(Place& place);
  void PublishWhatIsReady();
  bool IsReady(const Place& place) const;
  bool IsSuperseded() const;
  void TellSystemd();
  void TellOfHealth(Place& place, const HealthAnswer& health);
  void StartSuccessor();
  void Drain();
  void Stop();

  const FrontOptions options_;
  std::vector<std::unique_ptr<Place>> places_;
  Notify notify_;
  Successor successor_;
  bool is_serving_ = false;
  Clock::time_point next_watchdog_{};
};

}  // namespace mortise::server
