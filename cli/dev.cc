// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

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
  std::string metrics_address = "127.0.0.1:9464";
};

void RequireOk(ExitCode code, const std::string& what) {
  if (code != ExitCode::kOk)
    throw Error(Reason::kConfig, what + " failed; the reason stands above");
}

// In processes of their own: a process that serves never loads a vendor's library.
void MakeTokenAndKey(const DevFolder& folder) {
  if (folder.HasKey()) return;
  const std::map<std::string, std::string> environment = {
      {"SOFTHSM2_CONF", folder.File("softhsm2.conf")}};
  RequireOk(RunSelf({"token", "init", "--module", DevFolder::Module(), "--label", DevFolder::kName,
                     "--pin-file", folder.File("pin"), "--so-pin-file", folder.File("so-pin"),
                     "--if-missing"},
                    environment),
            "making the token");
  RequireOk(RunSelf({"key", "create", "--config", folder.File("mortise.yaml"), "--admin-config",
                     folder.File("admin.yaml"), "--keyring", DevFolder::kName, "--if-missing"},
                    environment),
            "making the key");
}

// Keeps dev.json true, and says once what to do next.
class Reporter {
 public:
  Reporter(const DevFolder& folder, std::string dir, const config::Config& config)
      : folder_(folder), options_dir_(std::move(dir)), config_(config) {}

  void Tell(const ServeHooks::Facts& facts) {
    const bool wants_url = !config_.metrics.address.empty();
    if (facts.key_id.empty() || facts.worker_pids.empty() ||
        (wants_url && facts.metrics_url.empty()))
      return;
    const DevReport report{.socket = config_.keyrings.front().socket,
                           .metrics_url = facts.metrics_url,
                           .key_id = facts.key_id,
                           .front_pid = getpid(),
                           .worker_pids = {facts.worker_pids.begin(), facts.worker_pids.end()}};
    if (written_ && *written_ == report) return;
    WriteFileAtomically(folder_.File("dev.json"), DevJson(report) + "\n");
    if (!written_) std::cout << NextSteps(report, options_dir_) << std::flush;
    written_ = report;
  }

 private:
  const DevFolder& folder_;
  const std::string options_dir_;
  const config::Config& config_;
  std::optional<DevReport> written_;
};

ExitCode Dev(const DevOptions& options) {
  const DevFolder folder(options.dir);
  folder.WriteFiles(options.metrics_address);
  MakeTokenAndKey(folder);
  config::Config config = config::Load(folder.File("mortise.yaml"));
  config.metrics.address = options.metrics_address;
  unlink(folder.File("dev.json").c_str());  // until it serves, nobody shall believe the old one
  Reporter reporter(folder, options.dir, config);
  return RunServe(config,
                  {.on_facts = [&](const ServeHooks::Facts& facts) { reporter.Tell(facts); }});
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
                  "host:port; port 0 is any free one; \"\" turns it off")
      ->capture_default_str();
  dev->callback([options, &chosen] { chosen = [options] { return Dev(*options); }; });
}

}  // namespace mortise::cli
