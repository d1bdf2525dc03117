// SPDX-License-Identifier: Apache-2.0
// Category host: the machine, the folders and sockets, and the configuration itself.
#pragma once

#include <functional>
#include <string>

#include "config/loader.h"
#include "doctor/check.h"

namespace mortise::doctor {

// What was found at a socket's path by connecting to it once.
struct SocketSight {
  enum class Kind {
    kNothing,
    kNoSocket,    // something else is there
    kDead,        // a socket that its server left behind
    kServed,      // a gRPC server answers
    kRefusesUs,   // somebody listens, and closes the connection to this user
    kDenied,      // this user may not connect
    kNotOurKind,  // somebody listens, and is silent or speaks another protocol
  };
  Kind kind = Kind::kNothing;
  std::string detail;
};
using LookAtSocket = std::function<SocketSight(const std::string& path)>;

// The file alone.
void CheckConfiguration(const config::Examined& examined, const std::string& file, CheckList& list);

// Everything of the category. `examined` is of the file `config_file`.
void CheckHost(const config::Examined& examined, const std::string& config_file,
               const LookAtSocket& look, CheckList& list);

}  // namespace mortise::doctor
