// SPDX-License-Identifier: Apache-2.0
#include "cli/socket_address.h"

#include <sys/un.h>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"

namespace mortise::cli {

SocketAddress::SocketAddress(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with("unix://")) {
    rest.remove_prefix(7);
    // kube-apiserver ignores what stands before the path, so "unix://a/b.sock" is a
    // mistake there (it means /b.sock) and is refused here.
    if (!rest.starts_with('/')) {
      throw Error(Reason::kConfig,
                  fmt::format("{}: after unix:// an absolute path is needed, as in "
                              "unix:///run/mortise/kms.sock",
                              Printable(text)));
    }
    if (rest.starts_with("/@")) rest.remove_prefix(1);
  }
  is_abstract_ = rest.starts_with('@');
  if (is_abstract_) rest.remove_prefix(1);
  path_ = std::string(rest);
  if (path_.empty() || path_.find('\0') != std::string::npos) {
    throw Error(Reason::kConfig,
                "the socket's path is empty; name it, as in /run/mortise/kms.sock");
  }
  constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (path_.size() > kLongest) {
    throw Error(
        Reason::kConfig,
        fmt::format("{}: a socket's path has at most {} bytes, this one {}; use a shorter one",
                    Printable(text, 200), kLongest, path_.size()));
  }
}

std::string SocketAddress::Shown() const {
  return (is_abstract_ ? "@" : "") + path_;
}

std::string SocketAddress::GrpcTarget() const {
  return (is_abstract_ ? "unix-abstract:" : "unix:") + path_;
}

}  // namespace mortise::cli
