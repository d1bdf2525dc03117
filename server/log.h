// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "config/config.h"
#include "hsm/observer.h"
#include "server/rate_limit.h"
#include "server/request_observer.h"

namespace spdlog {
class logger;
namespace details {
class thread_pool;
}
}  // namespace spdlog

namespace mortise::server {

// The structured log: one line a fact, JSON or, for people, text. A thread of its own
// writes, so that a full pipe holds up no request; when it falls behind by a thousand
// lines the oldest go first. Client's words are escaped; bytes of a request never appear.
class Log final : public hsm::Observer, public RequestObserver {
 public:
  explicit Log(const config::Log& settings, std::FILE* out = stderr);
  ~Log() override;  // writes what is left

  // One line with `event`; what is audited at any log.level.
  void OnEvent(const hsm::Event& event) override;

  // Successes at level debug. Failures as warnings, at most a few a second; a Status
  // only when it differs from that keyring's last.
  void OnRequest(const RequestResult& result) override;

  void Say(hsm::Severity severity, std::string_view message);

 private:
  class Line;

  bool IsNewStatus(const RequestResult& result);

  const bool is_json_;
  std::shared_ptr<spdlog::details::thread_pool> writer_;
  std::shared_ptr<spdlog::logger> logger_;
  RateLimit failures_{5, 20};
  std::mutex mutex_;
  std::unordered_map<std::string, std::string> last_status_;  // by keyring; guarded by mutex_
};

}  // namespace mortise::server
