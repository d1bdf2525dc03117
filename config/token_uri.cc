// SPDX-License-Identifier: Apache-2.0
#include "config/token_uri.h"

#include <fmt/format.h>
#include <p11-kit/uri.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "config/problems.h"

namespace mortise::config {
namespace {

constexpr std::string_view kScheme = "pkcs11:";

// Those that say which token; the rest only narrow the choice.
const std::vector<std::string_view> kTokenAttributes = {"token", "manufacturer", "serial", "model"};
const std::vector<std::string_view> kAttributes = {"token",
                                                   "manufacturer",
                                                   "serial",
                                                   "model",
                                                   "library-manufacturer",
                                                   "library-version",
                                                   "library-description",
                                                   "slot-id",
                                                   "slot-manufacturer",
                                                   "slot-description"};
const std::vector<std::string_view> kObjectAttributes = {"object", "id", "type"};

bool Holds(const std::vector<std::string_view>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string ProblemOfQuery(std::string_view query) {
  for (std::string_view part : Split(query, '&')) {
    const std::string_view name = part.substr(0, part.find('='));
    if (name == "pin-value" || name == "pin-source") {
      return fmt::format("must not hold {}; put the PIN into a file and name it by pinFile", name);
    }
    if (name == "module-name" || name == "module-path") {
      return fmt::format("must not hold {}; name the library by module", name);
    }
  }
  return "must not have a query part (after \"?\")";
}

std::string ProblemOfAttributes(std::string_view path) {
  std::vector<std::string_view> seen;
  for (std::string_view part : Split(path, ';')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) return "must be of the form pkcs11:name=value;name=value";
    const std::string_view name = part.substr(0, equals);
    if (Holds(kObjectAttributes, name)) {
      return fmt::format(
          "must not hold {}: it chooses a token, and a keyring finds its keys by label", name);
    }
    if (!Holds(kAttributes, name)) {
      return fmt::format("has an unknown attribute \"{}\"{}", Printable(name),
                         Suggestion(name, kAttributes));
    }
    if (Holds(seen, name)) return fmt::format("holds the attribute {} twice", name);
    if (equals + 1 == part.size()) return fmt::format("has no value for {}", name);
    seen.push_back(name);
  }
  if (std::ranges::none_of(seen,
                           [](std::string_view name) { return Holds(kTokenAttributes, name); })) {
    return "must say which token by token, serial, manufacturer or model; slots are renumbered";
  }
  return "";
}

}  // namespace

std::string ProblemOfUri(const std::string& uri) {
  if (!uri.starts_with(kScheme))
    return "must begin with \"pkcs11:\", as in \"pkcs11:token=my-token\"";
  const std::string_view rest = std::string_view(uri).substr(kScheme.size());
  if (rest.empty()) return "names no token; write \"pkcs11:token=\" and its label";
  if (const std::size_t query = rest.find('?'); query != std::string_view::npos) {
    return ProblemOfQuery(rest.substr(query + 1));
  }
  // p11-kit takes duplicate and unknown attributes in silence, hence our own pass first.
  if (std::string problem = ProblemOfAttributes(rest); !problem.empty()) return problem;
  const std::unique_ptr<P11KitUri, decltype(&p11_kit_uri_free)> parsed(p11_kit_uri_new(),
                                                                       p11_kit_uri_free);
  const int result = p11_kit_uri_parse(uri.c_str(), P11_KIT_URI_FOR_ANY, parsed.get());
  if (result != P11_KIT_URI_OK) {
    const char* const message = p11_kit_uri_message(result);
    return fmt::format("is no RFC 7512 URI: {}", message == nullptr ? "malformed" : message);
  }
  // Every name was known to us, so it is a value that p11-kit could not take.
  if (p11_kit_uri_any_unrecognized(parsed.get()) != 0) {
    return "has a value that no token can have: a label over 32 bytes, for one";
  }
  return "";
}

}  // namespace mortise::config
