// SPDX-License-Identifier: Apache-2.0
#include "doctor/doctor.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "config/encryption_config.h"
#include "config/loader.h"
#include "doctor/encryption.h"
#include "doctor/library.h"

namespace mortise::doctor {
namespace {

constexpr char kReport[] = "report this: a check ended before its end";

using Look = std::function<void(CheckList&)>;

void Run(const std::string& category, const Look& look, std::vector<Check>& all) {
  CheckList list(category);
  try {
    look(list);
  } catch (const std::exception& error) {
    list.Fail(category, error.what(), kReport);
  }
  all.insert(all.end(), list.checks().begin(), list.checks().end());
}

void CheckCluster(const Order& order, const Reach& reach, const config::Config& config,
                  CheckList& list) {
  if (order.encryption_files.empty()) {
    list.Skip("encryption-config",
              "no EncryptionConfiguration was given; name kube-apiserver's by --encryption-config");
  }
  CheckEncryptionFiles(order.encryption_files, config, list);
  if (!order.urls.empty()) CheckNodes(order.urls, reach.read_statusz, list);
}

bool IsWanted(const Order& order, std::string_view category) {
  return order.categories.empty() || order.categories.contains(std::string(category));
}

// Whether there is anything for other categories to look at.
bool SaysAnything(const config::Examined& examined) {
  return examined.is_read && !examined.config.tokens.empty() && !examined.config.keyrings.empty();
}

// kube-apiserver's shortest, of the providers in the files.
config::Duration ShortestTimeout(const std::vector<std::string>& files) {
  std::optional<config::Duration> shortest;
  for (const std::string& file : files) {
    try {
      for (const auto& rule : config::ParseEncryptionConfig(ReadFile(file), file).rules) {
        for (const config::EncryptionProvider& provider : rule.providers) {
          if (provider.kind != config::EncryptionProvider::Kind::kKms) continue;
          shortest = std::min(shortest.value_or(provider.timeout), provider.timeout);
        }
      }
    } catch (const Error&) {
      // The category cluster tells.
    }
  }
  return shortest.value_or(TokensOrder{}.timeout);
}

constexpr std::string_view kOfTokens[] = {"token", "key", "crypto", "performance"};

// One visit to each token serves four categories.
std::vector<Check> VisitTokens(const Order& order, const Reach& reach,
                               const config::Config& config) {
  if (std::ranges::none_of(kOfTokens, [&](auto category) { return IsWanted(order, category); })) {
    return {};
  }
  const TokensOrder visit{
      .may_login = order.may_login,
      .wants_inside = std::ranges::any_of(
          kOfTokens, [&](auto name) { return name != "token" && IsWanted(order, name); }),
      .timeout = ShortestTimeout(order.encryption_files)};
  try {
    return CheckTokens(config, visit, Linker::OfThisSystem(), reach.run_for_token);
  } catch (const std::exception& error) {
    return {{"token", "token", CheckStatus::kFail, error.what(), kReport}};
  }
}

}  // namespace

std::vector<Check> Examine(const Order& order, const Reach& reach) {
  const config::Examined examined = config::Examine(order.config_file);
  const config::Config& config = examined.config;
  // First, since a process that forks should have started no thread.
  const std::vector<Check> of_tokens = VisitTokens(order, reach, config);
  const std::map<std::string_view, Look> looks = {
      {"host",
       [&](CheckList& list) {
         CheckHost(examined, order.config_file, reach.look_at_socket, list);
       }},
      {"library",
       [&](CheckList& list) { CheckLibraries(config.tokens, Linker::OfThisSystem(), list); }},
      {"cluster", [&](CheckList& list) { CheckCluster(order, reach, config, list); }},
  };
  std::vector<Check> all;
  for (const std::string_view category : kCategories) {
    const bool is_wanted = IsWanted(order, category);
    // What keeps a token from being reached is told to whoever asks for its keys.
    std::ranges::copy_if(of_tokens, std::back_inserter(all), [&](const Check& check) {
      return check.category == category && (is_wanted || check.status == CheckStatus::kFail);
    });
    if (category == "host" && !is_wanted && !SaysAnything(examined)) {
      Run(
          "host", [&](CheckList& list) { CheckConfiguration(examined, order.config_file, list); },
          all);
    }
    if (!is_wanted) continue;
    const auto look = looks.find(category);
    if (look != looks.end()) Run(std::string(category), look->second, all);
  }
  return all;
}

}  // namespace mortise::doctor
