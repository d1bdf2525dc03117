// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <p11-kit/pkcs11.h>

#include <memory>
#include <string>

#include "hsm/cryptoki/pkcs11_v3.h"

namespace mortise::hsm {

// A loaded and initialised PKCS#11 library. One per process: C_Initialize belongs
// to the process, so a second owner is a defect, not a convenience. Finalised on
// destruction, never unloaded (vendor libraries do not survive dlclose). Thread-safe
// after construction, because it is initialised with CKF_OS_LOCKING_OK.
class Module {
 public:
  // `init_args` is C_Initialize's pReserved string; empty for nearly every library.
  // With NSS softokn, FIPS among its `flags=` chooses the token of the FIPS mode.
  // Throws Error(kUnavailable) when the file is missing or no PKCS#11 library.
  explicit Module(const std::string& path, const std::string& init_args = "");
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const CK_FUNCTION_LIST& p11() const { return *p11_; }
  // Of a library that speaks PKCS#11 3.0 too; else null.
  const v3::CK_FUNCTION_LIST_3_0* p11_v3() const { return p11_v3_; }
  // "SoftHSM 2.6", as C_GetInfo says.
  const std::string& library() const { return library_; }

 private:
  CK_FUNCTION_LIST* p11_ = nullptr;
  const v3::CK_FUNCTION_LIST_3_0* p11_v3_ = nullptr;
  std::string library_;
};

// Whether the token names that mechanism with all of these CKF_ flags. A promise, no proof.
// Throws Error for anything but a mechanism that is not there.
bool HasMechanism(const CK_FUNCTION_LIST& p11, CK_SLOT_ID slot, CK_MECHANISM_TYPE mechanism,
                  CK_FLAGS flags);

// A field of CK_INFO or CK_TOKEN_INFO: blank-padded, not terminated.
std::string FromPadded(const CK_UTF8CHAR* field, std::size_t size);

}  // namespace mortise::hsm
