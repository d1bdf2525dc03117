// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

namespace mortise::server {
namespace {

// What lies at an address now, whoever owns it: read as another process would.
std::string MemoryAt(std::uintptr_t address, std::size_t size) {
  std::string bytes(size, '?');
  const iovec to{bytes.data(), size};
  const iovec from{reinterpret_cast<void*>(address), size};
  const ssize_t got = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return bytes;
}

// Taken before a block is freed: afterwards the pointer must not be used.
std::uintptr_t AddressOf(const void* block) {
  return reinterpret_cast<std::uintptr_t>(block);
}

constexpr char kSeed[] = "seed-seed-seed-seed";

bool HoldsSeed(std::uintptr_t address, std::size_t size) {
  return MemoryAt(address, size).find(kSeed) != std::string::npos;
}

char* BlockWithSeedAtItsEnd(std::size_t size) {
  char* const block = static_cast<char*>(std::malloc(size));
  std::memset(block, 'x', size);
  std::memcpy(block + size - sizeof(kSeed), kSeed, sizeof(kSeed));
  return block;
}

class WipingFreeTest : public testing::TestWithParam<std::size_t> {};

TEST_P(WipingFreeTest, OverwritesWhatIsFreed) {
  char* const block = BlockWithSeedAtItsEnd(GetParam());
  const std::uintptr_t address = AddressOf(block);
  ASSERT_TRUE(HoldsSeed(address, GetParam()));
  std::free(block);
  EXPECT_FALSE(HoldsSeed(address, GetParam()));
}

TEST_P(WipingFreeTest, OverwritesWhatABlockLeavesWhenItGrows) {
  char* const block = BlockWithSeedAtItsEnd(GetParam());
  const std::uintptr_t address = AddressOf(block);
  void* const between = std::malloc(16);  // so that it has to move
  void* const grown = std::realloc(block, GetParam() * 4);
  ASSERT_TRUE(HoldsSeed(AddressOf(grown), GetParam()));
  EXPECT_TRUE(AddressOf(grown) == address || !HoldsSeed(address, GetParam()));
  std::free(between);
  std::free(grown);
}

TEST_P(WipingFreeTest, OverwritesTheEndOfABlockThatShrinks) {
  char* const block = BlockWithSeedAtItsEnd(GetParam());
  const std::uintptr_t address = AddressOf(block);
  void* const shrunk = std::realloc(block, GetParam() / 4);
  EXPECT_FALSE(HoldsSeed(address, GetParam()));
  EXPECT_EQ(MemoryAt(AddressOf(shrunk), GetParam() / 4), std::string(GetParam() / 4, 'x'));
  std::free(shrunk);
}

INSTANTIATE_TEST_SUITE_P(Sizes, WipingFreeTest, testing::Values(64, 1000, 8192, 100000, 1 << 20));

TEST(WipingFreeTest, IsWhatOperatorDeleteUsesInLibrariesToo) {
  auto text = std::make_unique<std::string>(100, 'x');
  text->replace(50, sizeof(kSeed), kSeed);
  const std::uintptr_t address = AddressOf(text->data());
  text.reset();
  EXPECT_FALSE(HoldsSeed(address, 100));
}

TEST(WipingFreeTest, KeepsErrnoAndTakesAlignedBlocksAndNull) {
  errno = 42;
  std::free(nullptr);
  std::free(std::aligned_alloc(4096, 8192));
  EXPECT_EQ(errno, 42);
  void* const made = reallocarray(nullptr, 10, 10);
  ASSERT_NE(made, nullptr);
  const volatile std::size_t too_many = SIZE_MAX / 2;  // unknown to the compiler
  EXPECT_EQ(reallocarray(made, too_many, 4), nullptr);
  std::free(made);
}

}  // namespace
}  // namespace mortise::server
