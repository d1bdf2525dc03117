// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/file.h"
#include "metrics/listen_socket.h"

namespace mortise::metrics {

struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// What answers GET and HEAD of a path. Runs on the endpoint's one thread and must
// return at once: nothing else is answered meanwhile.
using HttpRoutes = std::map<std::string, std::function<HttpReply()>, std::less<>>;

struct HttpOptions {
  std::string address;  // host:port; port 0 = any free one

  // Told, from any thread, when the port is ours and, once, when it has to be waited
  // for. They must not call the endpoint back.
  std::function<void(int port)> on_listening = nullptr;
  std::function<void(const std::string& problem)> on_waiting = nullptr;
};

// A small HTTP server for a handful of fixed pages, on one thread. No client can hold
// up another: nothing blocks on a client, a silent connection is closed after 10 s, and
// when connections run out the one that has been quiet longest makes way.
class HttpEndpoint {
 public:
  // A port that another process has (a predecessor, in a take-over) is tried again every
  // 100 ms until it is ours or Stop is called: metrics must not keep keys from being used.
  // Throws Error(kConfig) for an unreadable address, Error(kPermission) for a forbidden one.
  HttpEndpoint(HttpOptions options, HttpRoutes routes);
  ~HttpEndpoint();
  HttpEndpoint(const HttpEndpoint&) = delete;
  HttpEndpoint& operator=(const HttpEndpoint&) = delete;

  int port() const { return port_; }  // 0 until the port is ours

  // Closes all connections and gives the port back before it returns. May be repeated.
  void Stop();

 private:
  class Daemon;

  void Serve(UniqueFd listener);
  void RetryUntilBound(std::stop_token stop);

  HttpOptions options_;
  HttpRoutes routes_;
  ListenAddress address_;
  std::atomic<int> port_ = 0;
  std::mutex mutex_;
  std::condition_variable_any stopping_;
  std::unique_ptr<Daemon> daemon_;  // guarded by mutex_
  std::jthread retry_;
};

}  // namespace mortise::metrics
