// SPDX-License-Identifier: Apache-2.0
// `serve` over a fake keyring, for tests of what only whole processes show: signals,
// take-over, limits of the system. Prints one JSON line an event on standard error.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "server/log.h"
#include "server/quiet_libraries.h"
#include "server/serve.h"
#include "test/unit/server/fake_keyring.h"

namespace mortise::test {
namespace {

bool Has(const std::vector<std::string>& arguments, const std::string& word) {
  return std::find(arguments.begin(), arguments.end(), word) != arguments.end();
}

// front_under_test SOCKET [--take-over] [--sick] [--hold] [--few-files]
int Run(const std::vector<std::string>& arguments) {
  server::PrepareSignals();
  server::QuietLibraries();
  if (Has(arguments, "--few-files")) {
    constexpr rlim_t kFew = 60;
    const rlimit limit{kFew, kFew};
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  config::Config config;
  config.server.max_connection_age = std::chrono::seconds(1);
  config.keyrings.resize(1);
  config.keyrings[0].name = "prod";
  config.keyrings[0].socket = arguments.at(1);
  config.keyrings[0].allowed_uids = {geteuid()};
  const auto keyring = std::make_shared<FakeKeyring>();
  if (Has(arguments, "--sick")) keyring->SetStatus({});
  if (Has(arguments, "--hold")) keyring->Hold();

  std::vector<std::string> successor = arguments;
  successor[0] = server::OwnExecutable();
  if (!Has(arguments, "--take-over")) successor.push_back("--take-over");
  server::Log log({.level = config::LogLevel::kInfo, .format = config::LogFormat::kJson});
  server::Front front(
      {.config = config,
       .keyrings = {keyring},
       .events = log,
       .observers = {&log},
       .take_over = Has(arguments, "--take-over") ? server::TakeOver::kYes : server::TakeOver::kNo,
       .successor = successor,
       .on_serving = [] { std::fputs("serving\n", stderr); },
       .on_superseded = [] { std::fputs("superseded\n", stderr); }});
  front.Run();
  std::fputs("done\n", stderr);
  return 0;
}

}  // namespace
}  // namespace mortise::test

int main(int count, char** values) {
  try {
    return mortise::test::Run({values, values + count});
  } catch (const mortise::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.reason() == mortise::Reason::kPermission ? 7 : 2;
  }
}
