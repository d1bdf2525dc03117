// SPDX-License-Identifier: Apache-2.0
// Makes a token look old: other people's objects in it, and further generations of a
// keyring beside the one that is there, activated in a far future so that the active one
// stays. For scripts/bench, which measures that neither costs a Decrypt anything.
#include <CLI/CLI.hpp>
#include <iostream>

#include "base/error.h"
#include "base/file.h"
#include "base/hardening.h"
#include "base/random.h"
#include "hsm/cryptoki/attributes.h"
#include "hsm/cryptoki/key_generation.h"
#include "hsm/cryptoki/slot.h"
#include "hsm/scheme/key_label.h"

namespace mortise::bench {
namespace {

constexpr WallTime kFarFuture{std::chrono::sys_days{std::chrono::year{2099} / 1 / 1}};

struct Options {
  std::string module, token, pin_file, keyring;
  int objects = 0;
  int generations = 0;
};

// Private data objects, as any other application of the token may keep them.
void AddObjects(const hsm::Session& session, int count) {
  CK_OBJECT_CLASS object_class = CKO_DATA;
  CK_BBOOL yes = CK_TRUE;
  CK_BYTE value[32] = {};
  for (int i = 0; i < count; ++i) {
    std::string label = "other-" + std::to_string(i);
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class},
                                 {CKA_TOKEN, &yes, sizeof yes},
                                 {CKA_PRIVATE, &yes, sizeof yes},
                                 {CKA_LABEL, label.data(), label.size()},
                                 {CKA_VALUE, value, sizeof value}};
    CK_OBJECT_HANDLE object = 0;
    const CK_RV rv = session.p11().C_CreateObject(session.handle(), attributes, 5, &object);
    if (rv != CKR_OK) throw Error(Reason::kInternal, "C_CreateObject failed", rv);
  }
}

// The newest generation of the keyring that the token holds.
hsm::KeyLabel Newest(const hsm::Session& session, const std::string& keyring) {
  std::optional<hsm::KeyLabel> newest;
  for (const CK_OBJECT_HANDLE key : hsm::FindPrivateKeys(session, CKO_SECRET_KEY, CKK_AES)) {
    const auto text = hsm::ReadBytes(session, key, CKA_LABEL);
    const auto label = text ? hsm::ParseKeyLabel(AsText(*text)) : std::nullopt;
    if (!label || label->keyring != keyring) continue;
    if (!newest || newest->generation < label->generation) newest = label;
  }
  if (!newest) throw Error(Reason::kKeyNotFound, "the token holds no key of " + keyring);
  return *newest;
}

void AddGenerations(const hsm::Session& session, const Options& options) {
  hsm::KeyLabel label = Newest(session, options.keyring);
  label.activation = kFarFuture;
  while (label.generation < static_cast<std::uint32_t>(options.generations)) {
    ++label.generation;
    label.activation += std::chrono::hours(24);
    hsm::GenerateAesKey(session, hsm::FormatKeyLabel(label), RandomBytes(16), CKM_AES_GCM);
  }
}

void Fill(const Options& options) {
  const hsm::Module module(options.module);
  const hsm::Session session(module, hsm::FindToken(module, "pkcs11:token=" + options.token), true);
  session.Login(CKU_USER, ReadSecretFile(options.pin_file).view());
  AddObjects(session, options.objects);
  AddGenerations(session, options);
}

}  // namespace
}  // namespace mortise::bench

int main(int argc, char** argv) {
  mortise::HardenProcess();
  mortise::bench::Options options;
  CLI::App app("Adds objects and generations to a token");
  app.add_option("--module", options.module)->required();
  app.add_option("--token", options.token, "The token's label")->required();
  app.add_option("--pin-file", options.pin_file)->required();
  app.add_option("--keyring", options.keyring)->required();
  app.add_option("--objects", options.objects, "How many objects to add");
  app.add_option("--generations", options.generations, "Up to which generation to add keys");
  CLI11_PARSE(app, argc, argv);
  try {
    mortise::bench::Fill(options);
  } catch (const std::exception& error) {
    std::cerr << "bench_fill_token: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
