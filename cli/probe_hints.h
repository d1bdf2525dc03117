// SPDX-License-Identifier: Apache-2.0
// What a probe says and advises when something fails, and the exit code for it.
#pragma once

#include <string>
#include <utility>

#include "cli/exit_code.h"
#include "cli/kms_client.h"
#include "cli/kms_probe.h"
#include "cli/socket_check.h"

namespace mortise::cli {

// What was seen at the socket, and what to do; never for kSpeaksHttp2.
std::pair<std::string, std::string> Explain(const SocketFinding& finding,
                                            const ProbeOptions& options);
ExitCode ExitCodeFor(SocketState state);

std::string HintFor(RpcCode code, const ProbeOptions& options);
// `message` is what came with the code: by it Mortise tells a token that is away from a
// trouble that no token can mend, such as that there is no key yet.
ExitCode ExitCodeFor(RpcCode code, std::string_view message);

}  // namespace mortise::cli
