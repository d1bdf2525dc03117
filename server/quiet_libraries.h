// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace mortise::server {

// gRPC and protobuf write what a client sent them to standard error, unescaped and in
// any number of lines. This keeps them quiet, unless GRPC_VERBOSITY asks for their words.
void QuietLibraries();

}  // namespace mortise::server
