// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace mortise::cli {

// Where a KMS plugin listens, as people write it: /run/kms.sock, kms.sock, or, as in
// an EncryptionConfiguration, unix:///run/kms.sock and unix:///@name (abstract).
class SocketAddress {
 public:
  explicit SocketAddress(std::string_view text);  // throws Error(kConfig)

  bool is_abstract() const { return is_abstract_; }
  const std::string& path() const { return path_; }  // without the '@' of an abstract one
  std::string Shown() const;                         // for messages
  std::string GrpcTarget() const;

 private:
  std::string path_;
  bool is_abstract_ = false;
};

}  // namespace mortise::cli
