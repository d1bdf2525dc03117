// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.h"
#include "cli/run_serve.h"
#include "config/loader.h"
#include "server/successor.h"

namespace mortise::cli {

void AddServe(CLI::App& app, Command& chosen) {
  struct Flags {
    std::string config;
    bool take_over = false;
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* serve = AddCommand(app, "serve", "Serve kube-apiserver until told to stop",
                               "mortise serve --config /etc/mortise/mortise.yaml\n"
                               "mortise serve --config /etc/mortise/mortise.yaml --take-over");
  serve->add_option("--config", flags->config, "The configuration file")->required();
  serve->add_flag("--take-over", flags->take_over,
                  "Take the sockets over from a running instance; no call is lost");
  serve->callback([flags, &chosen] {
    chosen = [flags] {
      const config::Config config = config::Load(flags->config);
      return RunServe(config, {.successor = {server::OwnExecutable(), "serve", "--config",
                                             flags->config, "--take-over"},
                               .take_over = flags->take_over});
    };
  });
}

}  // namespace mortise::cli
