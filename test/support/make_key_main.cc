// SPDX-License-Identifier: Apache-2.0
// make-key MODULE URI PIN-FILE LABEL CKA_ID-HEX [planted]: a KEK under any name, in a token;
// a good one, or one whose value somebody outside chose.
#include <array>
#include <cstdio>

#include "base/error.h"
#include "base/file.h"
#include "hsm/cryptoki/key_generation.h"
#include "hsm/cryptoki/return_codes.h"
#include "hsm/cryptoki/slot.h"

namespace {

void PlantAesKey(const mortise::hsm::Session& session, std::string label, mortise::Bytes id) {
  CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
  CK_KEY_TYPE key_type = CKK_AES;
  CK_BBOOL yes = CK_TRUE;
  std::array<CK_BYTE, 32> value{1, 2, 3};
  std::array<CK_ATTRIBUTE, 10> wanted = {{{CKA_CLASS, &object_class, sizeof(object_class)},
                                          {CKA_KEY_TYPE, &key_type, sizeof(key_type)},
                                          {CKA_VALUE, value.data(), value.size()},
                                          {CKA_LABEL, label.data(), label.size()},
                                          {CKA_ID, id.data(), id.size()},
                                          {CKA_TOKEN, &yes, sizeof(yes)},
                                          {CKA_PRIVATE, &yes, sizeof(yes)},
                                          {CKA_SENSITIVE, &yes, sizeof(yes)},
                                          {CKA_ENCRYPT, &yes, sizeof(yes)},
                                          {CKA_DECRYPT, &yes, sizeof(yes)}}};
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  mortise::hsm::Check(
      session.p11().C_CreateObject(session.handle(), wanted.data(), wanted.size(), &key),
      "C_CreateObject");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 && argc != 7) return 2;
  try {
    const mortise::hsm::Module module(argv[1]);
    const mortise::hsm::Session session(module, mortise::hsm::FindToken(module, argv[2]), true);
    session.Login(CKU_USER, mortise::ReadSecretFile(argv[3]).view());
    const mortise::Bytes id = mortise::FromHex(argv[5]).value();
    if (argc == 7) {
      PlantAesKey(session, argv[4], id);
    } else {
      mortise::hsm::GenerateAesKey(session, argv[4], id, CKM_AES_GCM);
    }
    return 0;
  } catch (const mortise::Error& error) {
    std::fprintf(stderr, "make-key: %s\n", error.what());
    return 1;
  }
}
