// SPDX-License-Identifier: Apache-2.0
#include "hsm/provision/library.h"

#include <dlfcn.h>
#include <openssl/err.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "hsm/cryptoki/return_codes.h"

namespace mortise::hsm {
namespace {

void RequireLibrary(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) {
    throw Error(Reason::kConfig,
                path + ": " + ErrnoText(errno) +
                    "; name the vendor's PKCS#11 library (SoftHSM2: install softhsm2)");
  }
  RequireTrustedPath(path);
  // Never closed, so that libp11's dlclose does not unload: some libraries of vendors do
  // not survive that, and the same process may load it again.
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) == nullptr) {
    throw Error(Reason::kUnavailable, path +
                                          ": not a PKCS#11 library, or a library that it needs is "
                                          "missing; check the path and run: ldd " +
                                          path);
  }
}

// What a person or Cryptoki's part calls it may be the printable form.
bool IsText(const char* told, const std::string& wanted) {
  return told != nullptr && (wanted == told || wanted == Printable(told));
}

}  // namespace

Library::Library(const std::string& path, const std::string& init_args) {
  RequireLibrary(path);
  PKCS11_CTX* context = PKCS11_CTX_new();
  if (!init_args.empty()) PKCS11_CTX_init_args(context, init_args.c_str());
  if (PKCS11_CTX_load(context, path.c_str()) != 0) {
    PKCS11_CTX_free(context);
    FailLibp11("C_Initialize", path + ": not a PKCS#11 library; check the path");
  }
  loaded_.reset(context);
  if (PKCS11_enumerate_slots(context, &slots_, &slot_count_) != 0) {
    FailLibp11("C_GetSlotList", path + ": the library does not list its slots");
  }
}

Library::~Library() {
  PKCS11_release_all_slots(loaded_.get(), slots_, slot_count_);
}

void Library::Unload::operator()(PKCS11_CTX* context) const {
  PKCS11_CTX_unload(context);
  PKCS11_CTX_free(context);
}

PKCS11_SLOT* Library::FindToken(const std::string& label, const std::string& serial) const {
  PKCS11_SLOT* found = nullptr;
  for (PKCS11_SLOT& slot : slots()) {
    if (slot.token == nullptr || !slot.token->initialized) continue;
    if (!IsText(slot.token->label, label)) continue;
    if (!serial.empty() && !IsText(slot.token->serialnr, serial)) continue;
    if (found != nullptr) {
      throw Error(Reason::kConfig, "two tokens have the label \"" + label +
                                       "\"; remove one, or choose by serial or another label; "
                                       "`mortise token list` shows them");
    }
    found = &slot;
  }
  return found;
}

void FailLibp11(const char* function, const std::string& else_say, const std::string& advice) {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const std::string end = advice.empty() ? "" : "; " + advice;
  if (code != 0 && ERR_GET_LIB(code) == ERR_get_CKR_code()) {
    const Error error = MakeError(static_cast<CK_RV>(ERR_GET_REASON(code)), function);
    throw Error(error.reason(), error.what() + end, error.ckr());
  }
  throw Error(Reason::kUnavailable, else_say + end);
}

SecretBytes TerminatedPin(const SecretBytes& pin, const char* whose) {
  const ByteView bytes = pin.view();
  if (bytes.empty() || std::memchr(bytes.data(), 0, bytes.size()) != nullptr) {
    throw Error(Reason::kConfig,
                std::string("the ") + whose +
                    " PIN is empty or holds a zero byte; write it as one line of text");
  }
  SecretBytes text(bytes.size() + 1);
  std::memcpy(text.data(), bytes.data(), bytes.size());
  return text;
}

}  // namespace mortise::hsm
