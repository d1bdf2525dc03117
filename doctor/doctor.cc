// SPDX-License-Identifier: Apache-2.0
#include "doctor/doctor.h"

#include <functional>
#include <map>

#include "base/error.h"
#include "config/loader.h"
#include "doctor/encryption.h"
#include "doctor/library.h"

namespace mortise::doctor {
namespace {

using Look = std::function<void(CheckList&)>;

void Run(const std::string& category, const Look& look, std::vector<Check>& all) {
  CheckList list(category);
  try {
    look(list);
  } catch (const std::exception& error) {
    list.Fail(category, error.what(), "report this: a check ended before its end");
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

}  // namespace

std::vector<Check> Examine(const Order& order, const Reach& reach) {
  const config::Examined examined = config::Examine(order.config_file);
  const config::Config& config = examined.config;
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
    const std::string name(category);
    if (!order.categories.empty() && !order.categories.contains(name)) continue;
    Run(name, looks.at(category), all);
  }
  return all;
}

}  // namespace mortise::doctor
