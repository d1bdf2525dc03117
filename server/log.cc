// SPDX-License-Identifier: Apache-2.0
#include "server/log.h"

#include <fmt/format.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"

namespace mortise::server {
namespace {

using Sink = spdlog::sinks::stdout_sink_base<spdlog::details::console_mutex>;

constexpr std::size_t kLongestField = 1024;

bool WantsJson(config::LogFormat format, std::FILE* out) {
  switch (format) {
    case config::LogFormat::kAuto:
      return isatty(fileno(out)) == 0;
    case config::LogFormat::kText:
      return false;
    case config::LogFormat::kJson:
      return true;
  }
  return true;
}

spdlog::level::level_enum LevelOf(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::kDebug:
      return spdlog::level::debug;
    case config::LogLevel::kInfo:
      return spdlog::level::info;
    case config::LogLevel::kWarning:
      return spdlog::level::warn;
    case config::LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

spdlog::level::level_enum LevelOf(hsm::Severity severity) {
  switch (severity) {
    case hsm::Severity::kInfo:
      return spdlog::level::info;
    case hsm::Severity::kWarning:
      return spdlog::level::warn;
    case hsm::Severity::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::string_view Word(spdlog::level::level_enum level) {
  if (level == spdlog::level::debug) return "debug";
  if (level == spdlog::level::info) return "info";
  if (level == spdlog::level::warn) return "warning";
  return "error";
}

// RFC 3339 with nanoseconds.
std::string Now() {
  const auto now = std::chrono::system_clock::now();
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  std::string text = FormatTime(second);
  text.pop_back();
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(now - second);
  return fmt::format("{}.{:09}Z", text, rest.count());
}

// What was done to keys and PINs. Until the audit log exists this is the audit trail, so it
// is written whatever the level.
bool IsAudited(std::string_view event) {
  static constexpr std::array<std::string_view, 10> kAudited = {
      "key_created",   "key_accepted",  "key_activated", "key_trusted_on_first_use",
      "pin_unlatched", "pin_set",       "pin_changed",   "token_erased",
      "policy_waiver", "keys_file_read"};
  return std::ranges::find(kAudited, event) != kAudited.end();
}

double Milliseconds(std::chrono::nanoseconds duration) {
  constexpr double kMicrosecondsPerMillisecond = 1000;
  return static_cast<double>(duration.count() / 1000) / kMicrosecondsPerMillisecond;
}

}  // namespace

// A line in the making.
class Log::Line {
 public:
  Line(spdlog::level::level_enum level, std::string_view message) : level_(level) {
    object_ = {{"time", Now()}, {"level", Word(level)}, {"msg", message.substr(0, kLongestField)}};
  }
  Line& Add(std::string_view name, std::string_view value) {
    if (!value.empty()) object_[std::string(name)] = value.substr(0, kLongestField);
    return *this;
  }
  Line& AddNumber(std::string_view name, double value) {
    object_[std::string(name)] = value;
    return *this;
  }
  Line& Audited() {
    is_audited_ = true;
    return *this;
  }
  void WriteTo(const Log& log) const {
    // The logger asks only for how much matters; the line itself says its level.
    log.logger_->log(is_audited_ ? spdlog::level::critical : level_, "{}",
                     log.is_json_ ? Json() : Text());
  }

 private:
  std::string Dump(const nlohmann::ordered_json& value) const {
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  std::string Json() const { return Dump(object_); }
  std::string Text() const {
    std::string text =
        fmt::format("{} {:7} {}", object_["time"].get<std::string_view>(),
                    object_["level"].get<std::string_view>(),
                    Printable(object_["msg"].get<std::string_view>(), kLongestField));
    for (const auto& [name, value] : object_.items()) {
      if (name == "time" || name == "level" || name == "msg") continue;
      text += fmt::format(" {}={}", name, Dump(value));
    }
    return text;
  }

  const spdlog::level::level_enum level_;
  bool is_audited_ = false;
  nlohmann::ordered_json object_;
};

Log::Log(const config::Log& settings, std::FILE* out)
    : is_json_(WantsJson(settings.format, out)),
      writer_(std::make_shared<spdlog::details::thread_pool>(1000, 1)),
      logger_(
          std::make_shared<spdlog::async_logger>("mortise", std::make_shared<Sink>(out), writer_,
                                                 spdlog::async_overflow_policy::overrun_oldest)) {
  logger_->set_level(LevelOf(settings.level));
  logger_->set_pattern("%v");
}

Log::~Log() = default;

void Log::Say(hsm::Severity severity, std::string_view message) {
  Line(LevelOf(severity), message).WriteTo(*this);
}

void Log::OnEvent(const hsm::Event& event) {
  const bool is_audited = IsAudited(event.name);
  if (!is_audited && !logger_->should_log(LevelOf(event.severity))) return;
  Line line(LevelOf(event.severity), event.message);
  if (is_audited) line.Audited();
  line.Add("event", event.name);
  for (const auto& [name, value] : event.fields) line.Add(name, value);
  line.WriteTo(*this);
}

bool Log::IsNewStatus(const RequestResult& result) {
  const std::lock_guard lock(mutex_);
  std::string reason(result.detail);
  std::erase_if(reason, [](char c) { return c >= '0' && c <= '9'; });  // ages grow all the time
  std::string now = fmt::format("{} {} {}", result.code, result.key_id, reason);
  std::string& last = last_status_[std::string(result.keyring)];
  if (last == now) return false;
  last = std::move(now);
  return true;
}

void Log::OnRequest(const RequestResult& result) {
  const bool is_status = result.method == Method::kStatus;
  if (is_status && !IsNewStatus(result)) return;
  auto level = is_status ? spdlog::level::info : spdlog::level::debug;
  if (result.failure) level = spdlog::level::warn;
  if (!logger_->should_log(level)) return;
  std::uint64_t suppressed = 0;
  if (result.failure && !is_status) {
    const auto allowed = failures_.Allow(Clock::now());
    if (!allowed) return;
    suppressed = *allowed;
  }
  Line line(level, result.failure ? "request failed" : "request served");
  line.Add("keyring", result.keyring)
      .Add("method", Name(result.method))
      .Add("uid", result.uid.empty() && !is_status ? "-" : Printable(result.uid))
      .Add("key_id", Printable(result.key_id, 128))
      .Add("outcome", result.failure ? Name(*result.failure) : "ok")
      .Add("code", result.code)
      .AddNumber("duration_ms", Milliseconds(result.duration))
      .Add("peer", result.peer)
      .Add("detail", result.detail);
  if (suppressed > 0) line.AddNumber("suppressed", static_cast<double>(suppressed));
  line.WriteTo(*this);
}

}  // namespace mortise::server
