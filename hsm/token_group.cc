// SPDX-License-Identifier: Apache-2.0
#include "hsm/token_group.h"

#include <algorithm>

namespace mortise::hsm {
namespace {

// Not the request's fault: another token may do better.
bool IsTheTokensFault(Reason reason) {
  switch (reason) {
    case Reason::kUnavailable:
    case Reason::kSessionLost:
    case Reason::kBusy:
    case Reason::kQueueFull:
    case Reason::kNoWorker:
    case Reason::kWorkerLost:
    case Reason::kTimeout:
    case Reason::kPinRejected:
    case Reason::kKeyMissing:
      return true;
    default:
      return false;
  }
}

}  // namespace

// One Decrypt on its way through the tokens that hold its KEK.
class TokenGroup::UnwrapCall : public std::enable_shared_from_this<UnwrapCall> {
 public:
  UnwrapCall(const TokenGroup& group, std::vector<std::size_t> order, KekByToken kek,
             std::string_view ciphertext, const Call& call, Unwrapped done)
      : group_(group),
        order_(std::move(order)),
        kek_(std::move(kek)),
        ciphertext_(ciphertext),
        call_(call),
        done_(std::move(done)) {}

  void TryNext() {
    const std::size_t token = order_[next_++];
    OperationPtr operation =
        group_.MakeOperation(MessageKind::kUnwrap, token, kek_, ciphertext_, call_);
    operation->has_alternative = next_ < order_.size();
    operation->done = [self = shared_from_this(), token](const OperationReply& reply) {
      self->OnReply(token, reply);
    };
    group_.token(token).Submit(std::move(operation));
  }

 private:
  void OnReply(std::size_t token, const OperationReply& reply) {
    if (reply.error == nullptr) return done_(SecretBytes(AsBytes(reply.body)), token);
    if (next_ < order_.size() && IsTheTokensFault(reply.error->reason())) return TryNext();
    done_(*reply.error, token);
  }

  const TokenGroup& group_;
  const std::vector<std::size_t> order_;
  const KekByToken kek_;
  const std::string ciphertext_;
  const Call call_;
  const Unwrapped done_;
  std::size_t next_ = 0;
};

// One Encrypt: wrapped on one token, proved on another.
class TokenGroup::WrapCall : public std::enable_shared_from_this<WrapCall> {
 public:
  WrapCall(const TokenGroup& group, std::vector<std::size_t> order, KekByToken kek,
           SecretBytes seed, const Call& call, WrapProved done)
      : group_(group),
        order_(std::move(order)),
        kek_(std::move(kek)),
        seed_(std::move(seed)),
        call_(call),
        done_(std::move(done)) {}

  void TryNext() {
    wrapper_ = order_[next_++];
    const bool has_prover = next_ < order_.size();
    Send(has_prover ? MessageKind::kWrap : MessageKind::kWrapAndProve, wrapper_,
         AsText(seed_.view()), call_, has_prover, &WrapCall::OnWrapped);
  }

 private:
  using Handler = void (WrapCall::*)(const OperationReply&);

  void Send(MessageKind kind, std::size_t token, std::string_view input, const Call& call,
            bool has_alternative, Handler then) {
    OperationPtr operation = group_.MakeOperation(kind, token, kek_, input, call);
    operation->has_alternative = has_alternative;
    operation->done = [self = shared_from_this(), then](const OperationReply& reply) {
      (self.get()->*then)(reply);
    };
    group_.token(token).Submit(std::move(operation));
  }

  void OnWrapped(const OperationReply& reply) {
    if (reply.error != nullptr) {
      const Reason reason = reply.error->reason();
      // A token that makes bad wraps is not the only one there is.
      const bool may_other = IsTheTokensFault(reason) || reason == Reason::kProofFailed;
      if (next_ < order_.size() && may_other) return TryNext();
      return done_(*reply.error, wrapper_);
    }
    envelope_ = reply.body;
    if (next_ >= order_.size()) return done_(envelope_, wrapper_);  // proved in the same message
    Call brief = call_;
    brief.deadline = Clock::now() + (call_.deadline - Clock::now()) / 3;
    Send(MessageKind::kUnwrap, order_[next_], envelope_, brief, true, &WrapCall::OnProvedElsewhere);
  }

