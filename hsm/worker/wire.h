// SPDX-License-Identifier: Apache-2.0
// The bytes between front and worker: same machine, same build, so integers are in
// host order; still every read is bounded, because a worker holds vendor code.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"
#include "base/error.h"

namespace mortise::hsm {

class WireWriter {
 public:
  explicit WireWriter(std::string& out) : out_(out) {}

  template <typename T>
    requires std::is_trivially_copyable_v<T>
  void Put(T value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void PutBytes(std::string_view bytes) {
    if (bytes.size() > 0xffff)
      throw Error(Reason::kInternal, "a message field exceeds 65535 bytes");
    Put(static_cast<std::uint16_t>(bytes.size()));
    out_.append(bytes);
  }
  void PutBytes(ByteView bytes) { PutBytes(AsText(bytes)); }

 private:
  std::string& out_;
};

// Throws Error(kInternal) when the message ends early. Views point into `in`.
class WireReader {
 public:
  explicit WireReader(std::string_view in) : in_(in) {}

  template <typename T>
    requires std::is_trivially_copyable_v<T>
  T Get() {
    T value;
    std::memcpy(&value, Take(sizeof(value)).data(), sizeof(value));
    return value;
  }
  std::string_view GetBytes() { return Take(Get<std::uint16_t>()); }
  std::string_view Rest() { return Take(in_.size()); }
  bool empty() const { return in_.empty(); }

 private:
  std::string_view Take(std::size_t size) {
    if (size > in_.size())
      throw Error(Reason::kInternal, "a message between front and worker is cut short");
    const std::string_view taken = in_.substr(0, size);
    in_.remove_prefix(size);
    return taken;
  }

  std::string_view in_;
};

}  // namespace mortise::hsm
