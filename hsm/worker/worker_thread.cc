// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/worker_thread.h"

#include <unistd.h>

#include <array>

#include "hsm/cryptoki/return_codes.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;

bool IsUnwrap(MessageKind kind) {
  return kind == MessageKind::kUnwrap || kind == MessageKind::kOpenCanary;
}

// The login or the handles are gone for every session of this process.
bool EndsTheWorker(std::uint64_t ckr) {
  return ckr == CKR_USER_NOT_LOGGED_IN || ckr == CKR_KEY_HANDLE_INVALID ||
         ckr == CKR_OBJECT_HANDLE_INVALID;
}

Clock::rep Now() {
  return Clock::now().time_since_epoch().count();
}
constexpr Clock::rep kSecond = Clock::duration(1s).count();

Error Refused(const Error& error) {
  return Error(Reason::kCiphertextRefused, error.what(), error.ckr());
}

}  // namespace

void WorkerThread::Loop() {
  std::array<char, kMaxMessageSize> buffer;
  try {
    for (;;) {
      const std::string_view datagram = process_.channel_.Receive(buffer);
      if (datagram.empty()) break;
      Handle(datagram);
      Wipe(buffer.data(), datagram.size());
    }
  } catch (const std::exception& error) {
    ReportSick(Reason::kInternal, error.what());
  }
  // Another thread may be inside the vendor's library, where C_Finalize is undefined.
  _exit(0);
}

void WorkerThread::Handle(std::string_view datagram) {
  WireReader reader(datagram);
  const auto head = reader.Get<RequestHead>();
  const std::string_view body = reader.Rest();
  ReplyHead reply{
      .sessions = process_.sessions_.load(), .id = head.id, .incarnation = head.incarnation};
  reply.digest = DigestOf(datagram.substr(0, sizeof(head)), body, {});
  std::string result;
  const Clock::time_point begin = Clock::now();
  try {
    result = Execute(head, body);
    lost_sessions_in_a_row_ = 0;
  } catch (const Error& error) {
    const Error verdict = Judge(error, head, body);
    reply.failed = 1;
    reply.reason = verdict.reason();
    reply.ckr = verdict.ckr();
    result = verdict.what();
  }
  reply.token_ns = static_cast<std::uint64_t>((Clock::now() - begin).count());
  process_.channel_.Send(HeadBytes(reply), result);
  Wipe(result);
}

std::string WorkerThread::Execute(const RequestHead& head, std::string_view body) {
  if (head.incarnation != process_.incarnation_) {
    throw Error(Reason::kInternal, "a request for another worker arrived here");
  }
  if (Now() >= head.deadline_ns)
    throw Error(Reason::kDeadline, "its deadline passed before it was begun");
  if (head.kind == MessageKind::kInventory) return Inventory(body);
  WireReader reader(body);
  const KekView kek = KekView::Decode(reader);
  const std::shared_ptr<HeldKey> key = process_.FindKey(keeper_.session(), kek);
  return Operate(head, *key, kek, reader.Rest());
}

std::string WorkerThread::Operate(const RequestHead& head, HeldKey& key, const KekView& kek,
                                  std::string_view input) {
  KekOperations& operations = process_.operations_;
  const Session& session = keeper_.session();
  switch (head.kind) {
    case MessageKind::kWrap:
      return operations.Wrap(session, key, kek, head.purpose, AsBytes(input));
    case MessageKind::kWrapAndProve:
      return operations.WrapAndProve(session, key, kek, head.purpose, AsBytes(input));
    case MessageKind::kUnwrap: {
      const SecretBytes seed = operations.Unwrap(session, key, kek, head.purpose, AsBytes(input));
      return std::string(AsText(seed.view()));
    }
    case MessageKind::kOpenCanary:
      operations.OpenCanary(session, key, kek);
      return {};
    case MessageKind::kMakeCanary:
      return operations.MakeCanary(session, key, kek);
    case MessageKind::kSelfTest:
      operations.SelfTest(keeper_, key, kek);
      return {};
    default:
      throw Error(Reason::kInternal, "the front sent a message of an unknown kind");
  }
}

