// SPDX-License-Identifier: Apache-2.0
// What pkcs11-fault.so plays beside its faults: vendors' documented behaviours (acts),
// tokens that lie, and facts that a token reports. README.md has the list.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace mortise::test {

// clang-format off
#define MORTISE_ACTS(X)                    \
  X(WrittenBack,      "written-back")      \
  X(Appended,         "appended")          \
  X(AppendedSixteen,  "appended-16")       \
  X(Prepended,        "prepended")         \
  X(MessageRandom,    "message-random")    \
  X(FipsNoCaller,     "fips-no-caller")    \
  X(NoSessionKeys,    "no-session-keys")   \
  X(Kwp,              "kwp")

#define MORTISE_LIES(X)                      \
  X(ShortOutput,       "short-output")       \
  X(LongOutput,        "long-output")        \
  X(ShortPlaintext,    "short-plaintext")    \
  X(LongPlaintext,     "long-plaintext")     \
  X(UnchangedOutput,   "unchanged-output")   \
  X(UnchangedPlaintext,"unchanged-plaintext")\
  X(DropsTag,          "drops-tag")          \
  X(SameIv,            "same-iv")            \
  X(IvNotWritten,      "iv-not-written")     \
  X(Identity,          "identity")           \
  X(IgnoresTag,        "ignores-tag")        \
  X(IgnoresAad,        "ignores-aad")        \
  X(ConstantSignature, "constant-signature") \
  X(VerifiesAnything,  "verifies-anything")  \
  X(ConstantRandom,    "constant-random")
// clang-format on

#define X(name, word) k##name,
enum class Act : std::uint32_t { MORTISE_ACTS(X) };
enum class Lie : std::uint32_t { MORTISE_LIES(X) };
#undef X

enum class AttributeEffect : std::uint32_t {
  kRefuse,  // a template that has it is answered `value`, a CKR
  kHide,    // not reported: CKR_ATTRIBUTE_TYPE_INVALID
  kReport,  // a boolean, reported as `value`
};

struct AttributeRule {
  std::uint64_t type;
  AttributeEffect effect;
  std::uint64_t value;
};

// A part of the control file, so everything in it may be read while it is set.
struct RoleControl {
  std::atomic<std::uint32_t> acts;          // bit of an Act
  std::atomic<std::uint32_t> lies;          // bit of a Lie
  std::atomic<std::uint32_t> label_limit;   // bytes of CKA_LABEL that are kept; 0: all
  std::atomic<std::uint64_t> token_flags;   // added to what C_GetTokenInfo says
  std::atomic<std::uint64_t> max_sessions;  // what C_GetTokenInfo says; 0: the token's own
  std::atomic<std::uint32_t> rule_count;
  std::array<AttributeRule, 32> rules;
};

template <typename Role>
constexpr std::uint32_t BitOf(Role role) {
  return 1U << static_cast<std::uint32_t>(role);
}

// Adds what `words` names, separated by commas: acts, lies, and name=value for the
// rest. Of the acts that say where an IV comes from the last one stays. Throws
// std::invalid_argument: no such role.
void AddRoles(RoleControl& roles, std::string_view words);

void ClearRoles(RoleControl& roles);

}  // namespace mortise::test
