// SPDX-License-Identifier: Apache-2.0
// The file named by a keyring's `keysFile`, for keys that another tool made: a YAML list, one
// entry a generation. This file is its manual, as config.h is that of mortise.yaml. It is read
// anew at every rescan; an entry that is added needs no restart.
//
//   - generation: 1
//     label: kek-2026
//     activation: 2026-03-01T12:00:00Z
//     scheme: aes-gcm
//   - generation: 2
//     id: "0c5e8f1a90b2d477"
//     authenticator: {label: mac-2027}
//     activation: 2027-03-01T12:00:00Z
//     scheme: aes-cbc-hmac
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/config.h"

namespace mortise::config {

// By either name or both; all that is given must match, and one object alone may match it.
struct ListedObject {
  std::string label;   // label: CKA_LABEL
  std::string cka_id;  // id: CKA_ID in hexadecimal; here its bytes, at most 255
  std::string salt;    // salt: random bytes in hexadecimal, where CKA_ID has less than 8 bytes
};

// What is to become of a generation. One that is active here goes on until a newer one is.
enum class ListedState {
  kActive,       // active at its time, pending until then
  kDecryptOnly,  // never active (again): it opens what it wrapped
  kWithdrawn,    // taken back before its time: never active, and it opens what it wrapped
};

struct ListedKey {
  std::uint32_t generation = 0;               // generation: 1..9999; mandatory
  ListedObject wrap;                          // label, id, salt: at least one of label and id
  std::optional<ListedObject> authenticator;  // authenticator: {label, id, salt}: the MAC or
                                              // signer key, of schemes that have one
  WallTime activation{};                      // activation: UTC; mandatory
  std::string scheme;                         // scheme: as in mortise.yaml, but not auto; mandatory
  ListedState state = ListedState::kActive;   // state: active, decrypt-only or withdrawn
};

struct KeysFile {
  std::vector<ListedKey> keys;  // at least one, in the file's order
};

// Throws ConfigError with all that is wrong, as the configuration's own loader does.
KeysFile ParseKeysFile(const std::string& text, const std::string& file);
// As ParseKeysFile, and nobody but root and this user may write the file.
KeysFile LoadKeysFile(const std::string& path);

// The objects that two keyrings of one token both list, as "...: problem"; and what is wrong
// with each file that the configuration names. For `config check`: a process that serves goes on
// with what it read last.
std::vector<std::string> ProblemsOfKeysFiles(const Config& config);

}  // namespace mortise::config
