// SPDX-License-Identifier: Apache-2.0
#include "metrics/process_collector.h"

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "metrics/sample.h"

namespace mortise::metrics {
namespace {

double Seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double StartTime() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  // proc(5): starttime is field 22; the name in field 2 may hold anything, so count
  // from its closing parenthesis.
  std::istringstream fields(text.substr(text.rfind(')') == text.npos ? 0 : text.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  double ticks = 0;
  fields >> ticks;
  const double age = Seconds(CLOCK_BOOTTIME) - ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
  return Seconds(CLOCK_REALTIME) - age;
}

struct Memory {
  double virtual_bytes = 0;
  double resident_bytes = 0;
};

Memory MemoryInUse() {
  std::ifstream file("/proc/self/statm");
  Memory pages;
  file >> pages.virtual_bytes >> pages.resident_bytes;
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  return {pages.virtual_bytes * page, pages.resident_bytes * page};
}

// The kernel lets every thread list its own process's descriptors, dumpable or not.
int OpenDescriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  if (!folder) return 0;
  int count = -1;  // the folder's own
  while (const dirent* entry = readdir(folder.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count;
}

prometheus::MetricFamily One(prometheus::MetricFamily family, double value) {
  AddSample(family, {}, value);
  return family;
}

}  // namespace

ProcessCollector::ProcessCollector() : start_time_(StartTime()) {}

std::vector<prometheus::MetricFamily> ProcessCollector::Collect() const {
  const Memory memory = MemoryInUse();
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  return {One(EmptyCounter(kProcessCpu), Seconds(CLOCK_PROCESS_CPUTIME_ID)),
          One(EmptyGauge(kProcessResident), memory.resident_bytes),
          One(EmptyGauge(kProcessVirtual), memory.virtual_bytes),
          One(EmptyGauge(kProcessStart), start_time_),
          One(EmptyGauge(kProcessOpenFds), OpenDescriptors()),
          One(EmptyGauge(kProcessMaxFds), static_cast<double>(descriptors.rlim_cur))};
}

}  // namespace mortise::metrics
