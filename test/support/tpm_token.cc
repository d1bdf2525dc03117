// SPDX-License-Identifier: Apache-2.0
#include "test/support/tpm_token.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

#include <filesystem>
#include <random>
#include <stdexcept>

#include "base/file.h"

namespace mortise::test {
namespace {

constexpr const char* kTpm = "/usr/bin/swtpm";
constexpr const char* kBus = "/usr/bin/dbus-daemon";
constexpr const char* kBusSend = "/usr/bin/dbus-send";
constexpr const char* kBroker = "/usr/sbin/tpm2-abrmd";
constexpr const char* kPtool = "/usr/bin/tpm2_ptool";
constexpr const char* kPython = "/usr/bin/python3";  // Debian's, which has ptool's modules
constexpr const char* kCallPtool = R"(
import sys, tpm2_pkcs11.tpm2_ptool as ptool
sys.argv = ["tpm2_ptool"] + [open(a[1:]).read() if a.startswith("@") else a for a in sys.argv[1:]]
ptool.main()
)";

bool IsFree(int port) {
  const UniqueFd socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return bind(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

// The TCTI of swtpm takes one port and uses the next as well.
int TwoFreePorts() {
  std::random_device random;
  for (int port = 0;;) {
    port = std::uniform_int_distribution<int>(20000, 32000)(random);
    if (IsFree(port) && IsFree(port + 1)) return port;
  }
}

std::string_view Algorithm(ToolKey kind) {
  switch (kind) {
    case ToolKey::kAes256:
      return "aes256";
    case ToolKey::kRsa3072:
      return "rsa3072";
    case ToolKey::kHmacSha256:
      return "hmac:sha256";
  }
  throw std::logic_error("no such kind of key");
}

void Stop(ChildProcess& process) {
  process.Kill(SIGTERM);
  process.WaitFor(std::chrono::seconds(5));
}

}  // namespace

TpmToken::TpmToken() {
  StartTpm();
  StartBroker();
  std::filesystem::create_directory(folder_ / "store");
  WriteRandomPin(pin_file());
  WriteRandomPin(folder_ / "so-pin");
  RunPtool({"init"});
  RunPtool({"addtoken", "--pid", "1", "--label", name(), "--sopin", "@" + (folder_ / "so-pin"),
            "--userpin", "@" + pin_file()});
}

TpmToken::~TpmToken() {
  for (ChildProcess* process : {broker_.get(), bus_.get(), tpm_.get()}) Stop(*process);
}

void TpmToken::StartTpm() {
  std::filesystem::create_directory(folder_ / "state");
  // Another process may take a port between the look and the use: then the next two.
  for (int attempt = 0; attempt < 10; ++attempt) {
    port_ = TwoFreePorts();
    const auto at = [](int port) {
      return "type=tcp,bindaddr=127.0.0.1,port=" + std::to_string(port);
    };
    tpm_ = std::make_unique<ChildProcess>(std::vector<std::string>{
        kTpm, "socket", "--tpm2", "--tpmstate", "dir=" + (folder_ / "state"), "--server", at(port_),
        "--ctrl", at(port_ + 1), "--flags", "not-need-init,startup-clear", "--pid",
        "file=" + (folder_ / "swtpm.pid")});
    while (tpm_->IsRunning()) {
      if (std::filesystem::exists(folder_ / "swtpm.pid")) return;
    }
  }
  throw std::runtime_error("swtpm: " + tpm_->StandardError());
}

void TpmToken::StartBroker() {
  bus_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{kBus, "--session", "--nofork", "--nopidfile", "--print-address",
                               "--address=unix:path=" + (folder_ / "bus")});
  if (!bus_->WaitForOutput("unix:path=")) {
    throw std::runtime_error("dbus-daemon: " + bus_->StandardError());
  }
  broker_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{kBroker, "--session", "--allow-root", "--flush-all",
                               "--tcti=swtpm:host=127.0.0.1,port=" + std::to_string(port_)},
      environment());
  // It says nothing when it is ready, but takes its name on the bus.
  while (RunCommand({kBusSend, "--session", "--print-reply=literal", "--dest=org.freedesktop.DBus",
                     "/", "org.freedesktop.DBus.GetNameOwner", "string:com.intel.tss2.Tabrmd"},
                    environment())
             .status != 0) {
    if (!broker_->IsRunning()) {
      throw std::runtime_error("tpm2-abrmd: " + broker_->StandardOutput() +
                               broker_->StandardError());
    }
  }
}

void TpmToken::RunPtool(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command = {kPython, "-c", kCallPtool};
  command.insert(command.end(), arguments.begin(), arguments.end());
  Prepare(command, environment());
}

bool TpmToken::MakeKeyByTool(ToolKey kind, const std::string& label, const std::string& id) {
  RunPtool({"addkey", "--label", name(), "--userpin", "@" + pin_file(), "--algorithm",
            std::string(Algorithm(kind)), "--key-label", label, "--id", id});
  return true;
}

std::optional<std::string> TpmToken::WhyNot() {
  const std::vector<std::pair<std::string, std::string>> needs = {
      {Module(), "libtpm2-pkcs11-1"},
      {kPtool, "libtpm2-pkcs11-tools"},
      {kTpm, "swtpm"},
      {LibraryFolder() + "/libtss2-tcti-swtpm.so.0", "libtss2-tcti-swtpm0"},
      {kBroker, "tpm2-abrmd"},
      {LibraryFolder() + "/libtss2-tcti-tabrmd.so.0", "libtss2-tcti-tabrmd0"},
      {kBus, "dbus"},
      {kBusSend, "dbus"},
  };
  for (const auto& [file, package] : needs) {
    if (auto missing = MissingFile(file, package)) return missing;
  }
  return std::nullopt;
}

std::string TpmToken::Module() {
  return LibraryFolder() + "/libtpm2_pkcs11.so.1";
}

std::map<std::string, std::string> TpmToken::environment() const {
  return {{"DBUS_SESSION_BUS_ADDRESS", "unix:path=" + (folder_ / "bus")},
          {"TPM2_PKCS11_TCTI", "tabrmd:bus_type=session"},
          {"TPM2TOOLS_TCTI", "tabrmd:bus_type=session"},
          {"TPM2_PKCS11_STORE", folder_ / "store"}};
}

config::Token TpmToken::ToConfig(const std::string& name) const {
  config::Token token;
  token.name = name;
  token.module = Module();
  token.uri = "pkcs11:token=" + this->name();
  token.pin_file = pin_file();
  token.environment = environment();
  return token;
}

}  // namespace mortise::test
