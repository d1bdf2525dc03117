// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "config/config.h"
#include "hsm/observer.h"
#include "server/peer_table.h"
#include "server/rate_limit.h"
#include "server/request_observer.h"
#include "server/socket_path.h"

namespace mortise::server {

// A keyring's socket: accepts, checks who calls, and hands over connections that speak
// HTTP/2. One thread. gRPC's own unix listener would steal a live socket, delete its
// successor's, and know nothing of the caller.
class Listener {
 public:
  // Gets each connection that may be served; runs on the listener's thread.
  using Serve = std::function<void(UniqueFd connection, Peer peer)>;

  // Binds and accepts from now on. Throws as BoundSocket.
  Listener(const config::Keyring& settings, int max_connections, TakeOver take_over, Serve serve,
           hsm::Observer& events, RequestObservers observers);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Accepts no more and removes the path, if it is still ours. Served connections stay.
  void Stop();

  // Another process of this user listens at our path; we have accepted our last.
  bool is_superseded() const { return is_superseded_; }
  // Connections that are served or have not spoken yet.
  int open() const { return open_; }
  // When its loop last went round; it does so at least twice a second.
  Clock::time_point last_turn() const { return last_turn_.load(); }

 private:
  struct Silent {
    UniqueFd fd;
    Peer peer;
    Clock::time_point until;
  };

  void Run();
  void Dispatch(int fd);
  void Accept(int at_most);
  void PauseAccepting(const char* call, int error);
  void ResumeAccepting();
  bool IsAllowed(Peer peer);
  void HearFirstBytes(int fd);
  void HandOver(Silent connection);
  void CloseSilentOnes(Clock::time_point now);
  void WatchPath();
  void ReportStranger(const std::string& what);
  void BindAnew();
  void Watch(int fd, std::uint32_t events) const;
  void CountOpen() { open_ = static_cast<int>(silent_.size() + served_.size()); }
  void Reject(Rejection rejection, const char* event, const std::string& message,
              std::vector<std::pair<std::string, std::string>> fields = {});

  const config::Keyring settings_;
  const int max_connections_;
  const Serve serve_;
  hsm::Observer& events_;
  const RequestObservers observers_;
  const UniqueFd epoll_;
  const UniqueFd wake_;

  // Of the thread alone.
  std::unique_ptr<BoundSocket> socket_;
  std::unordered_map<int, Silent> silent_;    // accepted, nothing heard yet
  std::unordered_map<int, UniqueFd> served_;  // copies of what gRPC owns, to see it close
  Clock::time_point paused_until_{};
  bool is_paused_ = false;
  bool saw_successor_ = false;
  std::string stranger_;  // what was last reported at the path
  RateLimit rejections_{1, 5};
  RateLimit shortages_{0.1, 1};

  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> is_superseded_{false};
  std::atomic<int> open_{0};
  std::atomic<Clock::time_point> last_turn_{Clock::now()};
  std::thread thread_;
};

}  // namespace mortise::server
