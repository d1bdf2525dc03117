// SPDX-License-Identifier: Apache-2.0
#include "metrics/statusz.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "metrics/readiness.h"
#include "metrics/status_collector.h"

namespace mortise::metrics {
namespace {

using Json = nlohmann::ordered_json;

double SecondsBetween(Clock::time_point from, Clock::time_point to) {
  const auto rounded = std::chrono::round<std::chrono::milliseconds>(to - from);
  return static_cast<double>(rounded.count()) / 1000;
}

Json Age(const std::optional<Clock::time_point>& instant, Clock::time_point now) {
  return instant ? Json(SecondsBetween(*instant, now)) : Json();
}

std::string Hex(std::uint64_t ckr) {
  return fmt::format("0x{:x}", ckr);
}

std::string_view Name(hsm::Severity severity) {
  switch (severity) {
    case hsm::Severity::kInfo:
      return "info";
    case hsm::Severity::kWarning:
      return "warning";
    case hsm::Severity::kError:
      return "error";
  }
  return "error";
}

Json ToJson(const hsm::GenerationStatus& generation) {
  return {
      {"keyId", generation.key_id},
      {"keyIdHash", KeyIdHash(generation.key_id)},
      {"generation", generation.generation},
      {"scheme", generation.scheme},
      {"state", hsm::Name(generation.state)},
      {"problem", generation.problem},
      {"activation", FormatTime(generation.activation)},
      {"wraps", generation.wraps},
      {"wrapLimit", generation.wrap_limit},
      {"lastUnwrap", generation.last_unwrap ? Json(FormatTime(*generation.last_unwrap)) : Json()},
      {"tokens", generation.tokens}};
}

// Marked as what it is: the operator's word, or the token's.
Json ToJson(const hsm::AssuranceStatus& assurance, const std::string& reported_firmware) {
  const config::Assurance& stated = assurance.stated;
  return {
      {"stated",
       {{"standard", stated.standard},
        {"certificate", stated.certificate},
        {"level", stated.level},
        {"firmware", stated.firmware},
        {"mode", stated.mode},
        {"validUntil", stated.valid_until}}},
      {"reported", {{"firmware", reported_firmware}}},
      {"firmwareMatches", assurance.firmware_matches ? Json(*assurance.firmware_matches) : Json()},
      {"ended", assurance.has_ended}};
}

Json ToJson(const hsm::TokenStatus& token, Clock::time_point now) {
  return {{"name", token.name},
          {"up", token.is_up},
          {"problem", token.problem},
          {"problemReason", token.problem_reason ? Name(*token.problem_reason) : ""},
          {"lastProofAgeSeconds", Age(token.last_proof, now)},
          {"manufacturer", token.manufacturer},
          {"model", token.model},
          {"serial", token.serial},
          {"firmware", token.firmware},
          {"library", token.library},
          {"workerPids", token.worker_pids},
          {"sessions", token.sessions},
          {"queueLength", token.queue_length},
          {"waived", token.waived},
          {"assurance", token.assurance ? ToJson(*token.assurance, token.firmware) : Json()}};
}

Json ToJson(const StatuszFacts::Keyring& keyring, Clock::time_point now) {
  const hsm::KeyringStatus& status = *keyring.status;
  const std::string problem = WhyNotReady(status, keyring.staleness, now);
  Json generations = Json::array();
  for (const hsm::GenerationStatus& generation : status.generations) {
    generations.push_back(ToJson(generation));
  }
  Json tokens = Json::array();
  for (const hsm::TokenStatus& token : status.tokens) tokens.push_back(ToJson(token, now));
  Json fatal;
  if (status.fatal) {
    fatal = {{"reason", mortise::Name(status.fatal->reason())},
             {"message", status.fatal->what()},
             {"ckr", Hex(status.fatal->ckr())}};
  }
  Json wrap_refusal;
  if (status.wrap_refusal) {
    wrap_refusal = {{"reason", mortise::Name(status.wrap_refusal->reason())},
                    {"message", WhyNotWrapping(status)}};
  }
  const bool is_named = !status.active_key_id.empty();
  return {{"name", keyring.name},
          {"contextTag", status.context_tag},
          {"ready", problem.empty()},
          {"problem", problem},
          {"activeKeyId", is_named ? Json(status.active_key_id) : Json()},
          {"activeKeyIdHash", is_named ? Json(KeyIdHash(status.active_key_id)) : Json()},
          {"lastProofAgeSeconds", Age(status.last_proof, now)},
          {"stalenessSeconds", std::chrono::duration<double>(keyring.staleness).count()},
          {"waitingFor", status.waiting_for},
          {"fatal", std::move(fatal)},
          {"wrapRefusal", std::move(wrap_refusal)},
          {"generations", std::move(generations)},
          {"tokens", std::move(tokens)}};
}

Json ToJson(const OperationProblem& problem) {
  return {{"time", FormatTime(problem.time)},
          {"token", problem.token},
          {"operation", hsm::Name(problem.operation)},
          {"reason", mortise::Name(problem.reason)},
          {"ckr", Hex(problem.ckr)}};
}

Json ToJson(const EventProblem& event) {
  Json fields = Json::object();
  for (const auto& [name, value] : event.fields) fields[name] = value;
  return {{"time", FormatTime(event.time)},
          {"severity", Name(event.severity)},
          {"event", event.name},
          {"message", event.message},
          {"fields", std::move(fields)}};
}

}  // namespace

std::string StatuszJson(const StatuszFacts& facts) {
  bool is_ready = true;
  Json keyrings = Json::array();
  for (const StatuszFacts::Keyring& keyring : facts.keyrings) {
    keyrings.push_back(ToJson(keyring, facts.now));
    is_ready = is_ready && keyrings.back()["ready"].get<bool>();
  }
  Json last_errors = Json::array();
  for (const OperationProblem& problem : facts.last_errors) last_errors.push_back(ToJson(problem));
  Json events = Json::array();
  for (const EventProblem& event : facts.events) events.push_back(ToJson(event));

  const Json page = {{"schemaVersion", kStatuszSchemaVersion},
                     {"version", facts.version},
                     {"revision", facts.revision},
                     {"pid", facts.pid},
                     {"time", FormatTime(facts.wall_now)},
                     {"uptimeSeconds", SecondsBetween(facts.start, facts.now)},
                     {"ready", is_ready},
                     {"keyrings", std::move(keyrings)},
                     {"lastErrors", std::move(last_errors)},
                     {"events", std::move(events)}};
  // Tokens name themselves in bytes that need not be UTF-8.
  return page.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace mortise::metrics
