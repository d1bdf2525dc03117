// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "test/token/token_matrix.h"

namespace mortise::test {

// Keyring "prod" of "cluster-a", as RunningKeyring has it, on the token "test": waiving what the
// table says that its keys lack.
config::Keyring MatrixKeyring(const MatrixToken& matrix);

// What `mortise key create` does in the first generation of that keyring. The library is gone
// from this process again afterwards.
void CreateKek(const TestToken& token, const config::Keyring& keyring, const std::string& state_dir,
               hsm::SchemeId scheme);

// The same by the maker's tool, under names that the keyring's keysFile, which is written here,
// gives.
void MakeKekByTool(TestToken& token, const config::Keyring& keyring, hsm::SchemeId scheme);

// What the attribute policy finds wrong with the objects of the keyring's one KEK.
Findings JudgeKek(const TestToken& token, const config::Keyring& keyring,
                  const std::string& state_dir, hsm::SchemeId scheme);

}  // namespace mortise::test
