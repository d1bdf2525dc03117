// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <vector>

#include "base/bytes.h"
#include "config/checks.h"
#include "config/duration.h"
#include "config/forms.h"
#include "config/token_uri.h"
#include "config/yaml_tree.h"

namespace mortise::config {
namespace {

using Form = std::string (*)(const std::string&);

// A value that is missing or mistyped has its problem already.
void CheckForm(const std::string& path, const std::string& value, Form problem_of,
               Problems& problems) {
  if (!problems.IsSound(path)) return;
  if (std::string problem = problem_of(value); !problem.empty()) problems.Add(path, problem);
}

// Remembers which paths have a value and refuses the second one with the same.
class Unique {
 public:
  explicit Unique(Problems& problems) : problems_(problems) {}

  void Check(const std::string& path, const std::string& value) {
    if (!problems_.IsSound(path)) return;
    const auto [first, is_new] = firsts_.try_emplace(value, path);
    if (!is_new) problems_.Add(path, "is the same as " + first->second);
  }

 private:
  Problems& problems_;
  std::map<std::string, std::string> firsts_;
};

std::vector<std::string_view> TokenNames(const Config& config) {
  std::vector<std::string_view> names;
  for (const Token& token : config.tokens) {
    if (!token.name.empty()) names.push_back(token.name);
  }
  return names;
}

void CheckIsToken(const std::string& path, const std::string& name, const Config& config,
                  Problems& problems) {
  const std::vector<std::string_view> names = TokenNames(config);
  // Without a single sound name there is nothing to compare with.
  if (!problems.IsSound(path) || names.empty() || std::ranges::find(names, name) != names.end())
    return;
  problems.Add(path,
               fmt::format("no token is named \"{}\"{}", Printable(name), Suggestion(name, names)));
}

void CheckPin(const Token& token, const std::string& path, Problems& problems) {
  const std::string pin_path = Join(path, "pinFile");
  if (!problems.IsSound(pin_path) || !problems.IsSound(Join(path, "login"))) return;
  if (token.login == Login::kNone) {
    if (!token.pin_file.empty())
      problems.Add(pin_path, "is not used with login: none; leave one of them out");
  } else if (token.pin_file.empty()) {
    problems.Add(pin_path, "is missing; name the file that holds the PIN, or set login: none");
  } else {
    CheckForm(pin_path, token.pin_file, ProblemOfPath, problems);
  }
}

void CheckToken(const Token& token, const std::string& path, Problems& problems) {
  CheckForm(Join(path, "name"), token.name, ProblemOfTokenName, problems);
  CheckForm(Join(path, "module"), token.module, ProblemOfPath, problems);
  CheckForm(Join(path, "uri"), token.uri, ProblemOfUri, problems);
  CheckForm(Join(path, "userType"), token.user_type, ProblemOfUserType, problems);
  CheckPin(token, path, problems);
  if (token.assurance && !token.assurance->valid_until.empty()) {
    CheckForm(Join(path, "assurance.validUntil"), token.assurance->valid_until, ProblemOfDate,
              problems);
  }
  for (const auto& [name, value] : token.environment) {
    CheckForm(Join(Join(path, "environment"), name), name, ProblemOfVariable, problems);
  }
  const std::string hang_path = Join(path, "hangLimit");
  if (token.hang_limit < token.operation_timeout && problems.IsSound(hang_path)) {
    problems.Add(
        hang_path,
        fmt::format("{} is less than operationTimeout ({}): every slow operation would "
                    "end its worker",
                    FormatDuration(token.hang_limit), FormatDuration(token.operation_timeout)));
  }
}

void CheckWaiver(const std::string& path, const std::string& attribute, const Keyring& keyring,
                 Problems& problems) {
  if (attribute != "CKA_NEVER_EXTRACTABLE") {
    CheckForm(path, attribute, ProblemOfWaiver, problems);
  } else if (keyring.discovery == Discovery::kToken) {
    problems.Add(path,
                 "CKA_NEVER_EXTRACTABLE cannot be waived for keys that are found by their labels: "
                 "the key could exist outside the token; name such keys in a keysFile");
  }
}

void CheckTokensOf(const Keyring& keyring, const std::string& path, const Config& config,
                   Problems& problems) {
  Unique names(problems);
  for (std::size_t i = 0; i < keyring.tokens.size(); ++i) {
    const std::string token_path = Join(Join(path, "tokens"), i);
    CheckIsToken(token_path, keyring.tokens[i], config, problems);
    names.Check(token_path, keyring.tokens[i]);
  }
  for (const auto& [name, attributes] : keyring.policy.waive) {
    const std::string waive_path = Join(path + ".policy.waive", name);
    CheckIsToken(waive_path, name, config, problems);
    for (std::size_t i = 0; i < attributes.size(); ++i) {
      CheckWaiver(Join(waive_path, i), attributes[i], keyring, problems);
    }
  }
}

void CheckTrust(const Keyring& keyring, const std::string& path, Problems& problems) {
  const std::string canaries_path = Join(path, "canaries");
  if (!problems.IsSound(canaries_path) || !problems.IsSound(Join(path, "trust"))) return;
  if (keyring.trust == Trust::kFirstUse) {
    if (!keyring.canaries.empty()) {
      problems.Add(canaries_path, "is used with trust: pinned only; set that or leave it out");
    }
  } else if (keyring.canaries.empty()) {
    problems.Add(canaries_path, "is missing; trust: pinned needs the file of pinned canaries");
  } else {
    CheckForm(canaries_path, keyring.canaries, ProblemOfPath, problems);
  }
}

void CheckDiscovery(const Keyring& keyring, const std::string& path, Problems& problems) {
  const std::string file_path = Join(path, "keysFile");
  if (!problems.IsSound(file_path) || !problems.IsSound(Join(path, "discovery"))) return;
  if (keyring.discovery == Discovery::kToken) {
    if (!keyring.keys_file.empty())
      problems.Add(file_path, "is used with discovery: file only; set that or leave it out");
  } else if (keyring.keys_file.empty()) {
    problems.Add(file_path, "is missing; discovery: file needs the file that lists the keys");
  } else {
    CheckForm(file_path, keyring.keys_file, ProblemOfPath, problems);
  }
}

// What mode fips would refuse of every new key.
void CheckFips(const Keyring& keyring, const std::string& path, const Config& config,
               Problems& problems) {
  if (keyring.policy.mode != PolicyMode::kFips) return;
  if (keyring.scheme.starts_with("rsa-")) {
    problems.Add(Join(path, "scheme"),
                 keyring.scheme +
                     " encrypts outside the token, which policy mode fips does not "
                     "take; choose another scheme or mode: strict");
  }
  if (keyring.scheme != "aes-gcm") return;
  for (std::size_t i = 0; i < config.tokens.size(); ++i) {
    const Token& token = config.tokens[i];
    if (token.iv_mode != IvMode::kCaller ||
        std::ranges::find(keyring.tokens, token.name) == keyring.tokens.end())
      continue;
    problems.Add(Join(path, "policy.mode"),
                 fmt::format("fips does not take the caller's IVs, which {} (ivMode: caller) wraps "
                             "with; choose an ivMode where the token makes them, or scheme: "
                             "aes-kwp",
                             Printable(token.name)));
  }
}

void CheckStaleness(const Keyring& keyring, const std::string& path, const Config& config,
                    Problems& problems) {
  const std::string staleness_path = Join(path, "statusStaleness");
  for (const Token& token : config.tokens) {
    if (std::ranges::find(keyring.tokens, token.name) == keyring.tokens.end()) continue;
    if (keyring.status_staleness >= token.canary_interval || !problems.IsSound(staleness_path))
      continue;
    problems.Add(
        staleness_path,
        fmt::format("{} is less than the canaryInterval ({}) of token {}: an idle token would "
                    "count as down between two canaries",
                    FormatDuration(keyring.status_staleness), FormatDuration(token.canary_interval),
                    Printable(token.name)));
  }
}

void CheckKeyring(const Keyring& keyring, const std::string& path, const Config& config,
                  Problems& problems) {
  CheckForm(Join(path, "name"), keyring.name, ProblemOfKeyringName, problems);
  CheckForm(Join(path, "context"), keyring.context, ProblemOfContext, problems);
  CheckForm(Join(path, "socket"), keyring.socket, ProblemOfSocket, problems);
  CheckTokensOf(keyring, path, config, problems);
  CheckTrust(keyring, path, problems);
  CheckDiscovery(keyring, path, problems);
  CheckFips(keyring, path, config, problems);
  CheckStaleness(keyring, path, config, problems);
}

}  // namespace

void CheckValues(const Config& config, Problems& problems) {
  CheckForm("stateDir", config.state_dir, ProblemOfPath, problems);
  CheckForm("metrics.address", config.metrics.address, ProblemOfAddress, problems);
  Unique token_names(problems), keyring_names(problems), sockets(problems);
  for (std::size_t i = 0; i < config.tokens.size(); ++i) {
    CheckToken(config.tokens[i], Join("tokens", i), problems);
    token_names.Check(Join(Join("tokens", i), "name"), config.tokens[i].name);
  }
  for (std::size_t i = 0; i < config.keyrings.size(); ++i) {
    const std::string path = Join("keyrings", i);
    CheckKeyring(config.keyrings[i], path, config, problems);
    keyring_names.Check(Join(path, "name"), config.keyrings[i].name);
    sockets.Check(Join(path, "socket"), config.keyrings[i].socket);
  }
}

void CheckAdminValues(const AdminConfig& admin, const Config& config, Problems& problems) {
  Unique names(problems);
  for (std::size_t i = 0; i < admin.tokens.size(); ++i) {
    const AdminToken& token = admin.tokens[i];
    const std::string path = Join("tokens", i);
    CheckIsToken(Join(path, "name"), token.name, config, problems);
    names.Check(Join(path, "name"), token.name);
    CheckForm(Join(path, "pinFile"), token.pin_file, ProblemOfPath, problems);
    CheckForm(Join(path, "userType"), token.user_type, ProblemOfUserType, problems);
  }
}

}  // namespace mortise::config
