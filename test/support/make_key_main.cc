// SPDX-License-Identifier: Apache-2.0
// make-key MODULE URI PIN-FILE LABEL CKA_ID-HEX: a good KEK under any name, in a token.
#include <cstdio>

#include "base/error.h"
#include "base/file.h"
#include "hsm/cryptoki/key_generation.h"
#include "hsm/cryptoki/slot.h"

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  try {
    const mortise::hsm::Module module(argv[1]);
    const mortise::hsm::Session session(module, mortise::hsm::FindToken(module, argv[2]), true);
    session.Login(CKU_USER, mortise::ReadSecretFile(argv[3]).view());
    mortise::hsm::GenerateAesKey(session, argv[4], mortise::FromHex(argv[5]).value(), CKM_AES_GCM);
    return 0;
  } catch (const mortise::Error& error) {
    std::fprintf(stderr, "make-key: %s\n", error.what());
    return 1;
  }
}
