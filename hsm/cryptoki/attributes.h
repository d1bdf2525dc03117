// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hsm/cryptoki/session.h"

namespace mortise::hsm {

// One attribute per call: with several, one that the token does not know spoils the
// answer for the rest. Nothing: the token does not report it.
std::optional<Bytes> ReadBytes(const Session& session, CK_OBJECT_HANDLE object,
                               CK_ATTRIBUTE_TYPE type);
std::optional<bool> ReadBool(const Session& session, CK_OBJECT_HANDLE object,
                             CK_ATTRIBUTE_TYPE type);
std::optional<CK_ULONG> ReadUlong(const Session& session, CK_OBJECT_HANDLE object,
                                  CK_ATTRIBUTE_TYPE type);

// All objects of the token with that class and key type that are private, so that
// what somebody planted without a login is not among them. Searching is linear in many
// tokens: done at start and at a rescan, never for a request.
std::vector<CK_OBJECT_HANDLE> FindPrivateKeys(const Session& session, CK_OBJECT_CLASS object_class,
                                              CK_KEY_TYPE key_type);
// The same with those that anyone sees without a login, and may have put there.
std::vector<CK_OBJECT_HANDLE> FindKeys(const Session& session, CK_OBJECT_CLASS object_class,
                                       CK_KEY_TYPE key_type);

}  // namespace mortise::hsm
