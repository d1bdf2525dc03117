// SPDX-License-Identifier: Apache-2.0
#include "hsm/worker/worker_process.h"

#include <unistd.h>

#include <algorithm>
#include <random>
#include <thread>
#include <vector>

#include "base/version.h"
#include "hsm/cryptoki/return_codes.h"
#include "hsm/scheme/key_label.h"
#include "hsm/worker/login.h"
#include "hsm/worker/worker_thread.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;

// Objects of one name that are tried on a canary: a request waits for that.
constexpr std::size_t kMaxPairs = 64;

// N clusters meet one HSM after a power cut: not all of their sessions at once.
std::chrono::milliseconds Jitter(std::chrono::milliseconds limit) {
  std::random_device random;
  return std::chrono::milliseconds(std::uniform_int_distribution<int>(0, limit.count())(random));
}

// Objects of another kind under the name were planted, and no operation could use them.
std::vector<std::shared_ptr<HeldKey>> OfKind(KeyTable::Keys keys, ObjectKind kind) {
  std::vector<std::shared_ptr<HeldKey>> right;
  std::ranges::copy_if(keys, std::back_inserter(right),
                       [&](const auto& key) { return key->entry.kind == kind; });
  return right;
}

// Every pair of objects that have the names; the more credible first. Throws
// Error(kKeyMissing) where there is none.
std::vector<HeldKek> FindAll(const KeyTable& table, const KekView& kek) {
  const auto find = [&](std::string_view label, std::string_view cka_id, KeyRole role) {
    auto keys = OfKind(table.FindAll(label, cka_id), hsm::KindOf(role, kek.scheme));
    if (!keys.empty()) return keys;
    throw Error(Reason::kKeyMissing, "the token does not show the key " + std::string(label));
  };
  const auto wraps = find(kek.label, kek.cka_id, KeyRole::kWrap);
  const std::optional<KeyRole> second = FactsOf(kek.scheme).authenticator;
  std::vector<HeldKek> keks;
  if (!second) {
    for (const auto& wrap : wraps) keks.push_back({.wrap = wrap, .authenticator = nullptr});
    return keks;
  }
  const auto authenticators = find(kek.authenticator_label, kek.authenticator_id, *second);
  for (const auto& wrap : wraps) {
    for (const auto& authenticator : authenticators) {
      if (keks.size() < kMaxPairs) keks.push_back({.wrap = wrap, .authenticator = authenticator});
    }
  }
  return keks;
}

bool HasOpened(const HeldKek& kek) {
  return kek.wrap->opens_canary && (!kek.authenticator || kek.authenticator->opens_canary);
}

}  // namespace

WorkerProcess::WorkerProcess(const Channel& channel, const Hello& hello, std::uint64_t incarnation)
    : channel_(channel),
      hello_(hello),
      incarnation_(incarnation),
      module_(hello.module, hello.init_args),
      slot_(FindToken(module_, hello.uri)),
      operations_(hello.iv_mode) {
  first_session_.emplace(module_, slot_, hello.read_write_sessions);
  if (hello.login) {
    LogIn(module_, slot_, first_session_->session(), hello, [&] {
      const ReplyHead head{.kind = MessageKind::kLoginBegins, .incarnation = incarnation};
      channel.Send(HeadBytes(head), {});
    });
  }
  Scan(first_session_->session());
}

Ready WorkerProcess::Describe() const {
  const TokenDescription token = DescribeToken(module_, slot_);
  return {
      .build_id = std::string(BuildId()),
      .label = token.label,
      .manufacturer = token.manufacturer,
      .model = token.model,
      .serial = token.serial,
      .firmware = token.firmware,
      .library = module_.library(),
      .max_sessions = token.max_sessions,
  };
}

void WorkerProcess::Run() {
  std::vector<std::jthread> threads;
  for (std::uint16_t i = 1; i < hello_.sessions; ++i) {
    threads.emplace_back([this, i] { AddSession(i); });
  }
  WorkerThread(*this, std::move(*first_session_)).Loop();
}

void WorkerProcess::AddSession(std::uint16_t index) {
  std::this_thread::sleep_for(Jitter(10ms * index));
  std::optional<SessionKeeper> keeper;
  try {
    keeper.emplace(module_, slot_, hello_.read_write_sessions);
  } catch (const Error&) {
    return;  // a token short of sessions is served by those there are
  }
  const ReplyHead head{
      .kind = MessageKind::kSessions, .sessions = ++sessions_, .incarnation = incarnation_};
  if (!channel_.Send(HeadBytes(head), {})) return;
  WorkerThread(*this, std::move(*keeper)).Loop();
}

std::shared_ptr<const KeyTable> WorkerProcess::keys() const {
  const std::lock_guard lock(keys_mutex_);
  return keys_;
}

