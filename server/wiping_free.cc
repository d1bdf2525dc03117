// SPDX-License-Identifier: Apache-2.0
// gRPC and protobuf leave copies of seeds in memory that they have freed. So in the
// front executable free and realloc overwrite what they give back; operator delete and
// every library of the process come through here too. glibc keeps its own allocator
// reachable under the names used below. A sanitizer brings its own free, so this file
// is empty then.
#ifndef MORTISE_SANITIZED

#include <malloc.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

extern "C" {

void __libc_free(void* block);                        // NOLINT(bugprone-reserved-identifier)
void* __libc_malloc(std::size_t size);                // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void* block, std::size_t size);  // NOLINT(bugprone-reserved-identifier)

}  // extern "C"

namespace {

// The compiler must not know that nobody reads this again.
void Overwrite(void* from, std::size_t size) {
  std::memset(from, 0, size);
  asm volatile("" : : "r"(from) : "memory");
}

}  // namespace

extern "C" {

void free(void* block) noexcept {
  if (block == nullptr) return;
  const int saved_errno = errno;
  Overwrite(block, malloc_usable_size(block));
  __libc_free(block);
  errno = saved_errno;
}

// A block that glibc moves is freed inside glibc, unseen; so a block that grows is moved
// here. One that shrinks stays where it is, and only its end is given back.
void* realloc(void* block, std::size_t size) noexcept {
  if (block == nullptr) return __libc_malloc(size);
  if (size == 0) {
    free(block);
    return nullptr;
  }
  const std::size_t usable = malloc_usable_size(block);
  if (size <= usable) {
    Overwrite(static_cast<char*>(block) + size, usable - size);
    return __libc_realloc(block, size);
  }
  void* const grown = __libc_malloc(size);
  if (grown == nullptr) return nullptr;
  std::memcpy(grown, block, usable);
  free(block);
  return grown;
}

void* reallocarray(void* block, std::size_t count, std::size_t size) noexcept {
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return nullptr;
  }
  return realloc(block, bytes);
}

}  // extern "C"

#endif
