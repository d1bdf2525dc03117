// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <yaml-cpp/emitter.h>

#include "config/duration.h"
#include "config/loader.h"
#include "config/words.h"

namespace mortise::config {
namespace {

// Writes one key and its value; text always in quotes, so that it stays text.
class Writer {
 public:
  explicit Writer(YAML::Emitter& out) : out_(out) {}

  // A key that the user chose may be a word that YAML takes for something else.
  void UserText(const std::string& key, const std::string& text) {
    out_ << YAML::Key << YAML::DoubleQuoted << key << YAML::Value << YAML::DoubleQuoted << text;
  }
  void Text(const char* key, const std::string& text) { Key(key) << YAML::DoubleQuoted << text; }
  void Bool(const char* key, bool value) { Key(key) << (value ? "true" : "false"); }
  void Number(const char* key, std::uint64_t number) { Key(key) << number; }
  void Time(const char* key, Duration time) { Key(key) << FormatDuration(time); }

  template <typename T, std::size_t kSize>
  void Choice(const char* key, T value, const Word<T> (&words)[kSize]) {
    for (const Word<T>& word : words) {
      if (word.value == value) Key(key) << std::string(word.word);
    }
  }

  void UserTexts(const std::string& key, const std::vector<std::string>& texts) {
    out_ << YAML::Key << YAML::DoubleQuoted << key << YAML::Value;
    List(texts);
  }
  void List(const std::vector<std::string>& texts) {
    out_ << YAML::Flow << YAML::BeginSeq;
    for (const std::string& text : texts) out_ << YAML::DoubleQuoted << text;
    out_ << YAML::EndSeq;
  }

  YAML::Emitter& Key(const std::string& key) { return out_ << YAML::Key << key << YAML::Value; }

 private:
  YAML::Emitter& out_;
};

void ShowAssurance(YAML::Emitter& out, const Assurance& assurance) {
  Writer writer(out);
  writer.Key("assurance") << YAML::BeginMap;
  writer.Text("standard", assurance.standard);
  for (const auto& [key, text] :
       {std::pair{"certificate", &assurance.certificate}, std::pair{"level", &assurance.level},
        std::pair{"firmware", &assurance.firmware}, std::pair{"mode", &assurance.mode},
        std::pair{"validUntil", &assurance.valid_until}}) {
    if (!text->empty()) writer.Text(key, *text);
  }
  out << YAML::EndMap;
}

void ShowToken(YAML::Emitter& out, const Token& token) {
  Writer writer(out);
  out << YAML::BeginMap;
  writer.Text("name", token.name);
  writer.Text("module", token.module);
  writer.Text("uri", token.uri);
  if (!token.pin_file.empty()) writer.Text("pinFile", token.pin_file);
  writer.Choice("login", token.login, kLogins);
  writer.Text("userType", token.user_type);
  writer.Key("environment") << YAML::BeginMap;
  for (const auto& [name, value] : token.environment) writer.UserText(name, value);
  out << YAML::EndMap;
  writer.Text("initArgs", token.init_args);
  writer.Number("workers", static_cast<std::uint64_t>(token.workers));
  writer.Number("sessions", static_cast<std::uint64_t>(token.sessions));
  writer.Bool("readWriteSessions", token.read_write_sessions);
  writer.Time("operationTimeout", token.operation_timeout);
  writer.Time("hangLimit", token.hang_limit);
  writer.Time("startTimeout", token.start_timeout);
  writer.Time("canaryInterval", token.canary_interval);
  writer.Choice("rescan", token.rescan, kRescans);
  writer.Choice("ivMode", token.iv_mode, kIvModes);
  writer.UserText("location", token.location);
  if (token.assurance) ShowAssurance(out, *token.assurance);
  out << YAML::EndMap;
}

void ShowPolicy(YAML::Emitter& out, const KeyPolicy& policy) {
  Writer writer(out);
  writer.Key("policy") << YAML::BeginMap;
  writer.Choice("mode", policy.mode, kPolicyModes);
  writer.Key("waive") << YAML::BeginMap;
  for (const auto& [token, attributes] : policy.waive) writer.UserTexts(token, attributes);
  out << YAML::EndMap << YAML::EndMap;
}

void ShowNames(YAML::Emitter& out, const Keyring& keyring) {
  Writer writer(out);
  writer.Text("name", keyring.name);
  writer.Text("context", keyring.context);
  writer.Text("socket", keyring.socket);
  writer.Text("socketMode", fmt::format("{:04o}", keyring.socket_mode));
  writer.Key("allowedUids") << YAML::Flow << YAML::BeginSeq;
  for (uid_t uid : keyring.allowed_uids) out << uid;
  out << YAML::EndSeq;
  writer.Text("version", keyring.version);
  writer.Key("tokens");
  writer.List(keyring.tokens);
}

void ShowKeyring(YAML::Emitter& out, const Keyring& keyring) {
  Writer writer(out);
  out << YAML::BeginMap;
  ShowNames(out, keyring);
  writer.Choice("tokenPolicy", keyring.token_policy, kTokenPolicies);
  writer.Choice("statusPolicy", keyring.status_policy, kStatusPolicies);
  writer.Time("bridgeLimit", keyring.bridge_limit);
  writer.Time("statusStaleness", keyring.status_staleness);
  writer.Choice("discovery", keyring.discovery, kDiscoveries);
  if (!keyring.keys_file.empty()) writer.Text("keysFile", keyring.keys_file);
  writer.Time("rescanInterval", keyring.rescan_interval);
  writer.Choice("trust", keyring.trust, kTrusts);
  if (!keyring.canaries.empty()) writer.Text("canaries", keyring.canaries);
  writer.Text("scheme", keyring.scheme);
  ShowPolicy(out, keyring.policy);
  writer.Time("cryptoperiod", keyring.cryptoperiod);
  writer.Number("wrapLimit", keyring.wrap_limit);
  writer.Number("maxWrapsPerSecond", static_cast<std::uint64_t>(keyring.max_wraps_per_second));
  out << YAML::EndMap;
}

void ShowProcess(YAML::Emitter& out, const Config& config) {
  Writer writer(out);
  writer.Text("stateDir", config.state_dir);
  writer.Key("metrics") << YAML::BeginMap;
  writer.Text("address", config.metrics.address);
  out << YAML::EndMap;
  writer.Key("log") << YAML::BeginMap;
  writer.Choice("level", config.log.level, kLogLevels);
  writer.Choice("format", config.log.format, kLogFormats);
  out << YAML::EndMap;
  writer.Key("server") << YAML::BeginMap;
  writer.Number("maxConnections", static_cast<std::uint64_t>(config.server.max_connections));
  writer.Time("maxConnectionAge", config.server.max_connection_age);
  writer.Number("queue", static_cast<std::uint64_t>(config.server.queue));
  out << YAML::EndMap;
}

}  // namespace

std::string Show(const Config& config) {
  YAML::Emitter out;
  Writer writer(out);
  out << YAML::BeginMap;
  ShowProcess(out, config);
  writer.Key("tokens") << YAML::BeginSeq;
  for (const Token& token : config.tokens) ShowToken(out, token);
  out << YAML::EndSeq;
  writer.Key("keyrings") << YAML::BeginSeq;
  for (const Keyring& keyring : config.keyrings) ShowKeyring(out, keyring);
  out << YAML::EndSeq << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace mortise::config
