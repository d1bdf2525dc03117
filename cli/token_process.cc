// SPDX-License-Identifier: Apache-2.0
#include "cli/token_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

namespace mortise::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};

Pipe MakePipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error(Reason::kUnavailable, "pipe: " + ErrnoText(errno));
  }
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Killed and reaped, however the wait for it ends.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    if (pid_ > 0) Wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int Wait() {
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
};

std::string Answer(const std::function<Json()>& work) {
  constexpr auto kReplace = Json::error_handler_t::replace;
  try {
    return Json{{"result", work()}}.dump(-1, ' ', false, kReplace);
  } catch (const Error& error) {
    return Json{{"reason", static_cast<int>(error.reason())},
                {"message", error.what()},
                {"ckr", error.ckr()}}
        .dump(-1, ' ', false, kReplace);
  } catch (const std::exception& error) {
    return Json{
        {"reason", static_cast<int>(Reason::kInternal)}, {"message", error.what()}, {"ckr", 0}}
        .dump(-1, ' ', false, kReplace);
  }
}

[[noreturn]] void RunChild(const config::Token& token, const std::function<Json()>& work, int out) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // As a worker has it, so that what works here works there.
  clearenv();
  for (const auto& [name, value] : token.environment) setenv(name.c_str(), value.c_str(), 1);
  const std::string answer = Answer(work);
  for (std::size_t sent = 0; sent < answer.size();) {
    const ssize_t count = write(out, answer.data() + sent, answer.size() - sent);
    if (count < 0 && errno != EINTR) _exit(1);
    if (count > 0) sent += static_cast<std::size_t>(count);
  }
  // Not through exit handlers: vendors' libraries do not all survive theirs.
  _exit(0);
}

// A token that is in no configuration has no name.
std::string LibraryOf(const config::Token& token) {
  return "the PKCS#11 library " + token.module +
         (token.name.empty() ? "" : " of token " + token.name);
}

// Everything until the other end closes.
std::string ReadAll(int fd, Deadline deadline, const config::Token& token) {
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd ready{fd, POLLIN, 0};
    const int count = left.count() > 0 ? poll(&ready, 1, static_cast<int>(left.count())) : 0;
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      throw Error(
          Reason::kTimeout,
          LibraryOf(token) + " did not answer in time; check the HSM and the network to it");
    }
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

// SoftHSM2's is the variable that people set in their shell.
std::string EnvironmentHint(const config::Token& token) {
  constexpr const char* kName = "SOFTHSM2_CONF";
  if (std::getenv(kName) == nullptr || token.environment.contains(kName)) return {};
  return std::string("; ") + kName +
         " is set here, but workers and this command see only tokens[].environment: add it there";
}

}  // namespace

Json RunForToken(const config::Token& token, config::Duration limit,
                 const std::function<Json()>& work) {
  Pipe pipe = MakePipe();
  const pid_t pid = fork();
  if (pid < 0) throw Error(Reason::kUnavailable, "fork: " + ErrnoText(errno));
  if (pid == 0) RunChild(token, work, pipe.writer.get());
  pipe.writer.Reset();
  Child child(pid);
  const std::string text = ReadAll(pipe.reader.get(), Clock::now() + limit, token);
  const int status = child.Wait();
  const Json answer = Json::parse(text, nullptr, false);
  if (answer.is_discarded()) {
    throw Error(Reason::kWorkerLost,
                LibraryOf(token) + " ended the process" +
                    (WIFSIGNALED(status) ? " by signal " + std::to_string(WTERMSIG(status))
                                         : std::string()) +
                    "; ask its vendor");
  }
  if (answer.contains("result")) return answer["result"];
  const auto reason = static_cast<Reason>(answer.at("reason").get<int>());
  throw Error(reason,
              answer.at("message").get<std::string>() +
                  (reason == Reason::kUnavailable ? EnvironmentHint(token) : std::string()),
              answer.at("ckr").get<std::uint64_t>());
}

}  // namespace mortise::cli
