// SPDX-License-Identifier: Apache-2.0
// make-key MODULE URI PIN-FILE LABEL CKA_ID-HEX [KIND]: a key object under any name, in a
// token: aes-gcm (the default), aes-kwp, aes-cbc, mac, rsa, ed25519 or p256; or planted, an AES
// key whose value somebody outside chose.
#include <array>
#include <cstdio>

#include "base/error.h"
#include "base/file.h"
#include "hsm/cryptoki/key_generation.h"
#include "hsm/cryptoki/pkcs11_v3.h"
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

void Make(const mortise::hsm::Session& session, const std::string& label, const mortise::Bytes& id,
          const std::string& kind) {
  using namespace mortise::hsm;
  if (kind == "planted") {
    PlantAesKey(session, label, id);
  } else if (kind == "mac") {
    GenerateMacKey(session, label, id);
  } else if (kind == "rsa") {
    GenerateRsaKey(session, label, id, 3072);
  } else if (kind == "ed25519" || kind == "p256") {
    GenerateSignerKey(session, label, id,
                      kind == "p256" ? SignerKind::kP256 : SignerKind::kEd25519);
  } else {
    const CK_MECHANISM_TYPE mechanism = kind == "aes-kwp"   ? CKM_AES_KEY_WRAP_KWP
                                        : kind == "aes-cbc" ? CKM_AES_CBC
                                                            : CKM_AES_GCM;
    GenerateAesKey(session, label, id, mechanism);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6 && argc != 7) return 2;
  try {
    const mortise::hsm::Module module(argv[1]);
    const mortise::hsm::Session session(module, mortise::hsm::FindToken(module, argv[2]), true);
    session.Login(CKU_USER, mortise::ReadSecretFile(argv[3]).view());
    const mortise::Bytes id = mortise::FromHex(argv[5]).value();
    Make(session, argv[4], id, argc == 7 ? argv[6] : "aes-gcm");
    return 0;
  } catch (const mortise::Error& error) {
    std::fprintf(stderr, "make-key: %s\n", error.what());
    return 1;
  }
}
