// SPDX-License-Identifier: Apache-2.0
#include "cli/statusz_page.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace mortise::cli {

using Json = nlohmann::ordered_json;

Json FetchStatusz(HttpUrl url, std::chrono::milliseconds timeout) {
  url.path = "/statusz";
  const HttpPage page = HttpGet(url, Clock::now() + timeout);
  Json statusz = Json::parse(page.body, nullptr, false);
  if (page.status != 200 || !statusz.is_object() || statusz.value("schemaVersion", 0) != 1) {
    throw Error(Reason::kInternal,
                fmt::format("the answer (HTTP {}) is no status page of this version of mortise; "
                            "does another program, or another version, have that port?",
                            page.status));
  }
  return statusz;
}

}  // namespace mortise::cli
