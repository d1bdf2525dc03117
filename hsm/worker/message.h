// SPDX-License-Identifier: Apache-2.0
// What front and worker say to each other: one datagram a message, at most 8 KiB.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/secret_bytes.h"
#include "config/config.h"
#include "hsm/scheme/binding.h"
#include "hsm/scheme/scheme_facts.h"
#include "hsm/worker/wire.h"

namespace mortise::hsm {

inline constexpr std::size_t kMaxMessageSize = 8192;
inline constexpr std::size_t kMaxWantedObjects = 900;  // so that they fit into one message
// The channel's descriptor in the worker.
inline constexpr int kChannelFd = 3;

enum class MessageKind : std::uint8_t {
  // front → worker
  kHello = 1,     // Hello; answered by kReady or kFailed
  kWrapAndProve,  // KekReference, then the seed; answered by an envelope that opens to it
  kWrap,          // the same without the proof, which another token gives
  kUnwrap,        // KekReference, then an envelope; answered by the seed
  kOpenCanary,    // KekReference; its canary opens to what its proof says, or an error
  kMakeCanary,    // KekReference; answered by a new canary's envelope and proof
  kSelfTest,      // KekReference; the key's own self-test (DESIGN: wraps twice)
  kInventory,     // InventoryRequest; answered by an InventoryPage
  // worker → front, not asked for
  kReady,
  kLoginBegins,  // C_Login comes next, and no record of it could be written
  kFailed,       // it could not start; it ends
  kSessions,     // another session is open
  kSick,         // it must be replaced; what it holds may be sent again
  // worker → front
  kReply,
};

// Whether a C_Login may be tried of which no record can be written (see PinLatch): one at a
// time, and no more of them once one was spent without success.
enum class UnrecordedLogin : std::uint8_t { kAllowed, kRefused, kNotNow };

// Everything a worker must know to serve one token; the first message.
struct Hello {
  std::string build_id;
  std::string token_name;
  std::string module, uri, pin_file, user_type, init_args, state_dir;
  bool login = true;
  bool read_write_sessions = true;
  UnrecordedLogin unrecorded_login = UnrecordedLogin::kAllowed;
  std::uint16_t sessions = 1;
  config::IvMode iv_mode = config::IvMode::kAuto;

  std::string Encode() const;
  static Hello Decode(std::string_view body);
};

// What the token and its library say of themselves, once logged in.
struct Ready {
  std::string build_id;
  std::string label, manufacturer, model, serial, firmware, library;
  std::uint64_t max_sessions = 0;  // 0: the token names no limit

  std::string Encode() const;
  static Ready Decode(std::string_view body);
};

// Names a KEK to a worker: the object in the token, what is bound into its wraps, and
// the canary that tells a bad ciphertext from a bad token. Sent with each operation
// that uses it, so that a worker has no state a new one would lack.
struct KekReference {
  std::string label, cka_id;  // of the wrap key's object
  // Of the MAC or signer key's object; both empty where the scheme has none.
  std::string authenticator_label, authenticator_id;
  std::string keyring, context, key_id;  // bound into every wrap
  std::string canary;                    // an envelope of purpose 2; empty: none yet
  Digest canary_proof{};
  SchemeId scheme = SchemeId::kAesGcm;
  bool forbids_caller_iv = false;  // policy mode fips
  // key_id and canary are another generation's: the key must fail to open that.
  bool must_not_open = false;

  std::string Encode() const;
};

// The same as the worker reads it: views into the request.
struct KekView {
  std::string_view label, cka_id, authenticator_label, authenticator_id;
  std::string_view keyring, context, key_id, canary;
  Digest canary_proof{};
  SchemeId scheme = SchemeId::kAesGcm;
  bool forbids_caller_iv = false;
  bool must_not_open = false;

  static KekView Decode(WireReader& reader);
};

// The head of a request. `id` is never used again in the front's life; with the
// incarnation of the worker it is sent to, a reply can belong to one request only.
struct RequestHead {
  MessageKind kind = MessageKind::kUnwrap;
  Purpose purpose = Purpose::kSeed;
  std::uint16_t attempt = 0;
  std::uint32_t reserved = 0;
  std::uint64_t id = 0;
  std::uint64_t incarnation = 0;
  std::int64_t deadline_ns = 0;  // CLOCK_MONOTONIC, absolute
};

// The first 16 bytes of a request's SHA-256, which its reply repeats.
using RequestDigest = std::array<std::uint8_t, 16>;
RequestDigest DigestOf(std::string_view head, std::string_view kek, std::string_view input);

// The head of everything a worker says.
struct ReplyHead {
  MessageKind kind = MessageKind::kReply;
  std::uint8_t failed = 0;            // 0: the body is the result; 1: it is the error's message
  Reason reason = Reason::kInternal;  // when failed
  std::uint8_t reserved = 0;
  std::uint32_t sessions = 0;  // open in this worker now
  std::uint64_t id = 0;
  std::uint64_t incarnation = 0;
  std::uint64_t ckr = 0;
  std::uint64_t token_ns = 0;  // spent in Cryptoki calls
  RequestDigest digest{};
};

// One key object as a scan found it. Bits of the masks are those of KeyAttribute.
struct InventoryEntry {
  std::string label;
  std::string cka_id;
  ObjectKind kind = ObjectKind::kAes;
  std::uint32_t reported = 0;  // attributes the token reports
  std::uint32_t values = 0;    // their values
  std::uint32_t bits = 0;      // of the key, the modulus or the curve; 0: not reported
  // Of a private key, 32 bytes: SHA-256 of its SubjectPublicKeyInfo. Empty: of a secret key, or
  // the token gives no public half.
  std::string public_key_digest;
};
enum class KeyAttribute : std::uint8_t {
  kSensitive,
  kAlwaysSensitive,
  kExtractable,
  kNeverExtractable,
  kLocal,
  kPrivate,
  kModifiable,
  kEncrypt,
  kDecrypt,
  kWrap,
  kUnwrap,
  kSign,
  kVerify,
  kDerive,
};
inline constexpr std::size_t kKeyAttributeCount = 14;

// Names an object by its label or by its CKA_ID, as short as a request has room for.
using NameDigest = std::array<std::uint8_t, 8>;
NameDigest DigestOfLabel(std::string_view label);
NameDigest DigestOfCkaId(std::string_view cka_id);

struct InventoryRequest {
  std::uint16_t page = 0;  // 0 searches anew
  // Of page 0: objects that are to be found though their labels are not of our form.
  std::set<NameDigest> wanted = {};

  std::string Encode() const;
  static InventoryRequest Decode(std::string_view body);
};

struct InventoryPage {
  std::uint16_t page = 0, pages = 1;
  std::vector<InventoryEntry> entries;

  std::string Encode() const;
  static InventoryPage Decode(std::string_view body);
};

// A struct as the bytes it is; both ends are one build.
template <typename Head>
std::string_view HeadBytes(const Head& head) {
  return {reinterpret_cast<const char*>(&head), sizeof(head)};
}

}  // namespace mortise::hsm