  void OnProvedElsewhere(const OperationReply& reply) {
    if (reply.error == nullptr) return Compare(reply.body);
    const Reason reason = reply.error->reason();
    if (IsTheTokensFault(reason) || reason == Reason::kDeadline) {
      Tell(Severity::kWarning, "not_redundant",
           "a token did not prove a wrap in time; it is proved on the first token alone");
      return Send(MessageKind::kUnwrap, wrapper_, envelope_, call_, false, &WrapCall::OnProvedHere);
    }
    NotProved(*reply.error);
  }

  void OnProvedHere(const OperationReply& reply) {
    if (reply.error == nullptr) return Compare(reply.body);
    NotProved(*reply.error);
  }

  // Only a token that judged the envelope speaks against it.
  void NotProved(const Error& error) {
    const bool is_verdict =
        error.reason() == Reason::kCiphertextRefused || error.reason() == Reason::kProofFailed;
    if (is_verdict) return Disagree();
    done_(error, wrapper_);
  }

  void Compare(std::string_view opened) {
    if (!EqualInConstantTime(AsBytes(opened), seed_.view())) return Disagree();
    done_(envelope_, wrapper_);
  }

  void Disagree() {
    Tell(Severity::kError, "proof_failed",
         "a wrap did not open to what was wrapped; it is not answered. The next canaries "
         "show which token is wrong");
    done_(Error(Reason::kProofFailed, "a wrap did not open to what was wrapped"), wrapper_);
  }

  void Tell(Severity severity, std::string_view name, std::string message) const {
    group_.observer_.OnEvent({.severity = severity,
                              .name = name,
                              .message = std::move(message),
                              .fields = {{"token", group_.token(wrapper_).name()}}});
  }

  const TokenGroup& group_;
  const std::vector<std::size_t> order_;
  const KekByToken kek_;
  const SecretBytes seed_;
  const Call call_;
  const WrapProved done_;
  std::size_t next_ = 0;
  std::size_t wrapper_ = 0;
  std::string envelope_;
};

TokenGroup::TokenGroup(std::vector<Token*> tokens, std::vector<std::uint32_t> shares,
                       Observer& observer)
    : tokens_(std::move(tokens)), shares_(std::move(shares)), observer_(observer) {}

std::vector<std::size_t> TokenGroup::InOrder(const std::vector<std::size_t>& holders) const {
  std::vector<std::size_t> order = holders;
  std::erase_if(order, [&](std::size_t token) { return !tokens_[token]->is_ready(); });
  if (order.empty()) order.push_back(holders.front());
  return order;
}

OperationPtr TokenGroup::MakeOperation(MessageKind kind, std::size_t token, const KekByToken& kek,
                                       std::string_view input, const Call& call) const {
  auto operation = std::make_shared<Operation>();
  operation->kind = kind;
  operation->kek = (*kek)[token];
  operation->input = input;
  operation->deadline = call.deadline;
  operation->cancelled = call.cancelled;
  operation->share = shares_[token];
  return operation;
}

void TokenGroup::Unwrap(const std::vector<std::size_t>& holders, KekByToken kek,
                        std::string_view ciphertext, const Call& call, Unwrapped done) const {
  std::make_shared<UnwrapCall>(*this, InOrder(holders), std::move(kek), ciphertext, call,
                               std::move(done))
      ->TryNext();
}

void TokenGroup::WrapAndProve(const std::vector<std::size_t>& holders, KekByToken kek,
                              SecretBytes seed, const Call& call, WrapProved done) const {
  std::make_shared<WrapCall>(*this, InOrder(holders), std::move(kek), std::move(seed), call,
                             std::move(done))
      ->TryNext();
}

}  // namespace mortise::hsm
