// SPDX-License-Identifier: Apache-2.0
// Every word that stands for a value of an enumeration: read by mapping.cc, written by
// show.cc. The ones that are not available have their feature in a later version.
#pragma once

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
                                            {"written-back", IvMode::kWrittenBack, false},
                                            {"appended", IvMode::kAppended, false},
                                            {"prepended", IvMode::kPrepended, false},
                                            {"message-random", IvMode::kMessageRandom, false}};
inline constexpr Word<StatusPolicy> kStatusPolicies[] = {{"bridge", StatusPolicy::kBridge},
                                                         {"strict", StatusPolicy::kStrict}};
inline constexpr Word<Discovery> kDiscoveries[] = {{"token", Discovery::kToken},
                                                   {"file", Discovery::kFile, false}};
inline constexpr Word<Trust> kTrusts[] = {{"first-use", Trust::kFirstUse},
                                          {"pinned", Trust::kPinned}};
inline constexpr Word<PolicyMode> kPolicyModes[] = {{"strict", PolicyMode::kStrict},
                                                    {"fips", PolicyMode::kFips, false}};
inline constexpr Word<TokenPolicy> kTokenPolicies[] = {
    {"active-passive", TokenPolicy::kActivePassive}};
// Of these the value is the word itself.
inline constexpr Word<std::string_view> kSchemes[] = {{"auto", "auto"},
                                                      {"aes-gcm", "aes-gcm"},
                                                      {"aes-kwp", "", false},
                                                      {"aes-cbc-hmac", "", false},
                                                      {"rsa-oaep-hmac", "", false},
                                                      {"rsa-oaep-sign", "", false}};
inline constexpr Word<std::string_view> kVersions[] = {{"v2", "v2"}, {"v2beta1", "v2beta1"}};

}  // namespace mortise::config
