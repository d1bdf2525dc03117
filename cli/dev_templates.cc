// SPDX-License-Identifier: Apache-2.0
#include "cli/dev_templates.h"

#include <fmt/format.h>

#include <string_view>

#include "cli/softhsm_template.h"

namespace mortise::cli {

std::string MortiseYaml(const DevSettings& settings) {
  return fmt::format(
      R"(# Made by `mortise dev`, which leaves it alone from now on.
# The context is bound into everything that was encrypted: keep it.
stateDir: "{folder}/state"
metrics: {{address: "{metrics}"}}
tokens:
  - name: dev
    module: {module}
    uri: "pkcs11:token=dev"
    pinFile: "{folder}/pin"
    environment: {{SOFTHSM2_CONF: "{folder}/softhsm2.conf"}}
keyrings:
  - name: dev
    context: {context}
    socket: "{folder}/kms.sock"
    allowedUids: [{uids}]
    maxWrapsPerSecond: 0  # so that `mortise bench` is not held back
)",
      fmt::arg("folder", settings.folder), fmt::arg("metrics", settings.metrics_address),
      fmt::arg("module", settings.module), fmt::arg("context", settings.context),
      fmt::arg("uids", settings.uid == 0 ? "0" : fmt::format("0, {}", settings.uid)));
}

std::string AdminYaml(const std::string& folder) {
  return fmt::format(
      R"(# Who makes and destroys keys. SoftHSM2 has one role for all, so it is the same PIN;
# a real HSM has a role of its own for this, and a node that serves does not hold its PIN.
tokens:
  - name: dev
    pinFile: "{}/pin"
    userType: user
)",
      folder);
}

std::string SoftHsmConfiguration(const std::string& token_folder) {
  std::string text(kSoftHsmTemplate);
  constexpr std::string_view kPlace = "@TOKEN_DIR@";
  return text.replace(text.find(kPlace), kPlace.size(), token_folder);
}

std::string EncryptionConfiguration(const std::string& socket) {
  return fmt::format(
      R"(# kube-apiserver --encryption-provider-config=THIS_FILE
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers:
      - kms:
          apiVersion: v2
          name: mortise
          endpoint: unix://{}
          timeout: 10s
      - identity: {{}}  # reads what was stored before; remove it when all is rewritten
)",
      socket);
}

}  // namespace mortise::cli
