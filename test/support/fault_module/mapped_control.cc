// SPDX-License-Identifier: Apache-2.0
#include "test/support/fault_module/mapped_control.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

namespace mortise::test {
namespace {

Control& MapControl() {
  static Control no_faults{};
  const char* path = std::getenv(kControlVariable);
  if (path == nullptr) return no_faults;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return no_faults;
  void* memory = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return memory == MAP_FAILED ? no_faults : *static_cast<Control*>(memory);
}

}  // namespace

Control& TheControl() {
  static Control& control = MapControl();
  return control;
}

}  // namespace mortise::test
