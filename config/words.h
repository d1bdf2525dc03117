// SPDX-License-Identifier: Apache-2.0
// Every word that stands for a value of an enumeration: read by mapping.cc, written by
// show.cc. The ones that are not available have their feature in a later version.
#pragma once

#include "config/keys_file.h"
#include "config/section.h"

namespace mortise::config {

inline constexpr Word<LogLevel> kLogLevels[] = {{"debug", LogLevel::kDebug},
                                                {"info", LogLevel::kInfo},
                                                {"warning", LogLevel::kWarning},
                                                {"error", LogLevel::kError}};
inline constexpr Word<LogFormat> kLogFormats[] = {
    {"auto", LogFormat::kAuto}, {"text", LogFormat::kText}, {"json", LogFormat::kJson}};
inline constexpr Word<Login> kLogins[] = {{"pin", Login::kPin}, {"none", Login::kNone}};
inline constexpr Word<Rescan> kRescans[] = {{"session", Rescan::kSession},
                                            {"respawn", Rescan::kRespawn}};
inline constexpr Word<IvMode> kIvModes[] = {{"auto", IvMode::kAuto},
                                            {"caller", IvMode::kCaller},
                                            {"written-back", IvMode::kWrittenBack},
                                            {"appended", IvMode::kAppended},
                                            {"prepended", IvMode::kPrepended},
                                            {"message-random", IvMode::kMessageRandom}};
inline constexpr Word<StatusPolicy> kStatusPolicies[] = {{"bridge", StatusPolicy::kBridge},
                                                         {"strict", StatusPolicy::kStrict}};
inline constexpr Word<Discovery> kDiscoveries[] = {{"token", Discovery::kToken},
                                                   {"file", Discovery::kFile}};
inline constexpr Word<Trust> kTrusts[] = {{"first-use", Trust::kFirstUse},
                                          {"pinned", Trust::kPinned}};
inline constexpr Word<PolicyMode> kPolicyModes[] = {{"strict", PolicyMode::kStrict},
                                                    {"fips", PolicyMode::kFips}};
inline constexpr Word<TokenPolicy> kTokenPolicies[] = {
    {"active-passive", TokenPolicy::kActivePassive}};
// Of these the value is the word itself.
// The SHA-1 forms are for tokens whose OAEP has nothing else; `auto` never takes them.
inline constexpr Word<std::string_view> kSchemes[] = {{"auto", "auto"},
                                                      {"aes-gcm", "aes-gcm"},
                                                      {"aes-kwp", "aes-kwp"},
                                                      {"aes-cbc-hmac", "aes-cbc-hmac"},
                                                      {"rsa-oaep-hmac", "rsa-oaep-hmac"},
                                                      {"rsa-oaep-sign", "rsa-oaep-sign"},
                                                      {"rsa-oaep-hmac-sha1", "rsa-oaep-hmac-sha1"},
                                                      {"rsa-oaep-sign-sha1", "rsa-oaep-sign-sha1"}};
// Of a key that exists: as above, but for auto.
inline constexpr Word<std::string_view> kListedSchemes[] = {
    {"aes-gcm", "aes-gcm"},
    {"aes-kwp", "aes-kwp"},
    {"aes-cbc-hmac", "aes-cbc-hmac"},
    {"rsa-oaep-hmac", "rsa-oaep-hmac"},
    {"rsa-oaep-sign", "rsa-oaep-sign"},
    {"rsa-oaep-hmac-sha1", "rsa-oaep-hmac-sha1"},
    {"rsa-oaep-sign-sha1", "rsa-oaep-sign-sha1"}};
inline constexpr Word<ListedState> kListedStates[] = {{"active", ListedState::kActive},
                                                      {"decrypt-only", ListedState::kDecryptOnly},
                                                      {"withdrawn", ListedState::kWithdrawn}};
inline constexpr Word<std::string_view> kVersions[] = {{"v2", "v2"}, {"v2beta1", "v2beta1"}};

}  // namespace mortise::config
