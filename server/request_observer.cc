// SPDX-License-Identifier: Apache-2.0
#include "server/request_observer.h"

namespace mortise::server {

std::string_view Name(Method method) {
  switch (method) {
    case Method::kStatus:
      return "Status";
    case Method::kEncrypt:
      return "Encrypt";
    case Method::kDecrypt:
      return "Decrypt";
  }
  return "Status";
}

std::string_view Name(Rejection rejection) {
  switch (rejection) {
    case Rejection::kUid:
      return "uid";
    case Rejection::kLimit:
      return "limit";
    case Rejection::kSilent:
      return "silent";
    case Rejection::kNotHttp2:
      return "not_http2";
  }
  return "uid";
}

}  // namespace mortise::server
