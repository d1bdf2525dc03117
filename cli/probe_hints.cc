// SPDX-License-Identifier: Apache-2.0
#include "cli/probe_hints.h"

#include <fmt/format.h>

namespace mortise::cli {

std::pair<std::string, std::string> Explain(const SocketFinding& finding,
                                            const ProbeOptions& options) {
  const std::string socket = options.address.Shown();
  const std::string detail = finding.detail.empty() ? "" : " (" + finding.detail + ")";
  switch (finding.state) {
    case SocketState::kSpeaksHttp2:
      break;
    case SocketState::kMissing:
      return {fmt::format("there is nothing at {}{}", socket, detail),
              "start the plugin (`mortise serve`, or `mortise dev` to try it), or give the path "
              "that its configuration names"};
    case SocketState::kNotASocket:
      return {fmt::format("{} is not a socket{}", socket, detail),
              "move it away, or give the path of the plugin's socket"};
    case SocketState::kNobodyListens:
      return {fmt::format("nobody listens at {}{}", socket, detail),
              "the server that made the socket has ended; see its log, then start it again"};
    case SocketState::kPermissionDenied:
      return {fmt::format("this user may not open {}{}", socket, detail),
              "run the probe as the user that kube-apiserver runs as (mostly root), or see the "
              "modes of the socket and of the folders above it"};
    case SocketState::kClosedAtOnce:
      return {fmt::format("{} accepts and closes at once", socket),
              "so Mortise treats a user who is not in allowedUids, and connections over "
              "maxConnections: run the probe as kube-apiserver's user, and see the server's log"};
    case SocketState::kSilent:
      return {
          fmt::format("{} said nothing within {} ms{}", socket, options.timeout.count(), detail),
          "whoever listens there hangs or is stopped; see its log, then restart it"};
    case SocketState::kOtherProtocol:
      return {fmt::format("{} does not speak HTTP/2", socket),
              "that is another program's socket, not a KMS plugin's; give the right path"};
  }
  return {};
}

namespace {

bool IsBeyondTokens(std::string_view message) {
  using std::string_view_literals::operator""sv;
  constexpr auto kFatal = "the active key cannot be used"sv;
  constexpr auto kWaiting = "starting: waiting for "sv;
  if (message.starts_with(kFatal)) return true;
  if (!message.starts_with(kWaiting)) return false;
  const std::string_view what = message.substr(kWaiting.size());
  return !what.starts_with("a token to come up") && !what.starts_with("a first proof") &&
         !what.starts_with("the first proof");
}

}  // namespace

ExitCode ExitCodeFor(SocketState state) {
  switch (state) {
    case SocketState::kSpeaksHttp2:
      return ExitCode::kOk;
    case SocketState::kPermissionDenied:
    case SocketState::kClosedAtOnce:
      return ExitCode::kPermission;
    case SocketState::kSilent:
      return ExitCode::kTimedOut;
    case SocketState::kMissing:
    case SocketState::kNotASocket:
    case SocketState::kNobodyListens:
    case SocketState::kOtherProtocol:
      return ExitCode::kFailed;
  }
  return ExitCode::kFailed;
}

std::string HintFor(RpcCode code, const ProbeOptions& options) {
  switch (code) {
    case RpcCode::kOk:
      return {};
    case RpcCode::kUnavailable:
      return "the plugin runs but cannot use its key now, for the reason it gives; see its log, "
             "and `mortise status` where it is Mortise";
    case RpcCode::kDeadlineExceeded:
      return fmt::format(
          "no answer within {} ms: the plugin or its HSM hangs or is overloaded; see its log. "
          "kube-apiserver gives up after the `timeout` of its EncryptionConfiguration (3s unless "
          "set)",
          options.timeout.count());
    case RpcCode::kUnimplemented:
      return "a gRPC server, but not a KMS v2 plugin (service v2.KeyManagementService); give the "
             "right path, or update a plugin that speaks KMS v1 only";
    case RpcCode::kPermissionDenied:
      return "run the probe as the user that kube-apiserver runs as";
    case RpcCode::kResourceExhausted:
      return "the plugin's limit is reached (Mortise: maxWrapsPerSecond); try again in a few "
             "seconds, and look for a client that encrypts without end";
    case RpcCode::kInvalidArgument:
    case RpcCode::kNotFound:
    case RpcCode::kFailedPrecondition:
    case RpcCode::kInternal:
      break;
  }
  return "see the plugin's log for the cause";
}

ExitCode ExitCodeFor(RpcCode code, std::string_view message) {
  switch (code) {
    case RpcCode::kOk:
      return ExitCode::kOk;
    case RpcCode::kUnavailable:
      return IsBeyondTokens(message) ? ExitCode::kFailed : ExitCode::kHsmUnreachable;
    case RpcCode::kDeadlineExceeded:
      return ExitCode::kTimedOut;
    case RpcCode::kPermissionDenied:
      return ExitCode::kPermission;
    case RpcCode::kInvalidArgument:
    case RpcCode::kNotFound:
    case RpcCode::kResourceExhausted:
    case RpcCode::kFailedPrecondition:
    case RpcCode::kUnimplemented:
    case RpcCode::kInternal:
      break;
  }
  return ExitCode::kFailed;
}

}  // namespace mortise::cli
