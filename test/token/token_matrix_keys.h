// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "hsm/cryptoki/session.h"
#include "test/token/token_matrix.h"

namespace mortise::test {

// Makes the token objects of the first generation of keyring "prod" of "cluster-a", as `mortise key
// create` does, by the token's own generator. Gives what the attribute policy finds wrong with them
// where nothing is waived.
Findings GenerateKek(const hsm::Session& session, hsm::SchemeId scheme);

// As above, with the maker's tool, under names that `keysFile` is then given.
void MakeKekByTool(TestToken& token, hsm::SchemeId scheme, const std::string& keys_file);
// What the policy finds wrong with those; in a library that was initialised after that.
Findings JudgeKekOfTool(const hsm::Session& session, hsm::SchemeId scheme);

}  // namespace mortise::test
