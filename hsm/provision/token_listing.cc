// SPDX-License-Identifier: Apache-2.0
#include "hsm/provision/token_listing.h"

#include <algorithm>

#include "hsm/cryptoki/session.h"
#include "hsm/provision/library.h"

namespace mortise::hsm {
namespace {

std::string Text(const char* text) {
  return text == nullptr ? std::string() : Printable(text);
}

std::vector<SlotDescription> SlotsOfLibp11(const Library& library) {
  std::vector<SlotDescription> slots;
  for (PKCS11_SLOT& from : library.slots()) {
    SlotDescription& slot = slots.emplace_back();
    slot.id = PKCS11_get_slotid_from_slot(&from);
    slot.description = Text(from.description);
    if (from.token == nullptr) continue;
    slot.token = {.label = Text(from.token->label),
                  .manufacturer = Text(from.token->manufacturer),
                  .model = Text(from.token->model),
                  .serial = Text(from.token->serialnr),
                  .firmware = {},
                  .flags = from.token->initialized ? CKF_TOKEN_INITIALIZED : 0,
                  .open_sessions = {}};
  }
  return slots;
}

// Cryptoki's is what a worker would see; of a slot that is broken for it, what libp11 was told.
void Complete(std::vector<SlotDescription>& slots, const std::vector<SlotDescription>& of_libp11) {
  for (SlotDescription& slot : slots) {
    const auto known = std::ranges::find(of_libp11, slot.id, &SlotDescription::id);
    if (!slot.problem || known == of_libp11.end()) continue;
    slot.description = known->description;
    slot.token = known->token;
  }
}

}  // namespace

TokenListing ListTokens(const std::string& module, const std::string& init_args) {
  TokenListing listing;
  std::vector<SlotDescription> of_libp11;
  try {
    of_libp11 = SlotsOfLibp11(Library(module, init_args));
  } catch (const Error& error) {
    // The path is wrong or writable by others: nothing of it is loaded a second time.
    if (error.reason() == Reason::kConfig || error.reason() == Reason::kPermission) throw;
    listing.without_libp11 = error.what();
  }
  const Module cryptoki(module, init_args);
  listing.library = cryptoki.library();
  listing.slots = DescribeSlots(cryptoki);
  Complete(listing.slots, of_libp11);
  return listing;
}

TokenDescription DescribeOpenable(const Module& module, CK_SLOT_ID slot) {
  const Session session(module, slot, true);
  return DescribeToken(module, slot);
}

}  // namespace mortise::hsm
