// SPDX-License-Identifier: Apache-2.0
#include "test/support/opencryptoki_token.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "base/bytes.h"

namespace mortise::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDaemon = "/usr/sbin/pkcsslotd";
constexpr const char* kPidFile = "/run/pkcsslotd.pid";
constexpr const char* kSocket = "/run/pkcsslotd.socket";
constexpr const char* kTokenFolder = "/var/lib/opencryptoki/swtok";
constexpr const char* kSharedMemory = "/dev/shm/var.lib.opencryptoki.swtok";
constexpr const char* kLock = "/run/lock/mortise-opencryptoki";
constexpr const char* kSlot = "3";               // in Debian's opencryptoki.conf
constexpr const char* kFactoryPin = "87654321";  // of the security officer, as documented

// Holds the lock. The file has text in it while the machine's token is a test's.
UniqueFd TakeTurn() {
  UniqueFd file(open(kLock, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file || flock(file.get(), LOCK_EX) != 0) {
    throw std::runtime_error(std::string("cannot lock ") + kLock);
  }
  return file;
}

std::optional<std::string> WhyNotErase() {
  if (!fs::exists(std::string(kTokenFolder) + "/MK_USER")) return std::nullopt;
  if (fs::file_size(kLock) != 0) return std::nullopt;
  return std::string("the soft token of openCryptoki on this machine, ") + kTokenFolder +
         ", is in use, and a test would erase it";
}

bool DaemonRuns() {
  std::string pid;
  std::ifstream(kPidFile) >> pid;
  std::string program;
  if (!pid.empty()) std::ifstream("/proc/" + pid + "/comm") >> program;
  return program == "pkcsslotd";
}

// As the package leaves it; the library makes what it misses.
void EraseToken() {
  for (const auto& entry : fs::directory_iterator(kTokenFolder)) {
    if (entry.is_regular_file()) fs::remove(entry.path());
  }
  for (const auto& object : fs::directory_iterator(std::string(kTokenFolder) + "/TOK_OBJ")) {
    fs::remove_all(object.path());
  }
  fs::remove(kSharedMemory);
}

// The library forgets some of its memory in C_Finalize and unloads the part that took
// it, so that no suppression can name it. Whatever else AddressSanitizer sees, it tells.
void AllowLeaks() {
#ifdef __SANITIZE_ADDRESS__
  __lsan_disable();
#endif
}

}  // namespace

OpencryptokiToken::OpencryptokiToken() : turn_(TakeTurn()) {
  if (const auto reason = WhyNotErase()) throw std::runtime_error(*reason);
  if (pwrite(turn_.get(), "test\n", 5, 0) != 5) throw std::runtime_error("cannot mark the lock");
  AllowLeaks();
  EraseToken();
  if (!DaemonRuns()) StartDaemon();
  Initialize();
}

OpencryptokiToken::~OpencryptokiToken() {
  if (daemon_) {
    // It removes its socket and its memory, but not while it counts a process that has just
    // gone, and then it forgets that it was told.
    for (int i = 0; i < 60 && daemon_->IsRunning(); ++i) {
      daemon_->Kill(SIGTERM);
      daemon_->WaitFor(std::chrono::milliseconds(500));
    }
  }
  EraseToken();
  if (ftruncate(turn_.get(), 0) != 0) std::terminate();  // else the next one is refused
}

void OpencryptokiToken::StartDaemon() {
  fs::remove(kSocket);  // of one that was killed
  daemon_ = std::make_unique<ChildProcess>(std::vector<std::string>{kDaemon, "-f"});
  while (!fs::exists(kSocket)) {
    if (!daemon_->IsRunning()) throw std::runtime_error("pkcsslotd: " + daemon_->StandardError());
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

// Nothing works with the first PIN of either role: each must be changed.
void OpencryptokiToken::Initialize() {
  const std::map<std::string, std::string> pins = {
      {"FACTORY", kFactoryPin},
      {"SO", std::string(AsText(WriteRandomPin(folder_ / "so-pin").view()))},
      {"FIRST", std::string(AsText(WriteRandomPin(folder_ / "first-pin").view()))},
      {"PIN", std::string(AsText(WriteRandomPin(pin_file()).view()))},
  };
  const std::vector<std::vector<std::string>> steps = {
      {"--init-token", "--label", name(), "--so-pin", "env:FACTORY"},
      {"--login", "--login-type", "so", "--so-pin", "env:FACTORY", "--change-pin", "--new-pin",
       "env:SO"},
      {"--login", "--login-type", "so", "--so-pin", "env:SO", "--init-pin", "--new-pin",
       "env:FIRST"},
      {"--login", "--pin", "env:FIRST", "--change-pin", "--new-pin", "env:PIN"},
  };
  for (std::vector<std::string> step : steps) {
    step.insert(step.end(), {"--slot", kSlot});
    PrepareByPkcs11Tool(Module(), step, pins);
  }
}

std::optional<std::string> OpencryptokiToken::WhyNot() {
  if (auto missing = MissingFile(Module(), "opencryptoki")) return missing;
  if (auto missing = MissingFile(kDaemon, "opencryptoki")) return missing;
  if (auto missing = MissingFile("/usr/bin/pkcs11-tool", "opensc")) return missing;
  if (geteuid() != 0) return "openCryptoki's daemon runs as root only, and this test does not";
  const UniqueFd turn = TakeTurn();
  return WhyNotErase();
}

std::string OpencryptokiToken::Module() {
  return LibraryFolder() + "/pkcs11/libopencryptoki.so";
}

config::Token OpencryptokiToken::ToConfig(const std::string& name) const {
  config::Token token;
  token.name = name;
  token.module = Module();
  token.uri = "pkcs11:token=" + this->name();
  token.pin_file = pin_file();
  return token;
}

}  // namespace mortise::test
