// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "test/support/fault_module/control.h"

namespace mortise::test {

// The test's hand on pkcs11-fault.so. What is set here takes effect at the next call
// of any process that has the module loaded under this file. Functions are named as
// in the standard ("C_Decrypt"); return codes are CKR numbers. Thread-safe.
class FaultControl {
 public:
  using Time = std::chrono::nanoseconds;
  struct Call {
    pid_t pid;
    std::string_view function;
  };

  // By function; one that was not called is absent.
  using CallCounts = std::map<std::string, std::uint64_t>;

  explicit FaultControl(const std::string& path);  // makes the file, or joins an existing one
  ~FaultControl();
  FaultControl(const FaultControl&) = delete;
  FaultControl& operator=(const FaultControl&) = delete;

  const std::string& path() const { return path_; }

  // The next call, of whichever process; queued behind earlier ones. rv 0: only slow.
  void Once(std::string_view function, std::uint64_t rv, Time delay = {});
  // Every call, until Clear; 0 ends it.
  void Answer(std::string_view function, std::uint64_t rv);
  void Delay(std::string_view function, Time delay);
  // The next `calls` calls never return, unless ReleaseHangs lets all hung ones go on.
  void Hang(std::string_view function, std::int64_t calls = kEveryCall);
  void ReleaseHangs();
  // The next `calls` calls end their process by SIGSEGV.
  void Crash(std::string_view function, std::int64_t calls = kEveryCall);
  // The next `calls` outputs of C_Encrypt, C_Decrypt or C_EncryptMessage have one bit flipped.
  void Corrupt(std::string_view function, std::int64_t calls = kEveryCall);

  // Everything that touches the token waits: once, or at the start of each period.
  void PauseFor(Time length);
  void PauseEvery(Time period, Time length);

  // What C_Decrypt does when its input holds `bytes`; kAnswer gives `rv`.
  void OnBlob(ByteView bytes, BlobEffect effect, std::uint64_t rv = 0);

  // The slot list is empty and all else answers `rv` (default CKR_TOKEN_NOT_PRESENT)
  // until ReturnToken; sessions survive.
  void RemoveToken(std::uint64_t rv = 0xE0);
  void ReturnToken();
  // Processes that are initialised now get `rv` (default CKR_DEVICE_ERROR) from all
  // that touches the token, until they call C_Finalize and C_Initialize.
  void LoseSessions(std::uint64_t rv = 0x30);

  // Acts, lies and false facts beside those that are played already, separated by
  // commas; fault_module/README.md names them. Of the acts about IVs the last one stays.
  void Play(std::string_view roles);

  // No fault and no role is left, hung calls go on; counts and log stay.
  void Clear();

  std::uint64_t Calls(std::string_view function) const;
  // What was called, by all processes: ever, or after `before` was taken.
  //   const auto before = faults.Calls();
  //   Wrap();
  //   EXPECT_EQ(faults.CallsSince(before), (CallCounts{{"C_EncryptInit", 1}, {"C_Encrypt", 1}}));
  CallCounts Calls() const;
  CallCounts CallsSince(const CallCounts& before) const;
  std::vector<Call> Log() const;  // the first 65,536 calls, oldest first

 private:
  FunctionControl& Of(std::string_view function) const;

  std::string path_;
  Control* control_ = nullptr;
};

}  // namespace mortise::test
