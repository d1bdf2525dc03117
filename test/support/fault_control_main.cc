// SPDX-License-Identifier: Apache-2.0
// FaultControl for scripts: fault-control FILE COMMAND...
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "test/support/fault_control.h"

namespace {

using mortise::test::FaultControl;

constexpr char kUsage[] =
    "usage: fault-control FILE COMMAND    times in milliseconds, return codes as numbers\n"
    "  create                 make the file, with no fault\n"
    "  delay FUNCTION TIME    before every call\n"
    "  once FUNCTION RV [TIME]\n"
    "  answer FUNCTION RV     to every call; 0 ends it\n"
    "  hang FUNCTION [CALLS]  | release\n"
    "  crash FUNCTION [CALLS]\n"
    "  corrupt FUNCTION [CALLS]\n"
    "  pause TIME             | pause-every PERIOD TIME\n"
    "  remove | return        the token\n"
    "  play ROLE[,ROLE...]    acts, lies and false facts of fault_module/README.md\n"
    "  clear                  all faults and roles\n"
    "  calls [FUNCTION]       print how often it, or each, was called, in all processes\n"
    "example: fault-control /tmp/faults delay C_Decrypt 2\n";

FaultControl::Time Milliseconds(const std::string& text) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::stod(text) * 1e6));
}

void PrintCalls(const FaultControl& faults, const std::string& function) {
  if (!function.empty()) {
    std::cout << faults.Calls(function) << "\n";
    return;
  }
  for (const auto& [name, calls] : faults.Calls()) std::cout << name << " " << calls << "\n";
}

void Run(FaultControl& faults, const std::vector<std::string>& words) {
  const std::string& command = words.at(0);
  const auto calls = [&] {
    return words.size() > 2 ? std::stoll(words[2]) : mortise::test::kEveryCall;
  };
  const auto rv = [&] { return std::stoull(words.at(2), nullptr, 0); };
  if (command == "create") return;
  if (command == "delay") return faults.Delay(words.at(1), Milliseconds(words.at(2)));
  if (command == "once") {
    return faults.Once(words.at(1), rv(),
                       words.size() > 3 ? Milliseconds(words[3]) : FaultControl::Time{});
  }
  if (command == "answer") return faults.Answer(words.at(1), rv());
  if (command == "hang") return faults.Hang(words.at(1), calls());
  if (command == "release") return faults.ReleaseHangs();
  if (command == "crash") return faults.Crash(words.at(1), calls());
  if (command == "corrupt") return faults.Corrupt(words.at(1), calls());
  if (command == "pause") return faults.PauseFor(Milliseconds(words.at(1)));
  if (command == "pause-every") {
    return faults.PauseEvery(Milliseconds(words.at(1)), Milliseconds(words.at(2)));
  }
  if (command == "remove") return faults.RemoveToken();
  if (command == "return") return faults.ReturnToken();
  if (command == "play") return faults.Play(words.at(1));
  if (command == "clear") return faults.Clear();
  if (command == "calls") return PrintCalls(faults, words.size() > 1 ? words[1] : "");
  throw std::invalid_argument("unknown command " + command);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << kUsage;
    return 2;
  }
  try {
    FaultControl faults(argv[1]);
    Run(faults, std::vector<std::string>(argv + 2, argv + argc));
  } catch (const std::exception& error) {
    std::cerr << "fault-control: " << error.what() << "\n" << kUsage;
    return 2;
  }
  return 0;
}
