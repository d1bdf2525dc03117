// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/public_half_search.h"

#include <array>
#include <vector>

#include "hsm/cryptoki/attributes.h"
#include "hsm/cryptoki/return_codes.h"
#include "hsm/scheme/public_half.h"

namespace mortise::hsm {
namespace {

// Of that CKA_ID; a few, since somebody may have made a heap of them.
std::vector<CK_OBJECT_HANDLE> FindPublicObjects(const Session& session, Bytes id) {
  CK_OBJECT_CLASS public_key = CKO_PUBLIC_KEY;
  std::array<CK_ATTRIBUTE, 2> wanted = {
      {{CKA_CLASS, &public_key, sizeof(public_key)}, {CKA_ID, id.data(), id.size()}}};
  std::array<CK_OBJECT_HANDLE, 64> some;
  CK_ULONG count = 0;
  const CK_FUNCTION_LIST& p11 = session.p11();
  Check(p11.C_FindObjectsInit(session.handle(), wanted.data(), wanted.size()), "C_FindObjectsInit");
  const CK_RV found = p11.C_FindObjects(session.handle(), some.data(), some.size(), &count);
  p11.C_FindObjectsFinal(session.handle());
  Check(found, "C_FindObjects");
  return {some.begin(), some.begin() + static_cast<std::ptrdiff_t>(count)};
}

// A key that does not sign must not spoil the search for others; a token that is gone must.
bool SignsNow(const Session& session, CK_OBJECT_HANDLE key, const PublicKey& half) {
  try {
    return SignsFor(session, key, half);
  } catch (const Error& error) {
    if (error.reason() != Reason::kKeyRefused) throw;
    return false;
  }
}

}  // namespace

std::optional<PublicKey> FindPublicHalf(const Session& session, CK_OBJECT_HANDLE key,
                                        ObjectKind kind) {
  if (kind == ObjectKind::kAes || kind == ObjectKind::kMacSecret) return std::nullopt;
  std::optional<PublicKey> own = ReadPublicHalf(session, key);
  if (own || kind == ObjectKind::kRsaPrivate) return own;
  for (const CK_OBJECT_HANDLE object :
       FindPublicObjects(session, ReadBytes(session, key, CKA_ID).value_or(Bytes()))) {
    std::optional<PublicKey> claimed = ReadPublicHalf(session, object);
    if (claimed && SignsNow(session, key, *claimed)) return claimed;
  }
  return std::nullopt;
}

}  // namespace mortise::hsm
