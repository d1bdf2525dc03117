// SPDX-License-Identifier: Apache-2.0
#include "doctor/doctor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/doctor_report.h"
#include "cli/output.h"
#include "cli/socket_check.h"
#include "cli/statusz_page.h"
#include "cli/token_process.h"

namespace mortise::cli {
namespace {

struct Options {
  doctor::Order order;
  std::vector<std::string> only;
  bool is_strict = false;
  OutputFormat format = OutputFormat::kTable;
};

doctor::SocketSight LookAtSocket(const std::string& path) {
  using Kind = doctor::SocketSight::Kind;
  const SocketFinding found = CheckSocket(SocketAddress(path), std::chrono::seconds(2));
  switch (found.state) {
    case SocketState::kSpeaksHttp2:
      return {Kind::kServed, ""};
    case SocketState::kMissing:
      return {Kind::kNothing, ""};
    case SocketState::kNotASocket:
      return {Kind::kNoSocket, found.detail};
    case SocketState::kNobodyListens:
      return {Kind::kDead, found.detail};
    case SocketState::kPermissionDenied:
      return {Kind::kDenied, found.detail};
    case SocketState::kClosedAtOnce:
      return {Kind::kRefusesUs, found.detail};
    case SocketState::kSilent:
    case SocketState::kOtherProtocol:
      return {Kind::kNotOurKind, found.detail};
  }
  return {Kind::kNotOurKind, found.detail};
}

nlohmann::ordered_json ReadStatusz(const std::string& url) {
  return FetchStatusz(HttpUrl(url), std::chrono::seconds(5));
}

bool HasColours() {
  return isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
}

ExitCode Examine(const Options& options) {
  const std::vector<doctor::Check> checks = doctor::Examine(
      options.order,
      {.look_at_socket = LookAtSocket, .read_statusz = ReadStatusz, .run_for_token = RunForToken});
  if (options.format == OutputFormat::kJson) {
    PrintJson(DoctorJson(checks));
  } else {
    std::cout << DoctorTable(checks, HasColours());
  }
  return Verdict(checks, options.is_strict);
}

void TakeOnly(const std::vector<std::string>& words, std::set<std::string>& categories) {
  for (const std::string& word : words) {
    if (std::ranges::find(doctor::kCategories, word) == std::end(doctor::kCategories)) {
      throw CLI::ValidationError(
          "--only", fmt::format("{} is none of: {}", word, fmt::join(doctor::kCategories, ", ")));
    }
    categories.insert(word);
  }
}

}  // namespace

void AddDoctor(CLI::App& app, Command& chosen) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = AddCommand(
      app, "doctor",
      "Find out what is wrong, and say what to do about it, whether the service runs or not. "
      "Exits with 0 (nothing failed), 1 (something did) or, with --strict, 3 (warnings only)",
      "mortise doctor --config /etc/mortise/mortise.yaml\n"
      "mortise doctor --config /etc/mortise/mortise.yaml --only host,library -o json\n"
      "mortise doctor --config /etc/mortise/mortise.yaml --encryption-config "
      "/etc/kubernetes/encryption.yaml --urls http://cp-1:9464,http://cp-2:9464");
  command->add_option("--config", options->order.config_file, "The configuration file")
      ->required()
      ->option_text("FILE");
  command
      ->add_option("--only", options->only,
                   fmt::format("Look at these alone: {}", fmt::join(doctor::kCategories, ", ")))
      ->delimiter(',')
      ->option_text("CATEGORY,...");
  command
      ->add_option("--encryption-config", options->order.encryption_files,
                   "kube-apiserver's EncryptionConfiguration; given again: of another node, must "
                   "say the same")
      ->option_text("FILE");
  command
      ->add_option("--urls", options->order.urls,
                   "Where the nodes of the cluster serve metrics: they must agree")
      ->delimiter(',')
      ->option_text("URL,...");
  command->add_flag("!--no-login", options->order.may_login,
                    "Send no PIN: what only a login shows is skipped");
  command->add_flag("--strict", options->is_strict, "Exit with 3 when there are warnings");
  AddOutputOption(*command, options->format);
  command->callback([options, &chosen] {
    TakeOnly(options->only, options->order.categories);
    chosen = [options] { return Examine(*options); };
  });
}

}  // namespace mortise::cli
