// SPDX-License-Identifier: Apache-2.0
#include "doctor/host_sockets.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"

namespace mortise::doctor {
namespace {

namespace fs = std::filesystem;

void CheckFolder(const std::string& folder, CheckList& list) {
  std::error_code unknown;
  if (!fs::exists(folder, unknown)) {
    // systemd makes folders below /run when it starts the service, and nobody before.
    if (folder.starts_with("/run/")) {
      return list.Warn("socket-folder", folder + " is missing",
                       "let the service's unit make it (RuntimeDirectory=), or tmpfiles.d");
    }
    return list.Fail("socket-folder", folder + " is missing",
                     fmt::format("run as the user that serves: install -d -m 0700 {}", folder));
  }
  try {
    RequireTrustedPath(folder);
    list.Pass("socket-folder", folder + " can be written by nobody else");
  } catch (const Error& error) {
    const auto [what, hint] = TakeApart(
        error.what(), "a socket there could be replaced by somebody else's: correct the folder");
    list.Fail("socket-folder", what, hint);
  }
}

void JudgeSight(const config::Keyring& keyring, const SocketSight& sight, CheckList& list) {
  using Kind = SocketSight::Kind;
  const std::string subject = fmt::format("{} (keyring {})", keyring.socket, keyring.name);
  switch (sight.kind) {
    case Kind::kNothing:
      return list.Pass("socket", subject + ": nothing is there yet; the service makes it");
    case Kind::kServed:
      return list.Pass("socket", subject + ": a gRPC server answers");
    case Kind::kRefusesUs:
      return list.Pass("socket", subject +
                                     ": somebody serves there, and closes connections of this user "
                                     "(keyrings[].allowedUids)");
    case Kind::kDead:
      return list.Warn("socket", subject + ": a socket that nobody serves was left behind",
                       "start `mortise serve`, which replaces it; kube-apiserver cannot connect "
                       "until then");
    case Kind::kDenied:
      return list.Skip("socket", subject + ": this user may not look: " + sight.detail);
    case Kind::kNotOurKind:
      return list.Fail("socket", subject + ": somebody listens there, but is no gRPC server",
                       "find out who has it open: ss -xlp; a service that hangs is ended and "
                       "started again");
    case Kind::kNoSocket:
      return list.Fail("socket", subject + ": something is there that is no socket",
                       "move it away: the service leaves it untouched and does not start");
  }
}

}  // namespace

void CheckSockets(const std::vector<config::Keyring>& keyrings, const LookAtSocket& look,
                  CheckList& list) {
  for (const config::Keyring& keyring : keyrings) {
    if (!keyring.socket.starts_with('/')) continue;  // the configuration check tells
    CheckFolder(fs::path(keyring.socket).parent_path().string(), list);
    try {
      JudgeSight(keyring, look(keyring.socket), list);
    } catch (const Error& error) {
      list.Skip("socket", error.what());
    }
  }
}

}  // namespace mortise::doctor