std::shared_ptr<const KeyTable> WorkerProcess::Scan(const Session& session) {
  std::set<NameDigest> wanted;
  {
    const std::lock_guard lock(keys_mutex_);
    wanted = wanted_;
  }
  const std::shared_ptr<const KeyTable> before = keys();
  std::shared_ptr<const KeyTable> found = KeyTable::Scan(session, before.get(), wanted);
  const std::lock_guard lock(keys_mutex_);
  keys_ = found;
  return found;
}

std::shared_ptr<const KeyTable> WorkerProcess::Rescan(const Session& session,
                                                      std::set<NameDigest> wanted) {
  const std::lock_guard searching(searching_);
  {
    const std::lock_guard lock(keys_mutex_);
    wanted_ = std::move(wanted);
  }
  return Scan(session);
}

HeldKek WorkerProcess::FindKeys(SessionKeeper& keeper, const KekView& kek) {
  std::vector<HeldKek> found;
  try {
    found = FindAll(*keys(), kek);
  } catch (const Error&) {
    found = SearchFor(keeper.session(), kek);
  }
  return found.size() == 1 ? std::move(found.front()) : Choose(std::move(found), keeper, kek);
}

// One thread searches. Those that waited for it look first at what it found: a new worker
// does not know the names of a keysFile before it is asked for one.
std::vector<HeldKek> WorkerProcess::SearchFor(const Session& session, const KekView& kek) {
  const std::lock_guard searching(searching_);
  try {
    return FindAll(*keys(), kek);
  } catch (const Error&) {
    if (!IsNewName(kek) && !MaySearch()) throw;
  }
  return FindAll(*Scan(session), kek);
}

bool WorkerProcess::IsNewName(const KekView& kek) {
  const std::lock_guard lock(keys_mutex_);
  bool is_new = false;
  for (const auto& [label, cka_id] : {std::pair(kek.label, kek.cka_id),
                                      std::pair(kek.authenticator_label, kek.authenticator_id)}) {
    if (cka_id.empty() || ParseKeyLabel(label) || wanted_.size() >= kMaxWantedObjects) continue;
    is_new |= wanted_.insert(label.empty() ? DigestOfCkaId(cka_id) : DigestOfLabel(label)).second;
  }
  return is_new;
}

bool WorkerProcess::MaySearch() {
  const Clock::rep now = Clock::now().time_since_epoch().count();
  Clock::rep last = last_search_.load();
  return (last == 0 || now - last > Clock::duration(1s).count()) &&
         last_search_.compare_exchange_strong(last, now);
}

// A second object of a name was planted, or copied from elsewhere. The right ones open the
// canary, whatever the attributes say; without a canary they are all there is.
HeldKek WorkerProcess::Choose(std::vector<HeldKek> keks, SessionKeeper& keeper,
                              const KekView& kek) {
  auto right = std::ranges::find_if(keks, HasOpened);
  if (right == keks.end() && !kek.canary.empty() && !kek.must_not_open) {
    right = std::ranges::find_if(
        keks, [&](const HeldKek& one) { return OpensItsCanary(keeper, one, kek); });
  }
  return right == keks.end() ? keks.front() : *right;
}

bool WorkerProcess::OpensItsCanary(SessionKeeper& keeper, const HeldKek& keys, const KekView& kek) {
  try {
    operations_.OpenCanary(keeper.session(), keys, kek);
    return true;
  } catch (const Error&) {
    keeper.Renew();
    return false;
  }
}

int RunWorker(UniqueFd channel_fd) {
  const Channel channel(std::move(channel_fd));
  std::array<char, kMaxMessageSize> buffer;
  const std::string_view message = channel.Receive(buffer);
  if (message.empty()) return 0;
  WireReader reader(message);
  const auto head = reader.Get<RequestHead>();
  ReplyHead reply{.id = head.id, .incarnation = head.incarnation};
  try {
    const Hello hello = Hello::Decode(reader.Rest());
    if (hello.build_id != BuildId()) {
      throw Error(Reason::kConfig, "this worker is build " + std::string(BuildId()) +
                                       ", the front is " + hello.build_id +
                                       "; install both from one package");
    }
    WorkerProcess worker(channel, hello, head.incarnation);
    reply.kind = MessageKind::kReady;
    reply.sessions = 1;
    channel.Send(HeadBytes(reply), worker.Describe().Encode());
    worker.Run();
  } catch (const Error& error) {
    reply.kind = MessageKind::kFailed;
    reply.failed = 1;
    // Such a code, and there is no key yet whose canary could tell what it means.
    reply.reason = IsAmbiguous(error.ckr()) ? Reason::kUnavailable : error.reason();
    reply.ckr = error.ckr();
    channel.Send(HeadBytes(reply), error.what());
    return 1;
  }
  return 0;
}

}  // namespace mortise::hsm
