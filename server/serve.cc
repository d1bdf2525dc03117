// SPDX-License-Identifier: Apache-2.0
#include "server/serve.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <utility>

#include "base/error.h"
#include "server/health.h"
#include "server/kms_server.h"
#include "server/listener.h"

namespace mortise::server {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStopGrace{250};
constexpr milliseconds kTurn{250};
constexpr milliseconds kTurnWhileWaiting{20};  // for a successor's readiness, or for its end
constexpr std::chrono::seconds kStuck{5};      // a loop that has not gone round for so long

sigset_t OurSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR2}) sigaddset(&signals, signal);
  return signals;
}

// The signal that came within `limit`; 0: none.
int NextSignal(milliseconds limit) {
  const sigset_t signals = OurSignals();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
  const timespec time{.tv_sec = seconds.count(),
                      .tv_nsec = std::chrono::nanoseconds(limit - seconds).count()};
  return std::max(sigtimedwait(&signals, nullptr, &time), 0);
}

// A served connection takes two descriptors; the usual soft limit of 1024 is small.
void RaiseFileLimit() {
  constexpr rlim_t kPlenty = 65536;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kPlenty) return;
  limit.rlim_cur = std::min(limit.rlim_max, kPlenty);
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

void PrepareSignals() {
  const sigset_t signals = OurSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
}

void RequireUsableSockets(const config::Config& config, TakeOver take_over) {
  for (const config::Keyring& keyring : config.keyrings) {
    RequireUsablePath(keyring.socket, take_over);
  }
}

struct Front::Place {
  Place(const config::Keyring& keyring_settings, std::shared_ptr<hsm::Keyring> its_keyring,
        const FrontOptions& options)
      : settings(keyring_settings),
        keyring(std::move(its_keyring)),
        server(keyring, settings, options.config.server, options.observers) {}

  const config::Keyring& settings;
  const std::shared_ptr<hsm::Keyring> keyring;
  KmsServer server;
  HealthAnswer told;                   // what the log was told last
  std::unique_ptr<Listener> listener;  // stops before the server that it hands over to
};

Front::Front(FrontOptions options) : options_(std::move(options)) {
  const auto& all = options_.config.keyrings;
  if (all.size() != options_.keyrings.size()) {
    throw Error(Reason::kInternal, "as many keyrings are needed as are configured");
  }
  RequireUsableSockets(options_.config, options_.take_over);
  RaiseFileLimit();
  for (std::size_t i = 0; i < all.size(); ++i) {
    places_.push_back(std::make_unique<Place>(all[i], options_.keyrings[i], options_));
  }
}

Front::~Front() {
  Stop();
}

void Front::Run() {
  for (;;) {
    PublishWhatIsReady();
    if (IsSuperseded()) return Drain();
    TellSystemd();
    const int signal = NextSignal(is_serving_ ? kTurn : kTurnWhileWaiting);
    if (signal == SIGTERM || signal == SIGINT) break;
    if (signal == SIGUSR2) StartSuccessor();
    if (const auto status = successor_.Ended()) {
      options_.events.OnEvent({hsm::Severity::kError,
                               "successor_failed",
                               fmt::format("the successor ended with status {}; this process goes "
                                           "on serving. Its log says why",
                                           *status),
                               {}});
    }
  }
  notify_.Stopping();
  Stop();
}

void Front::Publish(Place& place) {
  place.listener = std::make_unique<Listener>(
      place.settings, options_.config.server.max_connections, options_.take_over,
      [&server = place.server](UniqueFd connection, Peer peer) {
        server.Adopt(std::move(connection), peer);
      },
      options_.events, options_.observers);
  options_.events.OnEvent({hsm::Severity::kInfo,
                           "socket_ready",
                           "the socket accepts connections",
                           {{"keyring", place.settings.name}, {"socket", place.settings.socket}}});
}

void Front::PublishWhatIsReady() {
  if (is_serving_) return;
  for (const auto& place : places_) {
    if (!place->listener && IsReady(*place)) Publish(*place);
  }
  is_serving_ = std::all_of(places_.begin(), places_.end(),
                            [](const auto& place) { return place->listener != nullptr; });
  if (!is_serving_) return;
  notify_.Ready(options_.take_over == TakeOver::kYes);
  options_.on_serving();
}

