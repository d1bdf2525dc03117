// SPDX-License-Identifier: Apache-2.0
#include "hsm/cryptoki/slot.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <p11-kit/uri.h>

#include <array>
#include <memory>
#include <utility>

#include "hsm/cryptoki/return_codes.h"

namespace mortise::hsm {
namespace {

// CK_UNAVAILABLE_INFORMATION is ~0, and openCryptoki answers ~1.
constexpr CK_ULONG kBelievableSessions = 1 << 20;

using Uri = std::unique_ptr<P11KitUri, decltype(&p11_kit_uri_free)>;

Uri ParseUri(const std::string& text) {
  Uri uri(p11_kit_uri_new(), p11_kit_uri_free);
  if (p11_kit_uri_parse(text.c_str(), P11_KIT_URI_FOR_ANY, uri.get()) != P11_KIT_URI_OK) {
    throw Error(Reason::kConfig, text + " is not a PKCS#11 URI (RFC 7512)");
  }
  return uri;
}

std::vector<CK_SLOT_ID> Slots(const CK_FUNCTION_LIST& p11, CK_BBOOL with_token) {
  CK_ULONG count = 0;
  Check(p11.C_GetSlotList(with_token, nullptr, &count), "C_GetSlotList");
  std::vector<CK_SLOT_ID> slots(count + 8);  // room for one that appears in between
  count = slots.size();
  Check(p11.C_GetSlotList(with_token, slots.data(), &count), "C_GetSlotList");
  slots.resize(count);
  return slots;
}

// The attributes of the library and of the slot, which narrow the choice of a token.
bool MatchesPlace(const CK_FUNCTION_LIST& p11, P11KitUri* uri, CK_SLOT_ID slot) {
  CK_INFO library{};
  CK_SLOT_INFO info{};
  Check(p11.C_GetInfo(&library), "C_GetInfo");
  if (p11.C_GetSlotInfo(slot, &info) != CKR_OK) return false;
  const CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(uri);
  return (wanted == static_cast<CK_SLOT_ID>(-1) || wanted == slot) &&
         p11_kit_uri_match_slot_info(uri, &info) != 0 &&
         p11_kit_uri_match_module_info(uri, &library) != 0;
}

}  // namespace

TokenDescription DescribeToken(const Module& module, CK_SLOT_ID slot) {
  CK_TOKEN_INFO info{};
  Check(module.p11().C_GetTokenInfo(slot, &info), "C_GetTokenInfo");
  return {
      .label = FromPadded(info.label, sizeof(info.label)),
      .manufacturer = FromPadded(info.manufacturerID, sizeof(info.manufacturerID)),
      .model = FromPadded(info.model, sizeof(info.model)),
      .serial = FromPadded(info.serialNumber, sizeof(info.serialNumber)),
      .firmware = fmt::format("{}.{}", info.firmwareVersion.major, info.firmwareVersion.minor),
      .flags = info.flags,
      .max_sessions = info.ulMaxSessionCount > kBelievableSessions ? 0 : info.ulMaxSessionCount,
      .open_sessions = info.ulSessionCount > kBelievableSessions
                           ? std::nullopt
                           : std::optional(info.ulSessionCount),
      .min_pin_size = info.ulMinPinLen,
      .max_pin_size = info.ulMaxPinLen == CK_UNAVAILABLE_INFORMATION ? 0 : info.ulMaxPinLen,
  };
}

std::vector<SlotDescription> DescribeSlots(const Module& module) {
  std::vector<SlotDescription> slots;
  for (const CK_SLOT_ID id : Slots(module.p11(), CK_FALSE)) {
    SlotDescription& slot = slots.emplace_back();
    slot.id = id;
    try {
      CK_SLOT_INFO info{};
      Check(module.p11().C_GetSlotInfo(id, &info), "C_GetSlotInfo");
      slot.description = FromPadded(info.slotDescription, sizeof(info.slotDescription));
      if ((info.flags & CKF_TOKEN_PRESENT) != 0) slot.token = DescribeToken(module, id);
    } catch (const Error& error) {
      slot.problem = error;
    }
  }
  return slots;
}

std::vector<std::string> TokenFlagNames(CK_FLAGS flags) {
  static constexpr std::array<std::pair<CK_FLAGS, const char*>, 19> kNames{{
      {CKF_RNG, "RNG"},
      {CKF_WRITE_PROTECTED, "WRITE_PROTECTED"},
      {CKF_LOGIN_REQUIRED, "LOGIN_REQUIRED"},
      {CKF_USER_PIN_INITIALIZED, "USER_PIN_INITIALIZED"},
      {CKF_RESTORE_KEY_NOT_NEEDED, "RESTORE_KEY_NOT_NEEDED"},
      {CKF_CLOCK_ON_TOKEN, "CLOCK_ON_TOKEN"},
      {CKF_PROTECTED_AUTHENTICATION_PATH, "PROTECTED_AUTHENTICATION_PATH"},
      {CKF_DUAL_CRYPTO_OPERATIONS, "DUAL_CRYPTO_OPERATIONS"},
      {CKF_TOKEN_INITIALIZED, "TOKEN_INITIALIZED"},
      {CKF_SECONDARY_AUTHENTICATION, "SECONDARY_AUTHENTICATION"},
      {CKF_USER_PIN_COUNT_LOW, "USER_PIN_COUNT_LOW"},
      {CKF_USER_PIN_FINAL_TRY, "USER_PIN_FINAL_TRY"},
      {CKF_USER_PIN_LOCKED, "USER_PIN_LOCKED"},
      {CKF_USER_PIN_TO_BE_CHANGED, "USER_PIN_TO_BE_CHANGED"},
      {CKF_SO_PIN_COUNT_LOW, "SO_PIN_COUNT_LOW"},
      {CKF_SO_PIN_FINAL_TRY, "SO_PIN_FINAL_TRY"},
      {CKF_SO_PIN_LOCKED, "SO_PIN_LOCKED"},
      {CKF_SO_PIN_TO_BE_CHANGED, "SO_PIN_TO_BE_CHANGED"},
      {0x01000000, "ERROR_STATE"},
  }};
  std::vector<std::string> names;
  for (const auto& [flag, name] : kNames) {
    if ((flags & flag) != 0) names.emplace_back(name);
    flags &= ~flag;
  }
  if (flags != 0) names.push_back(fmt::format("{:#x}", flags));
  return names;
}

CK_SLOT_ID FindToken(const Module& module, const std::string& uri_text) {
  const Uri uri = ParseUri(uri_text);
  std::vector<CK_SLOT_ID> matching;
  std::vector<std::string> seen;
  for (const CK_SLOT_ID slot : Slots(module.p11(), CK_TRUE)) {
    CK_TOKEN_INFO info{};
    // One broken slot must not hide the others.
    if (module.p11().C_GetTokenInfo(slot, &info) != CKR_OK) continue;
    if ((info.flags & CKF_TOKEN_INITIALIZED) == 0) continue;
    seen.push_back(fmt::format("token={} serial={}", FromPadded(info.label, sizeof(info.label)),
                               FromPadded(info.serialNumber, sizeof(info.serialNumber))));
    if (p11_kit_uri_match_token_info(uri.get(), &info) == 0) continue;
    if (MatchesPlace(module.p11(), uri.get(), slot)) matching.push_back(slot);
  }
  if (matching.size() == 1) return matching.front();
  const std::string listed = seen.empty()
                                 ? "the module shows no initialised token"
                                 : fmt::format("the module shows: {}", fmt::join(seen, "; "));
  if (matching.empty()) {
    throw Error(Reason::kUnavailable, fmt::format("no token matches {}; {}", uri_text, listed));
  }
  throw Error(Reason::kUnavailable,
              fmt::format("{} tokens match {}; add serial= to tokens[].uri so that one does; {}",
                          matching.size(), uri_text, listed));
}

}  // namespace mortise::hsm
