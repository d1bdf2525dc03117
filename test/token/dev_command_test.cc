// SPDX-License-Identifier: Apache-2.0
// `mortise dev` as a whole: front, worker, token, and the files that it makes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/file.h"
#include "test/support/child_process.h"
#include "test/support/temp_dir.h"

namespace mortise::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

class DevCommandTest : public ::testing::Test {
 protected:
  std::string In(const std::string& name) const { return dir_ + "/" + name; }

  std::unique_ptr<ChildProcess> Start() const {
    return std::make_unique<ChildProcess>(std::vector<std::string>{
        MORTISE_EXECUTABLE, "dev", "--dir", dir_, "--metrics-address", "127.0.0.1:0"});
  }
  // dev.json, once `wanted` holds of it; null after 30 s.
  template <typename Wanted>
  json Report(Wanted wanted) const {
    for (int i = 0; i < 3000; ++i) {
      if (fs::exists(In("dev.json"))) {
        json report = json::parse(ReadFile(In("dev.json")));
        if (wanted(report)) return report;
      }
      std::this_thread::sleep_for(10ms);
    }
    return nullptr;
  }
  json Report() const {
    return Report([](const json&) { return true; });
  }
  static void Stop(ChildProcess& dev) {
    dev.Kill(SIGTERM);
    EXPECT_EQ(dev.WaitFor(), 0) << dev.StandardError();
  }
  // Of a run of its own.
  std::string KeyId() const {
    const auto dev = Start();
    const json report = Report();
    Stop(*dev);
    return report.at("keyId");
  }
  CommandResult Probe() const {
    return RunCommand({MORTISE_EXECUTABLE, "probe", "--socket", In("kms.sock")});
  }

  TempDir parent_;
  std::string dir_ = parent_ / "dev";
};

TEST_F(DevCommandTest, ServesFromAnEmptyFolderAndSaysWhere) {
  const auto dev = Start();
  const json report = Report();
  EXPECT_EQ(report.at("socket"), In("kms.sock"));
  EXPECT_EQ(report.at("frontPid"), dev->pid());
  EXPECT_EQ(report.at("workerPids").size(), 1U);
  EXPECT_TRUE(report.at("keyId").get<std::string>().starts_with("dev.1."));
  EXPECT_EQ(Probe().status, 0) << dev->StandardError();
  EXPECT_TRUE(dev->WaitForOutput("mortise probe --socket " + In("kms.sock")));
}

TEST_F(DevCommandTest, KeepsTheLibraryAndThePinOutOfTheFront) {
  const auto dev = Start();
  const json report = Report();
  const std::string worker = std::to_string(report.at("workerPids").at(0).get<int>());
  const std::string front = std::to_string(dev->pid());
  EXPECT_THAT(ReadFile("/proc/" + worker + "/maps"), HasSubstr("softhsm"));
  EXPECT_THAT(ReadFile("/proc/" + front + "/maps", 16 << 20),
              AllOf(Not(HasSubstr("softhsm")), HasSubstr("mortise")));
  const std::string pin = ReadFile(In("pin"));
  for (const std::string& pid : {front, worker}) {
    EXPECT_THAT(ReadFile("/proc/" + pid + "/cmdline"), Not(HasSubstr(pin)));
    EXPECT_THAT(ReadFile("/proc/" + pid + "/environ"), Not(HasSubstr(pin)));
  }
}

TEST_F(DevCommandTest, GoesOnWithTheSameKey) {
  EXPECT_EQ(KeyId(), KeyId());
}

TEST_F(DevCommandTest, RewritesItsReportWhenAWorkerWasReplaced) {
  const auto dev = Start();
  const int worker = Report().at("workerPids").at(0);
  kill(worker, SIGKILL);
  const json later =
      Report([&](const json& report) { return report.at("workerPids").at(0) != worker; });
  ASSERT_FALSE(later.is_null());
  EXPECT_EQ(Probe().status, 0);
}

TEST_F(DevCommandTest, LeavesNoReportOfAServiceThatHasEnded) {
  const auto dev = Start();
  Report();
  Stop(*dev);
  EXPECT_FALSE(fs::exists(In("dev.json")));
}

TEST_F(DevCommandTest, CompletesAFolderWhoseStateWasLost) {
  const std::string key_id = KeyId();
  fs::remove_all(In("state"));
  EXPECT_EQ(KeyId(), key_id);
}

TEST_F(DevCommandTest, MakesTheTokenAnewWhereNoneWasFinished) {
  KeyId();
  fs::remove_all(In("state"));
  fs::remove_all(In("tokens"));
  EXPECT_TRUE(KeyId().starts_with("dev.1."));
}

TEST_F(DevCommandTest, RefusesAFolderThatLostItsPin) {
  KeyId();
  fs::remove(In("pin"));
  const auto dev = Start();
  EXPECT_EQ(dev->WaitFor(), 2);
  EXPECT_THAT(dev->StandardError(), HasSubstr("start anew with another --dir"));
}

TEST_F(DevCommandTest, RefusesAConfigurationThatWasBrokenAndNamesTheLine) {
  KeyId();
  WriteFileAtomically(In("mortise.yaml"), ReadFile(In("mortise.yaml")) + "nonsense: 1\n");
  const auto dev = Start();
  EXPECT_EQ(dev->WaitFor(), 2);
  EXPECT_THAT(dev->StandardError(), HasSubstr("mortise.yaml:"));
}

TEST_F(DevCommandTest, SaysThatItServesThoughTheMetricsPortIsTaken) {
  const auto other = Start();
  std::string address = Report().at("metricsUrl");
  address = address.substr(7, address.rfind('/') - 7);
  const std::string dir = parent_ / "second";
  ChildProcess dev({MORTISE_EXECUTABLE, "dev", "--dir", dir, "--metrics-address", address});
  EXPECT_TRUE(dev.WaitForOutput("Serving keyring dev at " + dir)) << dev.StandardError();
  EXPECT_EQ(json::parse(ReadFile(dir + "/dev.json")).at("metricsUrl"), "");
  EXPECT_THAT(dev.StandardError(), HasSubstr("--metrics-address 127.0.0.1:0"));
}

TEST_F(DevCommandTest, SaysInTheLogWhereMetricsAre) {
  const auto dev = Start();
  const std::string url = Report().at("metricsUrl");
  EXPECT_THAT(dev->StandardError(), AllOf(HasSubstr("metrics_ready"), HasSubstr(url)));
}

TEST_F(DevCommandTest, HasMetricsAtTheAddressItReports) {
  const auto dev = Start();
  const std::string url = Report().at("metricsUrl");
  EXPECT_TRUE(url.starts_with("http://127.0.0.1:") && url.ends_with("/metrics")) << url;
  EXPECT_EQ(
      RunCommand({MORTISE_EXECUTABLE, "status", "--url", url.substr(0, url.rfind('/'))}).status, 0);
}

}  // namespace
}  // namespace mortise::test
