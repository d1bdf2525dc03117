// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <p11-kit/pkcs11.h>

#include <string>

namespace mortise::bench {

struct TokenPlace {
  std::string module;  // path of the PKCS#11 library
  std::string token;   // its label
  std::string pin_file;
  std::string key;  // how the key's label begins
};

// A token opened without any of the product's code: what the HSM itself can do.
// Throws std::runtime_error.
class RawKey {
 public:
  explicit RawKey(const TokenPlace& place);
  ~RawKey();
  RawKey(const RawKey&) = delete;
  RawKey& operator=(const RawKey&) = delete;

  const CK_FUNCTION_LIST& p11() const { return *p11_; }
  CK_OBJECT_HANDLE key() const { return key_; }
  CK_SESSION_HANDLE OpenSession() const;

 private:
  CK_SLOT_ID FindSlot(const std::string& token) const;
  CK_OBJECT_HANDLE FindKey(const std::string& prefix) const;

  const CK_FUNCTION_LIST* p11_ = nullptr;
  CK_SLOT_ID slot_ = 0;
  CK_SESSION_HANDLE login_ = 0;  // holds the login while the others come and go
  CK_OBJECT_HANDLE key_ = 0;
};

void Require(CK_RV rv, const char* function);

}  // namespace mortise::bench
