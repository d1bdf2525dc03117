// SPDX-License-Identifier: Apache-2.0
// How the monitors' threads do what a keyring's generations ask for.
#include "hsm/token_keyring.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;

MessageKind KindOf(Job::Kind kind) {
  switch (kind) {
    case Job::Kind::kOpenCanary:
    case Job::Kind::kCheckDistinct:
      return MessageKind::kOpenCanary;
    case Job::Kind::kSelfTest:
      return MessageKind::kSelfTest;
    case Job::Kind::kMakeCanary:
      return MessageKind::kMakeCanary;
  }
  return MessageKind::kOpenCanary;
}

// Runs one message of a job; the key is expected not to open another's canary.
std::string RunOne(Token& token, const Job& job, const std::shared_ptr<const std::string>& kek) {
  auto operation = std::make_shared<Operation>();
  operation->kind = KindOf(job.kind);
  operation->kek = kek;
  operation->deadline =
      Clock::now() + token.TimeFor(operation->kind) + token.settings().operation_timeout + 1s;
  if (job.kind != Job::Kind::kCheckDistinct) return token.Call(std::move(operation));
  try {
    token.Call(std::move(operation));
  } catch (const Error& error) {
    // A key that the token lets do nothing of the kind opens nothing of it.
    if (error.reason() == Reason::kCiphertextRefused || error.reason() == Reason::kKeyRefused)
      return {};
    throw;
  }
  throw Error(Reason::kKeyForeign, "it opens another generation's canary");
}

}  // namespace

bool TokenKeyring::RunNextJob(std::size_t token) {
  std::optional<Job> job;
  {
    const std::lock_guard lock(mutex_);
    job = generations_.NextJob(token, Clock::now(), WallNow());
  }
  if (!job) return false;
  std::optional<Error> error;
  std::string body;
  try {
    for (const auto& kek : job->keks) body = RunOne(group_.token(token), *job, kek);
  } catch (const Error& failure) {
    error = failure;
  }
  JobEffects effects;
  {
    const std::lock_guard lock(mutex_);
    effects = generations_.OnJobDone(token, *job, error ? &*error : nullptr, body, Clock::now(),
                                     WallNow());
  }
  Say(effects.events);
  if (effects.canary_to_save) {
    try {
      canaries_.Save(*effects.canary_to_save);
    } catch (const Error& failure) {
      Say({{.severity = Severity::kError,
            .name = "state_unusable",
            .message = failure.what(),
            .fields = {{"keyring", settings_.name}}}});
    }
  }
  Publish();
  return true;
}

}  // namespace mortise::hsm
