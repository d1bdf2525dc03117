// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/support/status.h>

#include <string_view>

#include "base/error.h"

namespace mortise::server {

// What the client is told of a failure: a code, which kube-apiserver counts by, and
// one fixed text a reason. Details (return codes, tokens, paths) go to the log only,
// so that nobody who can write etcd learns from the answers.
grpc::Status ToStatus(Reason reason);

std::string_view Name(grpc::StatusCode code);  // "OK", "INVALID_ARGUMENT", ...

}  // namespace mortise::server
