// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/message.h"

#include <algorithm>

namespace mortise::hsm {
namespace {

NameDigest DigestOfName(std::string_view what, std::string_view name) {
  const Digest digest = Sha256().AddLp(what).AddLp(name).Finish();
  NameDigest first;
  std::copy_n(digest.begin(), first.size(), first.begin());
  return first;
}

}  // namespace

std::string Hello::Encode() const {
  std::string out;
  WireWriter writer(out);
  for (const std::string* field :
       {&build_id, &token_name, &module, &uri, &pin_file, &user_type, &init_args, &state_dir}) {
    writer.PutBytes(*field);
  }
  writer.Put(static_cast<std::uint8_t>(login));
  writer.Put(static_cast<std::uint8_t>(read_write_sessions));
  writer.Put(unrecorded_login);
  writer.Put(sessions);
  writer.Put(iv_mode);
  return out;
}

Hello Hello::Decode(std::string_view body) {
  WireReader reader(body);
  Hello hello;
  for (std::string* field :
       {&hello.build_id, &hello.token_name, &hello.module, &hello.uri, &hello.pin_file,
        &hello.user_type, &hello.init_args, &hello.state_dir}) {
    *field = reader.GetBytes();
  }
  hello.login = reader.Get<std::uint8_t>() != 0;
  hello.read_write_sessions = reader.Get<std::uint8_t>() != 0;
  hello.unrecorded_login = reader.Get<UnrecordedLogin>();
  hello.sessions = reader.Get<std::uint16_t>();
  hello.iv_mode = reader.Get<config::IvMode>();
  return hello;
}

std::string Ready::Encode() const {
  std::string out;
  WireWriter writer(out);
  for (const std::string* field :
       {&build_id, &label, &manufacturer, &model, &serial, &firmware, &library}) {
    writer.PutBytes(*field);
  }
  writer.Put(max_sessions);
  return out;
}

Ready Ready::Decode(std::string_view body) {
  WireReader reader(body);
  Ready ready;
  for (std::string* field : {&ready.build_id, &ready.label, &ready.manufacturer, &ready.model,
                             &ready.serial, &ready.firmware, &ready.library}) {
    *field = reader.GetBytes();
  }
  ready.max_sessions = reader.Get<std::uint64_t>();
  return ready;
}

std::string KekReference::Encode() const {
  std::string out;
  WireWriter writer(out);
  for (const std::string* field : {&label, &cka_id, &authenticator_label, &authenticator_id,
                                   &keyring, &context, &key_id, &canary}) {
    writer.PutBytes(*field);
  }
  writer.Put(canary_proof);
  writer.Put(scheme);
  writer.Put(static_cast<std::uint8_t>(forbids_caller_iv));
  writer.Put(static_cast<std::uint8_t>(must_not_open));
  return out;
}

KekView KekView::Decode(WireReader& reader) {
  KekView kek;
  for (std::string_view* field :
       {&kek.label, &kek.cka_id, &kek.authenticator_label, &kek.authenticator_id, &kek.keyring,
        &kek.context, &kek.key_id, &kek.canary}) {
    *field = reader.GetBytes();
  }
  kek.canary_proof = reader.Get<Digest>();
  kek.scheme = reader.Get<SchemeId>();
  kek.forbids_caller_iv = reader.Get<std::uint8_t>() != 0;
  kek.must_not_open = reader.Get<std::uint8_t>() != 0;
  return kek;
}

RequestDigest DigestOf(std::string_view head, std::string_view kek, std::string_view input) {
  const Digest digest = Sha256().Add(head).Add(kek).Add(input).Finish();
  RequestDigest first;
  std::copy_n(digest.begin(), first.size(), first.begin());
  return first;
}

NameDigest DigestOfLabel(std::string_view label) {
  return DigestOfName("label", label);
}

NameDigest DigestOfCkaId(std::string_view cka_id) {
  return DigestOfName("id", cka_id);
}

std::string InventoryRequest::Encode() const {
  if (wanted.size() > kMaxWantedObjects) {
    throw Error(Reason::kConfig, "a token's keysFiles name more than " +
                                     std::to_string(kMaxWantedObjects) +
                                     " labels and ids; take destroyed generations out of them");
  }
  std::string out;
  WireWriter writer(out);
  writer.Put(page);
  for (const NameDigest& name : wanted) writer.Put(name);
  return out;
}

InventoryRequest InventoryRequest::Decode(std::string_view body) {
  WireReader reader(body);
  InventoryRequest request{.page = reader.Get<std::uint16_t>()};
  while (!reader.empty()) request.wanted.insert(reader.Get<NameDigest>());
  return request;
}

std::string InventoryPage::Encode() const {
  std::string out;
  WireWriter writer(out);
  writer.Put(page);
  writer.Put(pages);
  writer.Put(static_cast<std::uint16_t>(entries.size()));
  for (const InventoryEntry& entry : entries) {
    writer.PutBytes(entry.label);
    writer.PutBytes(entry.cka_id);
    writer.Put(entry.reported);
    writer.Put(entry.values);
    writer.Put(entry.kind);
    writer.Put(entry.bits);
    writer.PutBytes(entry.public_key_digest);
  }
  return out;
}

InventoryPage InventoryPage::Decode(std::string_view body) {
  WireReader reader(body);
  InventoryPage page;
  page.page = reader.Get<std::uint16_t>();
  page.pages = reader.Get<std::uint16_t>();
  page.entries.resize(reader.Get<std::uint16_t>());
  for (InventoryEntry& entry : page.entries) {
    entry.label = reader.GetBytes();
    entry.cka_id = reader.GetBytes();
    entry.reported = reader.Get<std::uint32_t>();
    entry.values = reader.Get<std::uint32_t>();
    entry.kind = reader.Get<ObjectKind>();
    entry.bits = reader.Get<std::uint32_t>();
    entry.public_key_digest = reader.GetBytes();
  }
  return page;
}

}  // namespace mortise::hsm
