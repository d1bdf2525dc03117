// SPDX-License-Identifier: Apache-2.0
#include "cli/run_serve.h"

#include <fmt/format.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

#include "hsm/assembly.h"
#include "metrics/http_endpoint.h"
#include "metrics/metrics.h"
#include "metrics/pages.h"
#include "server/log.h"
#include "server/metrics_observer.h"
#include "server/serve.h"

namespace mortise::cli {
namespace {

using namespace std::chrono_literals;

// Tells the log and the metrics alike.
class Both final : public hsm::Observer {
 public:
  Both(server::Log& log, metrics::Metrics& metrics) : log_(log), metrics_(metrics) {}
  void OnOperation(const hsm::OperationResult& result) override { metrics_.OnOperation(result); }
  void OnWorkerStart(std::string_view token, hsm::StartReason reason) override {
    metrics_.OnWorkerStart(token, reason);
  }
  void OnEvent(const hsm::Event& event) override {
    log_.OnEvent(event);
    metrics_.OnEvent(event);
  }

 private:
  server::Log& log_;
  metrics::Metrics& metrics_;
};

metrics::LabelSets Labels(const config::Config& config) {
  metrics::LabelSets labels{.codes = server::MetricsObserver::Codes(),
                            .peer_rejections = server::MetricsObserver::Rejections()};
  for (const config::Token& token : config.tokens) labels.tokens.push_back(token.name);
  for (const config::Keyring& keyring : config.keyrings) labels.keyrings.push_back(keyring.name);
  return labels;
}

// What a restart of this process would mend; empty: nothing.
std::string LoopProblem(const Heartbeat& front, const Heartbeat& supervisor) {
  constexpr auto kStuck = 30s;
  if (front.age() > kStuck) return "the front or a listener has not gone round for 30 s";
  if (supervisor.age() > kStuck) return "the workers' supervisor has not gone round for 30 s";
  return {};
}

metrics::PagesSource Sources(const config::Config& config, const metrics::Metrics& metrics,
                             const hsm::Assembly& assembly, const Heartbeat& front) {
  metrics::PagesSource source{.metrics = &metrics, .loop_problem = [&assembly, &front] {
                                return LoopProblem(front, assembly.heartbeat());
                              }};
  const std::vector<hsm::Keyring*> keyrings = assembly.keyrings();
  for (std::size_t i = 0; i < keyrings.size(); ++i) {
    source.keyrings.push_back({keyrings[i], config.keyrings[i].status_staleness});
  }
  return source;
}

// "http://127.0.0.1:9464/metrics"
std::string MetricsUrl(const config::Config& config, int port) {
  if (port == 0) return {};
  const std::string& address = config.metrics.address;
  return fmt::format("http://{}:{}/metrics", address.substr(0, address.rfind(':')), port);
}

hsm::Event PortTaken(const config::Config& config, const ServeHooks& hooks,
                     const std::string& problem) {
  constexpr std::string_view kName = "metrics_port_taken";
  if (hooks.take_over) {
    return {hsm::Severity::kInfo,
            kName,
            fmt::format("the predecessor still has metrics.address {}, as in every take-over; it "
                        "is waited for ({})",
                        config.metrics.address, problem.substr(0, problem.find(';'))),
            {}};
  }
  return {hsm::Severity::kWarning,
          kName,
          problem + hooks.port_advice + "; it is tried again until it is free",
          {}};
}

std::unique_ptr<metrics::HttpEndpoint> StartEndpoint(const config::Config& config,
                                                     const metrics::Pages& pages,
                                                     const ServeHooks& hooks,
                                                     hsm::Observer& observer) {
  if (config.metrics.address.empty()) return nullptr;
  return std::make_unique<metrics::HttpEndpoint>(
      metrics::HttpOptions{.address = config.metrics.address,
                           .on_listening =
                               [&](int port) {
                                 observer.OnEvent({hsm::Severity::kInfo,
                                                   "metrics_ready",
                                                   "metrics and status are served",
                                                   {{"url", MetricsUrl(config, port)}}});
                               },
                           .on_waiting =
                               [&](const std::string& problem) {
                                 observer.OnEvent(PortTaken(config, hooks, problem));
                               }},
      pages.Routes());
}

// Gives the hooks their facts, on a thread of its own.
class Reporter {
 public:
  Reporter(std::function<ServeHooks::Facts()> facts,
           std::function<void(const ServeHooks::Facts&)> tell)
      : thread_([facts = std::move(facts), tell = std::move(tell)](const std::stop_token& stop) {
          std::mutex mutex;
          std::condition_variable_any never;
          std::unique_lock lock(mutex);
          while (!stop.stop_requested()) {
            tell(facts());
            never.wait_for(lock, stop, 100ms, [] { return false; });
          }
        }) {}

 private:
  std::jthread thread_;
};

std::vector<std::shared_ptr<hsm::Keyring>> Shared(const hsm::Assembly& assembly) {
  std::vector<std::shared_ptr<hsm::Keyring>> keyrings;
  // The assembly owns them, and outlives the front.
  for (hsm::Keyring* keyring : assembly.keyrings())
    keyrings.emplace_back(keyring, [](hsm::Keyring*) {});
  return keyrings;
}

}  // namespace

ExitCode RunServe(const config::Config& config, const ServeHooks& hooks) {
  const server::TakeOver take_over =
      hooks.take_over ? server::TakeOver::kYes : server::TakeOver::kNo;
  server::PrepareSignals();
  server::RequireUsableSockets(config, take_over);
  server::Log log(config.log);
  metrics::Metrics metrics(Labels(config));
  server::MetricsObserver requests(metrics);
  Both observer(log, metrics);
  const hsm::Assembly assembly(config, hsm::WorkerExecutable(), observer);
  Heartbeat heartbeat;
  const metrics::Pages pages(Sources(config, metrics, assembly, heartbeat));
  const std::unique_ptr<metrics::HttpEndpoint> endpoint =
      StartEndpoint(config, pages, hooks, observer);
  std::optional<Reporter> reporter;
  if (hooks.on_facts) {
    reporter.emplace(
        [&] {
          return ServeHooks::Facts{
              .metrics_url = MetricsUrl(config, endpoint ? endpoint->port() : 0),
              .key_id = assembly.keyrings().front()->Status()->active_key_id,
              .worker_pids = assembly.worker_pids()};
        },
        hooks.on_facts);
  }
  server::Front front({.config = config,
                       .keyrings = Shared(assembly),
                       .events = observer,
                       .observers = {&log, &requests},
                       .take_over = take_over,
                       .heartbeat = &heartbeat,
                       .successor = hooks.successor,
                       .on_superseded = [&] {
                         if (endpoint) endpoint->Stop();
                       }});
  front.Run();
  return ExitCode::kOk;
}

}  // namespace mortise::cli