std::string WorkerThread::Inventory(std::string_view body) {
  const auto number = WireReader(body).Get<std::uint16_t>();
  const std::shared_ptr<const KeyTable> keys =
      number == 0 ? process_.Rescan(keeper_.session()) : process_.keys();
  return keys->Page(number).Encode();
}

Error WorkerThread::Judge(const Error& error, const RequestHead& head, std::string_view body) {
  if (error.ckr() == CKR_OK) return error;  // no Cryptoki call failed: the session is sound
  try {
    keeper_.Renew();
  } catch (const Error& no_session) {
    ReportSick(no_session.reason(), no_session.what());
    return Error(Reason::kSessionLost, no_session.what(), no_session.ckr());
  }
  if (error.ckr() == CKR_GENERAL_ERROR || error.ckr() == CKR_FUNCTION_FAILED ||
      error.ckr() == CKR_ARGUMENTS_BAD) {
    return JudgeAmbiguous(error, head, body);
  }
  if (IsUnwrap(head.kind) &&
      (error.ckr() == CKR_MECHANISM_PARAM_INVALID || error.ckr() == CKR_KEY_TYPE_INCONSISTENT)) {
    return Refused(error);
  }
  const bool lost = error.reason() == Reason::kSessionLost;
  lost_sessions_in_a_row_ = lost ? lost_sessions_in_a_row_ + 1 : 0;
  if (EndsTheWorker(error.ckr()) || lost_sessions_in_a_row_ >= 2 ||
      error.reason() == Reason::kUnavailable) {
    ReportSick(error.reason(), error.what());
  }
  return error;
}

Error WorkerThread::JudgeAmbiguous(const Error& error, const RequestHead& head,
                                   std::string_view body) {
  if (head.kind == MessageKind::kInventory) {
    ReportSick(Reason::kUnavailable, error.what());
    return Error(Reason::kUnavailable, error.what(), error.ckr());
  }
  WireReader reader(body);
  const KekView kek = KekView::Decode(reader);
  if (head.kind == MessageKind::kOpenCanary) return JudgeCanary(error);
  if (KekWorks(kek)) return IsUnwrap(head.kind) ? Refused(error) : error;
  ReportSick(Reason::kUnavailable,
             std::string(error.what()) + ", and the canary does not open either");
  return Error(Reason::kUnavailable, error.what(), error.ckr());
}

// A canary has no canary. A throw-away key tells whether the token works at all: then the
// key is other material, else the token is at fault.
Error WorkerThread::JudgeCanary(const Error& error) {
  try {
    process_.operations_.ProveToken(keeper_.session());
    return Refused(error);
  } catch (const Error& failure) {
    keeper_.Renew();
    // Without such keys nothing is known; a token is then not called foreign for it.
    if (failure.reason() == Reason::kKeyRefused) {
      return Error(Reason::kUnavailable, error.what(), error.ckr());
    }
    ReportSick(Reason::kUnavailable,
               std::string(error.what()) + ", and a throw-away key does not work either");
    return Error(Reason::kUnavailable, error.what(), error.ckr());
  }
}

bool WorkerThread::KekWorks(const KekView& kek) {
  const std::shared_ptr<HeldKey> key = process_.keys()->Find(kek.label, kek.cka_id);
  if (!key) return false;
  const Clock::rep now = Now();
  if (now - key->last_proof.load() < kSecond) return true;
  // Nothing to judge by yet: an unproved key, whose ciphertexts prove themselves or not.
  if (kek.canary.empty()) return true;
  Clock::rep tried = key->last_canary.load();
  if (now - tried < kSecond || !key->last_canary.compare_exchange_strong(tried, now)) {
    return key->canary_opened.load();
  }
  try {
    process_.operations_.OpenCanary(keeper_.session(), *key, kek);
    key->canary_opened = true;
  } catch (const Error&) {
    key->canary_opened = false;
    keeper_.Renew();
  }
  return key->canary_opened;
}

void WorkerThread::ReportSick(Reason reason, const std::string& why) {
  const ReplyHead head{
      .kind = MessageKind::kSick, .reason = reason, .incarnation = process_.incarnation_};
  process_.channel_.Send(HeadBytes(head), why);
}

}  // namespace mortise::hsm
