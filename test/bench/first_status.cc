// SPDX-License-Identifier: Apache-2.0
// Starts a KMS v2 plugin and takes the time until its socket speaks and until its first
// healthy Status; then stops it. bench_first_status SOCKET COMMAND ARGUMENT...
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <thread>

#include "base/error.h"
#include "cli/kms_client.h"
#include "cli/socket_check.h"

namespace mortise::bench {
namespace {

using std::chrono::milliseconds;

constexpr auto kGiveUp = std::chrono::seconds(30);

// The command as a child, stopped at the end, by force where it will not.
class Plugin {
 public:
  explicit Plugin(char** command) {
    const int error = posix_spawnp(&pid_, command[0], nullptr, nullptr, command, environ);
    if (error != 0) throw Error(Reason::kUnavailable, ErrnoText(error));
  }
  ~Plugin() {
    kill(pid_, SIGTERM);
    const auto end = Clock::now() + kGiveUp;
    while (waitpid(pid_, nullptr, WNOHANG) == 0) {
      if (Clock::now() > end) kill(pid_, SIGKILL);
      std::this_thread::sleep_for(milliseconds(10));
    }
  }
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;

 private:
  pid_t pid_ = 0;
};

// Asks every millisecond until the answer is yes; when that was, after `start`.
template <typename Question>
double Until(Clock::time_point start, const char* what, Question question) {
  while (!question()) {
    if (Clock::now() - start > kGiveUp) {
      throw Error(Reason::kTimeout, std::string("waited in vain for ") + what);
    }
    std::this_thread::sleep_for(milliseconds(1));
  }
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

void Measure(const char* socket, char** command) {
  const cli::SocketAddress address(socket);
  const auto start = Clock::now();
  const Plugin plugin(command);
  const double connect_ms = Until(start, "the socket", [&] {
    return cli::CheckSocket(address, milliseconds(1000)).state == cli::SocketState::kSpeaksHttp2;
  });
  cli::KmsClient client(address);
  const double ok_ms = Until(start, "a healthy Status", [&] {
    const auto status = client.Status(milliseconds(1000));
    return status.value && status.value->healthz == "ok";
  });
  fmt::print("{{\"socketMs\": {:.1f}, \"firstOkMs\": {:.1f}}}\n", connect_ms, ok_ms);
}

}  // namespace
}  // namespace mortise::bench

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: bench_first_status SOCKET COMMAND ARGUMENT...\n";
    return 2;
  }
  try {
    mortise::bench::Measure(argv[1], argv + 2);
  } catch (const std::exception& error) {
    std::cerr << "bench_first_status: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
