// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "cli/socket_address.h"

namespace grpc {
class Channel;
}

namespace mortise::cli {

// A connection of its own to a KMS v2 socket: plain HTTP/2, authority "localhost", no
// service config, as kube-apiserver dials; only the reconnect is quicker than its.
std::shared_ptr<grpc::Channel> MakeKmsChannel(const SocketAddress& address);

}  // namespace mortise::cli
