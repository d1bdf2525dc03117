// SPDX-License-Identifier: Apache-2.0
#include "test/support/fault_module/faults.h"

#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "test/support/fault_module/mapped_control.h"

namespace mortise::test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStep = 2'000'000;  // between looks at a wait that may end early

std::atomic<std::uint64_t> initialized_under{0};  // session_epoch at this process's C_Initialize

FunctionControl& ControlOf(Function function) {
  return TheControl().functions[static_cast<std::size_t>(function)];
}

std::uint64_t Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

void SleepUntil(std::uint64_t instant) {
  // The default slack of 50 µs would make a 2 ms token 2.5 % slower than asked.
  [[maybe_unused]] thread_local const int precise = prctl(PR_SET_TIMERSLACK, 1UL);
  const timespec until{static_cast<time_t>(instant / kSecond),
                       static_cast<long>(instant % kSecond)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
  }
}

void SleepFor(std::uint64_t ns) {
  if (ns > 0) SleepUntil(Now() + ns);
}

// One of a number of calls to be hit, or kEveryCall.
bool TakeOne(std::atomic<std::int64_t>& count) {
  std::int64_t left = count.load(std::memory_order_acquire);
  while (left > 0) {
    if (count.compare_exchange_weak(left, left - 1)) return true;
  }
  return left == kEveryCall;
}

void HangDuring(std::uint64_t epoch) {
  while (TheControl().hang_epoch == epoch) SleepFor(kStep);
}

// The real thing, past any handler that a sanitizer has put there.
void Crash() {
  signal(SIGSEGV, SIG_DFL);
  raise(SIGSEGV);
}

void WaitOutPause() {
  const Control& control = TheControl();
  // In small steps, so that the test may call the pause off.
  while (control.paused_until.load(std::memory_order_relaxed) > Now()) SleepFor(kStep);
  const std::uint64_t period = control.pause_period;
  if (period == 0) return;
  const std::uint64_t phase = (Now() - control.pause_origin) % period;
  if (phase < control.pause_length) SleepFor(control.pause_length - phase);
}

std::optional<CK_RV> TakeShot(FunctionControl& control) {
  std::uint64_t next = control.shots_taken.load(std::memory_order_acquire);
  while (next < control.shots_added.load(std::memory_order_acquire)) {
    const OneShot shot = control.shots[next % control.shots.size()];
    if (!control.shots_taken.compare_exchange_weak(next, next + 1)) continue;
    SleepFor(shot.delay_ns);
    if (shot.rv != CKR_OK) return shot.rv;
    return std::nullopt;
  }
  return std::nullopt;
}

void Record(Function function) {
  Control& control = TheControl();
  ControlOf(function).calls.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t index = control.record_count.fetch_add(1, std::memory_order_relaxed);
  if (index >= control.records.size()) return;
  control.records[index].function = static_cast<std::uint32_t>(function);
  control.records[index].pid = static_cast<std::uint32_t>(getpid());
}

bool IsAboutTheLibraryOnly(Function function) {
  using enum Function;
  return function == kC_Initialize || function == kC_Finalize || function == kC_GetInfo ||
         function == kC_GetFunctionList || function == kC_GetInterfaceList ||
         function == kC_GetInterface;
}

}  // namespace

std::optional<CK_RV> Interfere(Function function) {
  // Before the call is counted: who waits for the count may release hangs at once.
  const std::uint64_t epoch = TheControl().hang_epoch;
  Record(function);
  FunctionControl& control = ControlOf(function);
  if (!IsAboutTheLibraryOnly(function)) {
    WaitOutPause();
    // An empty slot list is a success: module.cc makes it.
    if (TokenIsRemoved() && function != Function::kC_GetSlotList) return TheControl().removed_rv;
    if (initialized_under != TheControl().session_epoch) return TheControl().lost_rv;
  }
  if (TakeOne(control.crashes)) Crash();
  if (TakeOne(control.hangs)) HangDuring(epoch);
  SleepFor(control.delay_ns);
  if (const auto rv = TakeShot(control)) return rv;
  if (const CK_RV rv = control.rv; rv != CKR_OK) return rv;
  return std::nullopt;
}

std::optional<CK_RV> InterfereWithBlob(const CK_BYTE* input, CK_ULONG size) {
  const BlobControl& blob = TheControl().blob;
  const BlobEffect effect = blob.effect.load(std::memory_order_acquire);
  if (effect == BlobEffect::kNone || input == nullptr) return std::nullopt;
  const auto end = blob.bytes.begin() + blob.size.load();
  if (std::search(input, input + size, blob.bytes.begin(), end) == input + size)
    return std::nullopt;
  switch (effect) {
    case BlobEffect::kNone:
      break;
    case BlobEffect::kSegmentationFault:
      Crash();
      break;
    case BlobEffect::kAbort:
      std::abort();
    case BlobEffect::kHang:
      HangDuring(TheControl().hang_epoch);
      break;
    case BlobEffect::kAnswer:
      return blob.rv;
  }
  return std::nullopt;
}

void CorruptOutput(Function function, CK_BYTE* output, const CK_ULONG* size) {
  if (output == nullptr || size == nullptr || *size == 0) return;
  if (TakeOne(ControlOf(function).corruptions)) output[0] ^= 0x01;
}

void NoteInitialized() {
  initialized_under = TheControl().session_epoch.load();
}

bool TokenIsRemoved() {
  return TheControl().removed_rv.load(std::memory_order_relaxed) != CKR_OK;
}

}  // namespace mortise::test
