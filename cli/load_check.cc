// SPDX-License-Identifier: Apache-2.0
#include "cli/load_check.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "cli/kms_client.h"
#include "cli/probe_hints.h"
#include "cli/socket_check.h"

namespace mortise::cli {

void RequireServer(const Load& load) {
  const SocketFinding finding = CheckSocket(load.address, load.timeout);
  if (finding.state == SocketState::kSpeaksHttp2) return;
  const auto [observed, hint] =
      Explain(finding, {.address = load.address, .timeout = load.timeout});
  throw Unmeasurable(ExitCodeFor(finding.state), observed + "; " + hint);
}

// An Encrypt without a key is answered in terms of tokens; Status knows what is missing.
void RequireKey(const Load& load) {
  const auto answer = KmsClient(load.address).Status(load.timeout);
  if (answer.value) return;
  throw Unmeasurable(ExitCodeFor(answer.code, answer.message),
                     fmt::format("{}: Status failed with {}: {}; run `mortise probe` on the same "
                                 "socket to see what to do",
                                 load.address.Shown(), RpcCodeName(static_cast<int>(answer.code)),
                                 Printable(answer.message, 300)));
}

}  // namespace mortise::cli
