// SPDX-License-Identifier: Apache-2.0
#include "cli/kms_rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"

namespace mortise::cli {
namespace {

constexpr std::size_t kLongestKeyId = 1024;
constexpr std::size_t kLongestCiphertext = 1024;
constexpr std::size_t kMostAnnotationBytes = 32 * 1024;
constexpr std::size_t kLongestName = 253;
constexpr std::size_t kLongestLabel = 63;

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// A label of an RFC 1123 name, lower case.
bool IsLabel(std::string_view label) {
  return !label.empty() && label.size() <= kLongestLabel && IsAlphanumeric(label.front()) &&
         IsAlphanumeric(label.back()) && std::all_of(label.begin(), label.end(), [](char c) {
           return IsAlphanumeric(c) || c == '-';
         });
}

// Two labels or more; kube-apiserver takes one dot off the end first.
bool IsQualifiedName(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.size() > kLongestName || name.find('.') == std::string_view::npos) return false;
  while (true) {
    const std::size_t dot = name.find('.');
    if (!IsLabel(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

std::string VersionProblem(std::string_view version) {
  if (version == "v2" || version == "v2beta1") return {};
  return fmt::format("version is \"{}\", and kube-apiserver accepts v2 and v2beta1 only",
                     Printable(version));
}

std::string HealthzProblem(std::string_view healthz) {
  if (healthz == "ok") return {};
  return fmt::format("healthz is \"{}\" and not ok", Printable(healthz, 300));
}

std::string KeyIdProblem(std::string_view key_id) {
  if (key_id.empty()) return "key_id is empty";
  if (key_id.size() <= kLongestKeyId) return {};
  return fmt::format("key_id has {} bytes, over the {} that kube-apiserver accepts", key_id.size(),
                     kLongestKeyId);
}

std::string CiphertextProblem(std::string_view ciphertext) {
  if (ciphertext.empty()) return "the ciphertext is empty";
  if (ciphertext.size() <= kLongestCiphertext) return {};
  return fmt::format("the ciphertext has {} bytes, over the {} that kube-apiserver accepts",
                     ciphertext.size(), kLongestCiphertext);
}

std::string AnnotationsProblem(const std::map<std::string, std::string>& annotations) {
  std::size_t total = 0;
  for (const auto& [key, value] : annotations) {
    if (!IsQualifiedName(key)) {
      return fmt::format(
          "annotation key \"{}\" is not a lower-case DNS name of two labels or more, such as "
          "kms.example.org",
          Printable(key));
    }
    total += key.size() + value.size();
  }
  if (total <= kMostAnnotationBytes) return {};
  return fmt::format("the annotations have {} bytes, over the {} that kube-apiserver accepts",
                     total, kMostAnnotationBytes);
}

}  // namespace mortise::cli
