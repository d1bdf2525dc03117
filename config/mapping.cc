// SPDX-License-Identifier: Apache-2.0
#include "config/mapping.h"

#include <chrono>

#include "config/section.h"
#include "config/words.h"

namespace mortise::config {
namespace {

using namespace std::chrono_literals;

void MapServer(Section& section, Server& server) {
  section.Int("maxConnections", server.max_connections, 1, 65536);
  section.Time("maxConnectionAge", server.max_connection_age, 1s, 1h);
  section.Int("queue", server.queue, 1, 65536);
}

void MapAssurance(Section& section, Assurance& assurance) {
  section.Text("standard", assurance.standard, Presence::kRequired);
  section.Text("certificate", assurance.certificate);
  section.Text("level", assurance.level);
  section.Text("firmware", assurance.firmware);
  section.Text("mode", assurance.mode);
  section.Text("validUntil", assurance.valid_until);
}

Token MapToken(Section& section) {
  Token token;
  section.Text("name", token.name, Presence::kRequired);
  section.Text("module", token.module, Presence::kRequired);
  section.Text("uri", token.uri, Presence::kRequired);
  section.Text("pinFile", token.pin_file);
  section.Choice("login", token.login, kLogins);
  section.Text("userType", token.user_type);
  section.TextMap("environment", token.environment);
  section.Text("initArgs", token.init_args);
  section.Int("workers", token.workers, 1, 16);
  section.Int("sessions", token.sessions, 1, 64);
  section.Bool("readWriteSessions", token.read_write_sessions);
  section.Time("operationTimeout", token.operation_timeout, 10ms, 30s);
  section.Time("hangLimit", token.hang_limit, 100ms, 10min);
  section.Time("startTimeout", token.start_timeout, 100ms, 30min);
  section.Time("canaryInterval", token.canary_interval, 100ms, 1h);
  section.Choice("rescan", token.rescan, kRescans);
  section.Choice("ivMode", token.iv_mode, kIvModes);
  section.Text("location", token.location);
  section.Map("assurance",
              [&](Section& assurance) { MapAssurance(assurance, token.assurance.emplace()); });
  return token;
}

void MapNames(Section& section, Keyring& keyring) {
  section.Text("name", keyring.name, Presence::kRequired);
  section.Text("context", keyring.context, Presence::kRequired);
  section.Text("socket", keyring.socket, Presence::kRequired);
  section.Mode("socketMode", keyring.socket_mode);
  section.Uids("allowedUids", keyring.allowed_uids);
  section.Choice("version", keyring.version, kVersions);
}

void MapKeys(Section& section, Keyring& keyring) {
  section.Choice("discovery", keyring.discovery, kDiscoveries);
  section.Text("keysFile", keyring.keys_file);
  section.Time("rescanInterval", keyring.rescan_interval, 100ms, 1h);
  section.Choice("trust", keyring.trust, kTrusts);
  section.Text("canaries", keyring.canaries);
  section.Choice("scheme", keyring.scheme, kSchemes);
  section.Map("policy", [&](Section& policy) {
    policy.Choice("mode", keyring.policy.mode, kPolicyModes);
    policy.TextsMap("waive", keyring.policy.waive);
  });
  section.Time("cryptoperiod", keyring.cryptoperiod, 1h, 87600h);
  // 2^32 wraps with random IVs hold over all nodes; each of up to 16 has this share.
  section.Int("wrapLimit", keyring.wrap_limit, 1, 268435456);
  section.Int("maxWrapsPerSecond", keyring.max_wraps_per_second, 0, 100000);
}

Keyring MapKeyring(Section& section) {
  Keyring keyring;
  MapNames(section, keyring);
  section.Texts("tokens", keyring.tokens);
  section.Choice("tokenPolicy", keyring.token_policy, kTokenPolicies);
  section.Choice("statusPolicy", keyring.status_policy, kStatusPolicies);
  section.Time("bridgeLimit", keyring.bridge_limit, 0s, 168h);
  section.Time("statusStaleness", keyring.status_staleness, 100ms, 10min);
  MapKeys(section, keyring);
  return keyring;
}

}  // namespace

Config MapConfig(const Node& root, Problems& problems) {
  Config config;
  Section section(root, "", problems);
  section.Text("stateDir", config.state_dir);
  section.Map("metrics",
              [&](Section& metrics) { metrics.Text("address", config.metrics.address); });
  section.Map("log", [&](Section& log) {
    log.Choice("level", config.log.level, kLogLevels);
    log.Choice("format", config.log.format, kLogFormats);
  });
  section.Map("server", [&](Section& server) { MapServer(server, config.server); });
  section.Maps("tokens", [&](Section& token) { config.tokens.push_back(MapToken(token)); });
  section.Maps("keyrings",
               [&](Section& keyring) { config.keyrings.push_back(MapKeyring(keyring)); });
  section.Finish();
  return config;
}

AdminConfig MapAdmin(const Node& root, Problems& problems) {
  AdminConfig config;
  Section section(root, "", problems);
  section.Maps("tokens", [&](Section& token) {
    AdminToken& admin = config.tokens.emplace_back();
    token.Text("name", admin.name, Presence::kRequired);
    token.Text("pinFile", admin.pin_file, Presence::kRequired);
    token.Text("userType", admin.user_type);
  });
  section.Finish();
  return config;
}

}  // namespace mortise::config