// A predecessor that serves is worth more than a successor that cannot yet.
bool Front::IsReady(const Place& place) const {
  if (options_.take_over == TakeOver::kNo) return true;
  const HealthAnswer health = JudgeHealth(*place.keyring->Status(), place.settings, Clock::now());
  if (health.is_available && health.healthz == "ok") return true;
  return LookAt(place.settings.socket).kind != PathFinding::Kind::kLiveSocket;
}

bool Front::IsSuperseded() const {
  return std::all_of(places_.begin(), places_.end(), [](const auto& place) {
    return place->listener && place->listener->is_superseded();
  });
}

void Front::TellSystemd() {
  const Clock::time_point now = Clock::now();
  std::string text;
  bool is_alive = true;
  for (const auto& place : places_) {
    if (!text.empty()) text += "; ";
    const HealthAnswer health = JudgeHealth(*place->keyring->Status(), place->settings, now);
    text += fmt::format("{}: {}", place->settings.name, health.healthz);
    TellOfHealth(*place, health);
    is_alive = is_alive && place->server.heartbeat().age() < kStuck &&
               (!place->listener || now - place->listener->last_turn() < kStuck);
  }
  if (is_alive && options_.heartbeat != nullptr) options_.heartbeat->Beat();
  notify_.Status(text);
  const auto interval = notify_.WatchdogInterval();
  if (!interval || !is_alive || now < next_watchdog_) return;
  next_watchdog_ = now + *interval;
  notify_.Watchdog();
}

// Each change once: the numbers in a reason grow all the time.
void Front::TellOfHealth(Place& place, const HealthAnswer& health) {
  HealthAnswer now{health.is_available && health.healthz == "ok", health.healthz, {}};
  std::erase_if(now.healthz, [](char c) { return c >= '0' && c <= '9'; });
  if (place.told == now) return;
  // That a token is not up the moment we are is no cause for alarm.
  const bool is_first = place.told == HealthAnswer();
  place.told = now;
  if (now.is_available) {
    options_.events.OnEvent({hsm::Severity::kInfo,
                             "keyring_ready",
                             "the keyring is healthy, as Status says",
                             {{"keyring", place.settings.name}, {"key_id", health.key_id}}});
  } else {
    options_.events.OnEvent({is_first ? hsm::Severity::kInfo : hsm::Severity::kWarning,
                             "keyring_not_ready",
                             "the keyring is not healthy, as Status says; `mortise status` says "
                             "what to do",
                             {{"keyring", place.settings.name}, {"reason", health.healthz}}});
  }
}

void Front::StartSuccessor() {
  if (options_.successor.empty()) return;
  try {
    successor_.Start(options_.successor);
    options_.events.OnEvent({hsm::Severity::kInfo,
                             "successor_started",
                             "a successor was started; it takes over once it is healthy",
                             {}});
  } catch (const Error& error) {
    options_.events.OnEvent({hsm::Severity::kError, "successor_failed", error.what(), {}});
  }
}

// Clients are told to reconnect as their connections reach maxConnectionAge (gRPC varies
// it by a tenth), and then meet the successor. systemd is told nothing: the unit is the
// successor's now.
void Front::Drain() {
  options_.on_superseded();
  const auto age = options_.config.server.max_connection_age;
  const Deadline deadline = Clock::now() + age + age / 5 + std::chrono::seconds(2);
  const auto has_connections = [](const auto& place) { return place->listener->open() > 0; };
  while (Clock::now() < deadline && std::any_of(places_.begin(), places_.end(), has_connections)) {
    const int signal = NextSignal(kTurnWhileWaiting);
    if (signal == SIGTERM || signal == SIGINT) break;
  }
  Stop();
}

void Front::Stop() {
  for (const auto& place : places_) {
    if (place->listener) place->listener->Stop();
  }
  const Deadline deadline = Clock::now() + kStopGrace;
  for (const auto& place : places_) place->server.Stop(deadline);
  places_.clear();
}

}  // namespace mortise::server
