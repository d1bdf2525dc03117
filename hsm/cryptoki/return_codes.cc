// SPDX-License-Identifier: Apache-2.0
#include "hsm/cryptoki/return_codes.h"

#include <p11-kit/p11-kit.h>

#include <algorithm>
#include <iterator>

#include "base/bytes.h"

namespace mortise::hsm {
namespace {

struct Row {
  CK_RV rv;
  std::string_view name;
  Reason reason;
};

// Sorted by value.
constexpr Row kTable[] = {
    {0x000, "CKR_OK", Reason::kInternal},
    {0x001, "CKR_CANCEL", Reason::kSessionLost},
    {0x002, "CKR_HOST_MEMORY", Reason::kBusy},
    {0x003, "CKR_SLOT_ID_INVALID", Reason::kUnavailable},
    {0x005, "CKR_GENERAL_ERROR", Reason::kInternal},
    {0x006, "CKR_FUNCTION_FAILED", Reason::kInternal},
    {0x007, "CKR_ARGUMENTS_BAD", Reason::kInternal},
    {0x008, "CKR_NO_EVENT", Reason::kInternal},
    {0x009, "CKR_NEED_TO_CREATE_THREADS", Reason::kInternal},
    {0x00a, "CKR_CANT_LOCK", Reason::kInternal},
    {0x010, "CKR_ATTRIBUTE_READ_ONLY", Reason::kKeyRefused},
    {0x011, "CKR_ATTRIBUTE_SENSITIVE", Reason::kKeyRefused},
    {0x012, "CKR_ATTRIBUTE_TYPE_INVALID", Reason::kKeyRefused},
    {0x013, "CKR_ATTRIBUTE_VALUE_INVALID", Reason::kKeyRefused},
    {0x01b, "CKR_ACTION_PROHIBITED", Reason::kKeyRefused},
    {0x020, "CKR_DATA_INVALID", Reason::kCiphertextRefused},
    {0x021, "CKR_DATA_LEN_RANGE", Reason::kCiphertextRefused},
    {0x030, "CKR_DEVICE_ERROR", Reason::kUnavailable},
    {0x031, "CKR_DEVICE_MEMORY", Reason::kBusy},
    {0x032, "CKR_DEVICE_REMOVED", Reason::kUnavailable},
    {0x040, "CKR_ENCRYPTED_DATA_INVALID", Reason::kCiphertextRefused},
    {0x041, "CKR_ENCRYPTED_DATA_LEN_RANGE", Reason::kCiphertextRefused},
    {0x042, "CKR_AEAD_DECRYPT_FAILED", Reason::kCiphertextRefused},
    {0x050, "CKR_FUNCTION_CANCELED", Reason::kSessionLost},
    {0x051, "CKR_FUNCTION_NOT_PARALLEL", Reason::kInternal},
    {0x054, "CKR_FUNCTION_NOT_SUPPORTED", Reason::kKeyRefused},
    {0x060, "CKR_KEY_HANDLE_INVALID", Reason::kSessionLost},
    {0x062, "CKR_KEY_SIZE_RANGE", Reason::kKeyRefused},
    {0x063, "CKR_KEY_TYPE_INCONSISTENT", Reason::kKeyRefused},
    {0x064, "CKR_KEY_NOT_NEEDED", Reason::kInternal},
    {0x068, "CKR_KEY_FUNCTION_NOT_PERMITTED", Reason::kKeyRefused},
    {0x069, "CKR_KEY_NOT_WRAPPABLE", Reason::kKeyRefused},
    {0x06a, "CKR_KEY_UNEXTRACTABLE", Reason::kKeyRefused},
    {0x070, "CKR_MECHANISM_INVALID", Reason::kKeyRefused},
    {0x071, "CKR_MECHANISM_PARAM_INVALID", Reason::kKeyRefused},
    {0x082, "CKR_OBJECT_HANDLE_INVALID", Reason::kSessionLost},
    {0x090, "CKR_OPERATION_ACTIVE", Reason::kSessionLost},
    {0x091, "CKR_OPERATION_NOT_INITIALIZED", Reason::kSessionLost},
    {0x0a0, "CKR_PIN_INCORRECT", Reason::kPinRejected},
    {0x0a1, "CKR_PIN_INVALID", Reason::kPinRejected},
    {0x0a2, "CKR_PIN_LEN_RANGE", Reason::kPinRejected},
    {0x0a3, "CKR_PIN_EXPIRED", Reason::kPinRejected},
    {0x0a4, "CKR_PIN_LOCKED", Reason::kPinRejected},
    {0x0b0, "CKR_SESSION_CLOSED", Reason::kSessionLost},
    {0x0b1, "CKR_SESSION_COUNT", Reason::kBusy},
    {0x0b3, "CKR_SESSION_HANDLE_INVALID", Reason::kSessionLost},
    {0x0b4, "CKR_SESSION_PARALLEL_NOT_SUPPORTED", Reason::kInternal},
    {0x0b5, "CKR_SESSION_READ_ONLY", Reason::kKeyRefused},
    {0x0b6, "CKR_SESSION_EXISTS", Reason::kInternal},
    {0x0b7, "CKR_SESSION_READ_ONLY_EXISTS", Reason::kInternal},
    {0x0b8, "CKR_SESSION_READ_WRITE_SO_EXISTS", Reason::kInternal},
    {0x0c0, "CKR_SIGNATURE_INVALID", Reason::kCiphertextRefused},
    {0x0c1, "CKR_SIGNATURE_LEN_RANGE", Reason::kCiphertextRefused},
    {0x0d0, "CKR_TEMPLATE_INCOMPLETE", Reason::kKeyRefused},
    {0x0d1, "CKR_TEMPLATE_INCONSISTENT", Reason::kKeyRefused},
    {0x0e0, "CKR_TOKEN_NOT_PRESENT", Reason::kUnavailable},
    {0x0e1, "CKR_TOKEN_NOT_RECOGNIZED", Reason::kUnavailable},
    {0x0e2, "CKR_TOKEN_WRITE_PROTECTED", Reason::kKeyRefused},
    {0x100, "CKR_USER_ALREADY_LOGGED_IN", Reason::kInternal},
    {0x101, "CKR_USER_NOT_LOGGED_IN", Reason::kSessionLost},
    {0x102, "CKR_USER_PIN_NOT_INITIALIZED", Reason::kPinRejected},
    {0x103, "CKR_USER_TYPE_INVALID", Reason::kConfig},
    {0x104, "CKR_USER_ANOTHER_ALREADY_LOGGED_IN", Reason::kConfig},
    {0x105, "CKR_USER_TOO_MANY_TYPES", Reason::kConfig},
    {0x120, "CKR_RANDOM_SEED_NOT_SUPPORTED", Reason::kKeyRefused},
    {0x121, "CKR_RANDOM_NO_RNG", Reason::kKeyRefused},
    {0x130, "CKR_DOMAIN_PARAMS_INVALID", Reason::kKeyRefused},
    {0x150, "CKR_BUFFER_TOO_SMALL", Reason::kInternal},
    {0x190, "CKR_CRYPTOKI_NOT_INITIALIZED", Reason::kUnavailable},
    {0x191, "CKR_CRYPTOKI_ALREADY_INITIALIZED", Reason::kUnavailable},
    {0x1a0, "CKR_MUTEX_BAD", Reason::kInternal},
    {0x1a1, "CKR_MUTEX_NOT_LOCKED", Reason::kInternal},
    {0x1b6, "CKR_FIPS_SELF_TEST_FAILED", Reason::kUnavailable},
    {0x200, "CKR_FUNCTION_REJECTED", Reason::kKeyRefused},
    {0x201, "CKR_TOKEN_RESOURCE_EXCEEDED", Reason::kBusy},
    {0x202, "CKR_OPERATION_CANCEL_FAILED", Reason::kSessionLost},
    {0x203, "CKR_KEY_EXHAUSTED", Reason::kKeyRefused},
    {0x204, "CKR_PENDING", Reason::kInternal},
    {0x207, "CKR_OPERATION_NOT_VALIDATED", Reason::kKeyRefused},
    {0x208, "CKR_TOKEN_NOT_INITIALIZED", Reason::kUnavailable},
};

const Row* Find(CK_RV rv) {
  const auto row = std::lower_bound(std::begin(kTable), std::end(kTable), rv,
                                    [](const Row& r, CK_RV value) { return r.rv < value; });
  return row != std::end(kTable) && row->rv == rv ? &*row : nullptr;
}

}  // namespace

Reason Classify(CK_RV rv) {
  if (const Row* row = Find(rv)) return row->reason;
  // A vendor's own code tells of its device, as far as was seen.
  return rv >= CKR_VENDOR_DEFINED ? Reason::kUnavailable : Reason::kInternal;
}

bool IsAmbiguous(CK_RV rv) {
  return rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_ARGUMENTS_BAD;
}

bool MayBeRefusal(CK_RV rv) {
  return IsAmbiguous(rv) || Classify(rv) == Reason::kCiphertextRefused ||
         rv == CKR_MECHANISM_PARAM_INVALID || rv == CKR_KEY_TYPE_INCONSISTENT;
}

std::string CkrName(CK_RV rv) {
  if (const Row* row = Find(rv)) return std::string(row->name);
  char text[32];
  std::snprintf(text, sizeof(text), "CKR_0x%lx", rv);
  return text;
}

Error MakeError(CK_RV rv, std::string_view function) {
  const char* text = p11_kit_strerror(rv);
  return Error(
      Classify(rv),
      std::string(function) + ": " + (text ? text : "unknown code") + " (" + CkrName(rv) + ")", rv);
}

}  // namespace mortise::hsm
