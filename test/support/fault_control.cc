// SPDX-License-Identifier: Apache-2.0
#include "test/support/fault_control.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

namespace mortise::test {
namespace {

std::uint64_t Nanoseconds(FaultControl::Time time) {
  return static_cast<std::uint64_t>(time.count());
}

std::uint64_t Now() {
  return Nanoseconds(Clock::now().time_since_epoch());
}

}  // namespace

FaultControl::FaultControl(const std::string& path) : path_(path) {
  const UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd || ftruncate(fd.get(), sizeof(Control)) != 0) {
    throw std::runtime_error(path + ": " + ErrnoText(errno));
  }
  void* memory = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) throw std::runtime_error(path + ": " + ErrnoText(errno));
  control_ = static_cast<Control*>(memory);
}

FaultControl::~FaultControl() {
  munmap(control_, sizeof(Control));
}

FunctionControl& FaultControl::Of(std::string_view function) const {
  const auto found = std::find(kFunctionNames.begin(), kFunctionNames.end(), function);
  if (found == kFunctionNames.end()) {
    throw std::invalid_argument("no function of PKCS#11: " + std::string(function));
  }
  return control_->functions[static_cast<std::size_t>(found - kFunctionNames.begin())];
}

void FaultControl::Once(std::string_view function, std::uint64_t rv, Time delay) {
  FunctionControl& control = Of(function);
  const std::uint64_t index = control.shots_added;
  if (index - control.shots_taken >= control.shots.size()) {
    throw std::length_error("too many one-shot faults wait for " + std::string(function));
  }
  control.shots[index % control.shots.size()] = {rv, Nanoseconds(delay)};
  control.shots_added = index + 1;
}

void FaultControl::Answer(std::string_view function, std::uint64_t rv) {
  Of(function).rv = rv;
}

void FaultControl::Delay(std::string_view function, Time delay) {
  Of(function).delay_ns = Nanoseconds(delay);
}

void FaultControl::Hang(std::string_view function, std::int64_t calls) {
  Of(function).hangs = calls;
}

void FaultControl::ReleaseHangs() {
  for (FunctionControl& function : control_->functions) function.hangs = 0;
  ++control_->hang_epoch;
}

void FaultControl::Crash(std::string_view function, std::int64_t calls) {
  Of(function).crashes = calls;
}

void FaultControl::Corrupt(std::string_view function, std::int64_t calls) {
  Of(function).corruptions = calls;
}

void FaultControl::PauseFor(Time length) {
  control_->paused_until = Now() + Nanoseconds(length);
}

void FaultControl::PauseEvery(Time period, Time length) {
  control_->pause_origin = Now();
  control_->pause_length = Nanoseconds(length);
  control_->pause_period = Nanoseconds(period);
}

void FaultControl::OnBlob(ByteView bytes, BlobEffect effect, std::uint64_t rv) {
  BlobControl& blob = control_->blob;
  blob.effect = BlobEffect::kNone;
  if (bytes.empty() || bytes.size() > blob.bytes.size()) {
    throw std::invalid_argument("a blob has 1 to 1024 bytes");
  }
  std::copy(bytes.begin(), bytes.end(), blob.bytes.begin());
  blob.size = static_cast<std::uint32_t>(bytes.size());
  blob.rv = rv;
  blob.effect = effect;
}

void FaultControl::RemoveToken(std::uint64_t rv) {
  control_->removed_rv = rv;
}
void FaultControl::ReturnToken() {
  control_->removed_rv = 0;
}

void FaultControl::LoseSessions(std::uint64_t rv) {
  control_->lost_rv = rv;
  ++control_->session_epoch;
}

void FaultControl::Play(std::string_view roles) {
  AddRoles(control_->roles, roles);
}

void FaultControl::Clear() {
  ClearRoles(control_->roles);
  for (FunctionControl& function : control_->functions) {
    function.rv = 0;
    function.delay_ns = 0;
    function.crashes = 0;
    function.corruptions = 0;
    function.shots_taken = function.shots_added.load();
  }
  ReleaseHangs();
  control_->blob.effect = BlobEffect::kNone;
  control_->removed_rv = 0;
  control_->paused_until = 0;
  control_->pause_period = 0;
}

std::uint64_t FaultControl::Calls(std::string_view function) const {
  return Of(function).calls;
}

FaultControl::CallCounts FaultControl::Calls() const {
  return CallsSince({});
}

FaultControl::CallCounts FaultControl::CallsSince(const CallCounts& before) const {
  CallCounts since;
  for (std::size_t i = 0; i < kFunctionCount; ++i) {
    const std::string name(kFunctionNames[i]);
    const auto earlier = before.find(name);
    const std::uint64_t calls =
        control_->functions[i].calls - (earlier == before.end() ? 0 : earlier->second);
    if (calls > 0) since[name] = calls;
  }
  return since;
}

std::vector<FaultControl::Call> FaultControl::Log() const {
  const std::size_t count =
      std::min<std::size_t>(control_->record_count.load(), control_->records.size());
  std::vector<Call> calls;
  calls.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const CallRecord& record = control_->records[i];
    calls.push_back({static_cast<pid_t>(record.pid.load()), kFunctionNames[record.function]});
  }
  return calls;
}

}  // namespace mortise::test
