// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/worker_thread.h"

#include <unistd.h>

#include <array>

#include "hsm/cryptoki/return_codes.h"

namespace mortise::hsm {
namespace {

bool IsUnwrap(MessageKind kind) {
  return kind == MessageKind::kUnwrap || kind == MessageKind::kOpenCanary;
}

// The login or the handles are gone for every session of this process.
bool EndsTheWorker(std::uint64_t ckr) {
  return ckr == CKR_USER_NOT_LOGGED_IN || ckr == CKR_KEY_HANDLE_INVALID ||
         ckr == CKR_OBJECT_HANDLE_INVALID;
}

Error As(Reason reason, const Error& error) {
  return Error(reason, error.what(), error.ckr());
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
  Request request{.head = reader.Get<RequestHead>(), .body = reader.Rest()};
  ReplyHead reply{.sessions = process_.sessions_.load(),
                  .id = request.head.id,
                  .incarnation = request.head.incarnation};
  reply.digest = DigestOf(datagram, {}, {});
  const Clock::time_point begin = Clock::now();
  try {
    Execute(request);
    lost_sessions_in_a_row_ = 0;
  } catch (const Error& error) {
    const Error verdict = Judge(error, request);
    reply.failed = 1;
    reply.reason = verdict.reason();
    reply.ckr = verdict.ckr();
    result_ = verdict.what();
  }
  reply.token_ns = static_cast<std::uint64_t>((Clock::now() - begin).count());
  process_.channel_.Send(HeadBytes(reply), result_);
  Wipe(result_);
}

void WorkerThread::Execute(Request& request) {
  if (request.head.incarnation != process_.incarnation_) {
    throw Error(Reason::kInternal, "a request for another worker arrived here");
  }
  if (Clock::now().time_since_epoch().count() >= request.head.deadline_ns)
    throw Error(Reason::kDeadline, "its deadline passed before it was begun");
  if (request.head.kind == MessageKind::kInventory) return Inventory(request.body);
  WireReader reader(request.body);
  request.kek = KekView::Decode(reader);
  request.input = reader.Rest();
  request.keys = process_.FindKeys(keeper_, request.kek);
  Operate(request);
}

void WorkerThread::Operate(const Request& request) {
  KekOperations& operations = process_.operations_;
  const Session& session = keeper_.session();
  const Purpose purpose = request.head.purpose;
  const ByteView input = AsBytes(request.input);
  switch (request.head.kind) {
    case MessageKind::kWrap:
      result_ = operations.Wrap(session, request.keys, request.kek, purpose, input);
      return;
    case MessageKind::kWrapAndProve:
      result_ = operations.WrapAndProve(session, request.keys, request.kek, purpose, input);
      return;
    case MessageKind::kUnwrap: {
      const SecretBytes seed =
          operations.Unwrap(session, request.keys, request.kek, purpose, input);
      result_.assign(AsText(seed.view()));
      return;
    }
    case MessageKind::kOpenCanary:
      return operations.OpenCanary(session, request.keys, request.kek);
    case MessageKind::kMakeCanary:
      result_ = operations.MakeCanary(session, request.keys, request.kek);
      return;
    case MessageKind::kSelfTest:
      return operations.SelfTest(keeper_, request.keys, request.kek);
    default:
      throw Error(Reason::kInternal, "the front sent a message of an unknown kind");
  }
}

void WorkerThread::Inventory(std::string_view body) {
  InventoryRequest request = InventoryRequest::Decode(body);
  const std::shared_ptr<const KeyTable> keys =
      request.page == 0 ? process_.Rescan(keeper_.session(), std::move(request.wanted))
                        : process_.keys();
  result_ = keys->Page(request.page).Encode();
}

Error WorkerThread::Judge(const Error& error, const Request& request) {
  if (error.ckr() == CKR_OK) return error;  // no Cryptoki call failed: the session is sound
  try {
    keeper_.Renew();
    return JudgeToken(error, request);
  } catch (const Error& no_session) {
    ReportSick(no_session.reason(), no_session.what());
    return As(Reason::kSessionLost, no_session);
  }
}

// Under a scheme of two keys a ciphertext is refused before it reaches its wrap key, by a
// comparison here. So what the token says of one is no verdict on the ciphertext.
bool WorkerThread::FailedOnWhatIsAuthentic(const Error& error, const Request& request) {
  return IsUnwrap(request.head.kind) && request.keys.authenticator && MayBeRefusal(error.ckr());
}

// With a fresh session. Throws Error when there is not another one to be had.
Error WorkerThread::JudgeToken(const Error& error, const Request& request) {
  if (IsAmbiguous(error.ckr()) || FailedOnWhatIsAuthentic(error, request))
    return JudgeAmbiguous(error, request);
  const bool is_unwrap = IsUnwrap(request.head.kind);
  if (is_unwrap && MayBeRefusal(error.ckr())) return As(Reason::kCiphertextRefused, error);
  const bool lost = error.reason() == Reason::kSessionLost;
  lost_sessions_in_a_row_ = lost ? lost_sessions_in_a_row_ + 1 : 0;
  if (EndsTheWorker(error.ckr()) || lost_sessions_in_a_row_ >= 2 ||
      error.reason() == Reason::kUnavailable) {
    ReportSick(error.reason(), error.what());
  }
  // C_Encrypt has such codes too, for its own input.
  return error.reason() == Reason::kCiphertextRefused ? As(Reason::kInternal, error) : error;
}

Error WorkerThread::JudgeAmbiguous(const Error& error, const Request& request) {
  if (!request.keys.wrap) {  // a search failed
    ReportSick(Reason::kUnavailable, error.what());
    return As(Reason::kUnavailable, error);
  }
  if (request.head.kind == MessageKind::kOpenCanary) return JudgeCanary(error);
  if (KekWorks(request)) {
    const MessageKind kind = request.head.kind;
    if (IsUnwrap(kind)) return As(Reason::kCiphertextRefused, error);
    // The key works, and a wrap that was just made does not open: that wrap is bad. Of a
    // self-test it may be a passing failure, and no verdict on the key.
    const bool is_bad_wrap = error.reason() == Reason::kProofFailed;
    return is_bad_wrap && kind != MessageKind::kSelfTest ? error : As(Reason::kUnavailable, error);
  }
  ReportSick(Reason::kUnavailable,
             std::string(error.what()) + ", and the canary does not open either");
  return As(Reason::kUnavailable, error);
}

// A canary has no canary. A throw-away key tells whether the token works at all: then the
// key is other material, else the token is at fault.
Error WorkerThread::JudgeCanary(const Error& error) {
  try {
    process_.operations_.ProveToken(keeper_.session());
    return As(Reason::kCiphertextRefused, error);
  } catch (const Error& failure) {
    keeper_.Renew();
    // Without such keys nothing is known: the key is not called foreign for it, nor is the
    // canary sent again at once.
    if (failure.reason() == Reason::kKeyRefused) return error;
    ReportSick(Reason::kUnavailable,
               std::string(error.what()) + ", and a throw-away key does not work either");
    return As(Reason::kUnavailable, error);
  }
}

bool WorkerThread::KekWorks(const Request& request) {
  // Nothing to judge by yet: an unproved key, whose ciphertexts prove themselves or not.
  if (request.kek.canary.empty()) return true;
  return request.keys.wrap->proof.Works(
      [&] { return process_.OpensItsCanary(keeper_, request.keys, request.kek); });
}

void WorkerThread::ReportSick(Reason reason, const std::string& why) {
  const ReplyHead head{
      .kind = MessageKind::kSick, .reason = reason, .incarnation = process_.incarnation_};
  process_.channel_.Send(HeadBytes(head), why);
}

}  // namespace mortise::hsm
