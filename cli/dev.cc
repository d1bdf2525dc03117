// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <optional>

#include "base/file.h"
#include "cli/command.h"
#include "cli/dev_folder.h"
#include "cli/dev_report.h"
#include "cli/run_serve.h"
#include "cli/self.h"
#include "config/loader.h"

namespace mortise::cli {
namespace {

struct DevOptions {
  std::string dir;
  std::optional<std::string> metrics_address;
};

// In processes of their own: a process that serves never loads a vendor's library.
// What goes wrong there has been said there.
ExitCode MakeTokenAndKey(const DevFolder& folder) {
  if (folder.HasKey()) return ExitCode::kOk;
  const std::map<std::string, std::string> environment = {
      {"SOFTHSM2_CONF", folder.File("softhsm2.conf")}};
  const ExitCode made = RunSelf(
      {"token", "init", "--module", DevFolder::Module(), "--label", DevFolder::kName, "--pin-file",
       folder.File("pin"), "--so-pin-file", folder.File("so-pin"), "--if-missing"},
      environment);
  if (made != ExitCode::kOk) return made;
  return RunSelf({"key", "create", "--config", folder.File("mortise.yaml"), "--admin-config",
                  folder.File("admin.yaml"), "--keyring", DevFolder::kName, "--if-missing"},
                 environment);
}

// Keeps dev.json true for as long as it serves, and says once what to do next.
class Reporter {
 public:
  Reporter(const DevFolder& folder, const config::Config& config)
      : folder_(folder), config_(config) {}
  ~Reporter() { unlink(folder_.File("dev.json").c_str()); }
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

  void Tell(const ServeHooks::Facts& facts) {
    if (facts.key_id.empty() || facts.worker_pids.empty()) return;
    const DevReport report{.socket = config_.keyrings.front().socket,
                           .metrics_url = facts.metrics_url,
                           .key_id = facts.key_id,
                           .front_pid = getpid(),
                           .worker_pids = {facts.worker_pids.begin(), facts.worker_pids.end()}};
    if (told_ == report) return;
    Write(report);
    if (!told_) std::cout << NextSteps(report, folder_.path()) << std::flush;
    told_ = report;
  }

 private:
  // A full disk is no reason to stop serving.
  void Write(const DevReport& report) const {
    try {
      WriteFileAtomically(folder_.File("dev.json"), DevJson(report));
    } catch (const Error& error) {
      std::cerr << "mortise: " << error.what() << '\n';
    }
  }

  const DevFolder& folder_;
  const config::Config& config_;
  std::optional<DevReport> told_;
};

ExitCode Dev(const DevOptions& options) {
  const DevFolder folder(options.dir);
  // What a run that was killed has left names processes that are gone.
  unlink(folder.File("dev.json").c_str());
  folder.WriteFiles(options.metrics_address.value_or(config::Metrics{}.address));
  if (const ExitCode made = MakeTokenAndKey(folder); made != ExitCode::kOk) return made;
  config::Config config = config::Load(folder.File("mortise.yaml"));
  if (options.metrics_address) config.metrics.address = *options.metrics_address;
  Reporter reporter(folder, config);
  return RunServe(config,
                  {.port_advice = ", or start `mortise dev` with --metrics-address 127.0.0.1:0",
                   .on_facts = [&](const ServeHooks::Facts& facts) { reporter.Tell(facts); }});
}

}  // namespace

void AddDev(CLI::App& app, Command& chosen) {
  const auto options = std::make_shared<DevOptions>();
  CLI::App* dev =
      AddCommand(app, "dev", "Try it out: a SoftHSM2 token, a key and the service in one folder",
                 "mortise dev --dir ~/mortise-dev\n"
                 "mortise dev --dir /tmp/m --metrics-address 127.0.0.1:0");
  dev->add_option("--dir", options->dir, "Made if missing, and used again the next time")
      ->required();
  dev->add_option("--metrics-address", options->metrics_address,
                  "host:port instead of mortise.yaml's; port 0 is any free one; \"\" turns it off");
  dev->callback([options, &chosen] { chosen = [options] { return Dev(*options); }; });
}

}  // namespace mortise::cli
