// SPDX-License-Identifier: Apache-2.0
#include "cli/config_notes.h"

#include <fmt/format.h>

#include <set>

#include "base/error.h"
#include "hsm/canary_store.h"
#include "hsm/scheme/envelope.h"
#include "hsm/scheme/key_id.h"
#include "hsm/start_remarks.h"

namespace mortise::cli {
namespace {

// The generation, and the scheme as a label names it.
using KnownScheme = std::pair<std::uint32_t, std::string>;

// Of the keys that this node has used. A canary tells it, whether a token is up or not.
std::set<KnownScheme> KnownSchemes(const config::Keyring& keyring,
                                   const std::vector<hsm::Canary>& canaries) {
  std::set<KnownScheme> schemes;
  for (const hsm::Canary& canary : canaries) {
    const auto parts = hsm::ParseKeyId(canary.key_id);
    if (!parts || parts->keyring != keyring.name) continue;
    try {
      const hsm::SchemeId scheme = hsm::Envelope::Parse(AsBytes(canary.blob)).scheme;
      const bool is_gcm = scheme == hsm::SchemeId::kAesGcmPrepended;
      schemes.emplace(parts->generation, Name(is_gcm ? hsm::SchemeId::kAesGcm : scheme));
    } catch (const Error&) {
      // No envelope of this release: nothing to compare with.
    }
  }
  return schemes;
}

void NoteSchemes(const config::Keyring& keyring, const std::vector<hsm::Canary>& canaries,
                 std::vector<std::string>& notes) {
  if (keyring.scheme == "auto") return;
  for (const auto& [generation, scheme] : KnownSchemes(keyring, canaries)) {
    if (scheme == keyring.scheme) continue;
    notes.push_back(fmt::format(
        "keyring {}: generation {} is of scheme {} and stays so: what it wrapped still opens, and "
        "while it is active it goes on wrapping; scheme: {} is for the next generation that is "
        "made",
        keyring.name, generation, scheme, keyring.scheme));
  }
}

void NoteFips(const config::Keyring& keyring, std::vector<std::string>& notes) {
  if (keyring.policy.mode != config::PolicyMode::kFips) return;
  notes.push_back(
      fmt::format("keyring {}: policy mode fips: nothing is wrapped with an IV of mortise's making "
                  "(aes-gcm with ivMode: caller) or by encryption outside the token (rsa-oaep-*); "
                  "what such keys wrapped before still opens",
                  keyring.name));
}

}  // namespace

std::vector<std::string> Notes(const config::Config& config, WallTime now) {
  std::vector<std::string> notes;
  for (const hsm::Event& remark : hsm::StartRemarks(config, now)) notes.push_back(remark.message);
  // What cannot be read here says nothing; `serve` and `doctor` judge the state folder.
  const std::vector<hsm::Canary> canaries = hsm::CanaryStore(config.state_dir).Load().canaries;
  for (const config::Keyring& keyring : config.keyrings) {
    NoteFips(keyring, notes);
    NoteSchemes(keyring, canaries, notes);
  }
  return notes;
}

}  // namespace mortise::cli
