// SPDX-License-Identifier: Apache-2.0
#include "test/support/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <array>
#include <cstdlib>
#include <stdexcept>

namespace mortise::test {
namespace {

constexpr auto kLimit = std::chrono::seconds(60);

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Terminal::Terminal(const std::vector<std::string>& arguments,
                   const ChildProcess::Environment& environment) {
  int master = -1;
  int slave = -1;
  if (openpty(&master, &slave, nullptr, nullptr, nullptr) != 0) {
    throw std::runtime_error("openpty failed");
  }
  master_ = UniqueFd(master);
  slave_ = UniqueFd(slave);
  fcntl(master, F_SETFD, FD_CLOEXEC);
  std::vector<std::string> texts = arguments;
  const std::vector<char*> argv = Pointers(texts);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
  login_tty(slave);
  execvp(argv[0], argv.data());
  _exit(127);
}

Terminal::~Terminal() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Terminal::Type(const std::string& text) {
  if (write(master_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw std::runtime_error("cannot type");
  }
}

bool Terminal::Await(const std::string& text, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const std::size_t at = shown_.find(text, awaited_);
    if (at != std::string::npos) {
      awaited_ = at + text.size();
      return true;
    }
    if (std::chrono::steady_clock::now() > end) return false;
    ReadSome(std::chrono::milliseconds(50));
  }
}

int Terminal::Wait() {
  const auto end = std::chrono::steady_clock::now() + kLimit;
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > end) return -1;
    ReadSome(std::chrono::milliseconds(10));
  }
  pid_ = -1;
  while (ReadSome(std::chrono::milliseconds(0))) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool Terminal::IsEchoing() const {
  termios settings{};
  tcgetattr(master_.get(), &settings);
  return (settings.c_lflag & ECHO) != 0;
}

bool Terminal::ReadSome(std::chrono::milliseconds limit) {
  pollfd ready{master_.get(), POLLIN, 0};
  if (poll(&ready, 1, static_cast<int>(limit.count())) <= 0) return false;
  std::array<char, 4096> buffer;
  const ssize_t got = read(master_.get(), buffer.data(), buffer.size());
  if (got <= 0) return false;
  shown_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

}  // namespace mortise::test
