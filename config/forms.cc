// SPDX-License-Identifier: Apache-2.0
#include "config/forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "config/problems.h"

namespace mortise::config {
namespace {

constexpr std::string_view kLowerAndDigits = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";

bool ConsistsOf(std::string_view text, std::string_view letters) {
  return text.find_first_not_of(letters) == std::string_view::npos;
}

// One of `inner` at the start and end, one of `inner` or `joint` between.
bool IsName(std::string_view text, std::size_t limit, const std::string& inner,
            const std::string& joint) {
  return !text.empty() && text.size() <= limit && ConsistsOf(text, inner + joint) &&
         ConsistsOf(text.substr(0, 1), inner) && ConsistsOf(text.substr(text.size() - 1), inner);
}

// The attributes of the strict policy that a token may have leave to fail.
const std::vector<std::string_view> kWaivable = {
    "CKA_SENSITIVE",  "CKA_ALWAYS_SENSITIVE", "CKA_EXTRACTABLE", "CKA_LOCAL", "CKA_PRIVATE",
    "CKA_MODIFIABLE", "CKA_ENCRYPT",          "CKA_DECRYPT",     "CKA_SIGN",  "CKA_VERIFY",
    "CKA_WRAP",       "CKA_UNWRAP",           "CKA_DERIVE"};

}  // namespace

std::string ProblemOfTokenName(const std::string& name) {
  // It is also the name of a file in stateDir.
  if (IsName(name, 63, std::string(kLetters) + std::string(kDigits), "-_.")) return "";
  return "must be 1 to 63 letters, digits, \"-\", \"_\" or \".\", beginning and ending with a "
         "letter or digit";
}

std::string ProblemOfKeyringName(const std::string& name) {
  if (IsName(name, 15, std::string(kLowerAndDigits), "-")) return "";
  return "must be 1 to 15 of a-z, 0-9 and \"-\", beginning and ending with a letter or digit: "
         "it is part of the label of every key";
}

std::string ProblemOfContext(const std::string& context) {
  if (!context.empty() && context.size() <= 256) return "";
  return fmt::format("must have 1 to 256 bytes, not {}: it is this cluster's identity",
                     context.size());
}

std::string ProblemOfPath(const std::string& path) {
  // The text is not repeated: it could be a PIN in the wrong place.
  return path.starts_with('/') ? "" : "must be an absolute path (beginning with \"/\")";
}

std::string ProblemOfSocket(const std::string& path) {
  if (path.starts_with('@')) {
    return "must not be an abstract socket: it has no mode and no owner; give an absolute path";
  }
  if (std::string problem = ProblemOfPath(path); !problem.empty()) return problem;
  constexpr std::size_t kLimit = 107;  // of sun_path, with its final zero byte
  if (path.size() > kLimit) {
    return fmt::format("has {} bytes; the kernel takes at most {} for a socket", path.size(),
                       kLimit);
  }
  const std::filesystem::path parsed(path);
  if (parsed.lexically_normal() != parsed || !parsed.has_filename()) {
    return "must be a plain path to a file, without \"..\", \".\", \"//\" or a \"/\" at its end";
  }
  return "";
}

std::string ProblemOfAddress(const std::string& address) {
  static const std::string kForm =
      "must be host:port, such as 127.0.0.1:9464 or [::1]:9464, or \"\" to turn it off";
  if (address.empty()) return "";
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return kForm;
  const std::string_view host = std::string_view(address).substr(0, colon);
  const std::string_view port = std::string_view(address).substr(colon + 1);
  const bool is_bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  const bool is_host = is_bracketed
                           ? ConsistsOf(host.substr(1, host.size() - 2), "0123456789abcdefABCDEF:.")
                           : ConsistsOf(host, std::string(kLetters) + std::string(kDigits) + "-.");
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (!is_host || error == std::errc::invalid_argument || end != port.data() + port.size())
    return kForm;
  if (error != std::errc()) return "has a port beyond 65535";
  return "";
}

std::string ProblemOfDate(const std::string& text) {
  try {
    ParseTime(text + "T00:00:00Z");
  } catch (const Error&) {
    return "must be a day of the form 2026-01-31";
  }
  return "";
}

std::string ProblemOfUserType(const std::string& type) {
  if (type == "user") return "";
  // PKCS#11: vendor-defined user types have the highest bit set.
  constexpr std::uint64_t kVendorDefined = 0x80000000, kMax = 0xffffffff;
  const bool is_hex = type.starts_with("0x");
  const std::string_view digits = std::string_view(type).substr(is_hex ? 2 : 0);
  std::uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, is_hex ? 16 : 10);
  if (error == std::errc() && end == digits.data() + digits.size() && number >= kVendorDefined &&
      number <= kMax) {
    return "";
  }
  return "must be user or the number of a vendor's role in quotes, \"0x80000000\" to "
         "\"0xffffffff\"";
}

std::string ProblemOfVariable(const std::string& name) {
  const std::string letters = std::string(kLetters) + "_";
  if (name.empty() || !ConsistsOf(name, letters + std::string(kDigits)) ||
      !ConsistsOf(name.substr(0, 1), letters)) {
    return "is no name of an environment variable (letters, digits and \"_\")";
  }
  if (name.starts_with("LD_") || name == "GLIBC_TUNABLES") {
    return "is refused: it would load or change code in the process that holds the PIN";
  }
  return "";
}

std::string ProblemOfWaiver(const std::string& attribute) {
  if (std::ranges::find(kWaivable, attribute) != kWaivable.end()) return "";
  return "is no attribute that can be waived" + Suggestion(attribute, kWaivable);
}

}  // namespace mortise::config
