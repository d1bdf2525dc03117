// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/clock.h"

namespace mortise::cli {

// http://host:port/path, taken apart. An IPv6 host loses its brackets; no port is 80
// and no path is "/". Throws Error(kConfig) for anything else, https included.
struct HttpUrl {
  explicit HttpUrl(const std::string& text);

  std::string host;
  std::string port;
  std::string path;
};

struct HttpPage {
  int status = 0;
  std::string body;
};

// One GET in plain HTTP/1.0, which is all that the metrics endpoint needs. A client
// library would be loaded into every process of this executable, the serving one too.
// Throws Error: kUnavailable when nothing answers there, kTimeout past the deadline,
// kInternal when the answer is not HTTP or breaks off.
HttpPage HttpGet(const HttpUrl& url, Deadline deadline);

}  // namespace mortise::cli
