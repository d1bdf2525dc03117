// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target over every file of the folders given, so that the seeds are a
// test under any compiler.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>

#include "base/bytes.h"
#include "base/file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  int count = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[i])) {
      std::printf("%s\n", entry.path().c_str());
      std::fflush(stdout);  // a crash shall leave the name of its seed
      const std::string text = mortise::ReadFile(entry.path());
      const mortise::ByteView bytes = mortise::AsBytes(text);
      LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
      ++count;
    }
  }
  std::printf("%d seeds\n", count);
  return count == 0 ? 1 : 0;
}
