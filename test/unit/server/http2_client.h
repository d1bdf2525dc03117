// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "test/unit/server/serving_test.h"

namespace mortise::test {

// HTTP/2 by hand, for what no well-behaved client sends.
class Http2Client {
 public:
  enum FrameType : std::uint8_t {
    kData = 0,
    kHeaders = 1,
    kReset = 3,
    kSettings = 4,
    kPing = 6,
    kGoAway = 7
  };
  using Headers = std::vector<std::pair<std::string, std::string>>;
  struct Frame {
    std::uint8_t type;
    std::uint8_t flags;
    std::string payload;
  };

  // Receive gives up after `patience` without a byte.
  explicit Http2Client(const std::string& socket,
                       std::chrono::milliseconds patience = std::chrono::seconds(5))
      : fd_(Connect(socket)) {
    const timeval limit{.tv_sec = patience.count() / 1000,
                        .tv_usec = patience.count() % 1000 * 1000};
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    SendRaw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    SendFrame(kSettings, 0, 0, "");
  }

  int fd() const { return fd_.get(); }

  bool SendRaw(const std::string& bytes) {
    return send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  bool SendFrame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                 const std::string& payload) {
    std::string frame;
    for (const int shift : {16, 8, 0}) frame += static_cast<char>(payload.size() >> shift);
    frame += static_cast<char>(type);
    frame += static_cast<char>(flags);
    for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(stream >> shift);
    return SendRaw(frame + payload);
  }
  // A whole request head with END_HEADERS.
  bool SendHeaders(std::uint32_t stream, const Headers& headers) {
    std::string block;
    for (const auto& [name, value] : headers) {  // RFC 7541 §6.2.2, no Huffman code
      block += '\0' + Text(name) + Text(value);
    }
    constexpr std::uint8_t kEndHeaders = 4;
    return SendFrame(kHeaders, kEndHeaders, stream, block);
  }
  static Headers GrpcHeaders(const std::string& method,
                             const std::string& authority = "localhost") {
    return {{":method", "POST"},
            {":scheme", "http"},
            {":path", "/v2.KeyManagementService/" + method},
            {":authority", authority},
            {"content-type", "application/grpc"},
            {"te", "trailers"}};
  }

  // The next frame, acknowledged if need be; nothing after a hang-up or too long a silence.
  std::optional<Frame> Receive() {
    constexpr std::uint8_t kAck = 1;
    auto frame = ReceiveOne();
    if (frame && (frame->flags & kAck) == 0 && frame->type == kPing) {
      SendFrame(kPing, kAck, 0, frame->payload);
    } else if (frame && (frame->flags & kAck) == 0 && frame->type == kSettings) {
      SendFrame(kSettings, kAck, 0, "");
    }
    return frame;
  }

 private:
  std::optional<Frame> ReceiveOne() {
    const std::string head = ReceiveExactly(9);
    if (head.size() < 9) return std::nullopt;
    const auto byte = [&head](int i) { return static_cast<std::uint8_t>(head[i]); };
    const std::size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
    return Frame{byte(3), byte(4), ReceiveExactly(size)};
  }

  static std::string Text(const std::string& text) {  // RFC 7541 §5.1, §5.2
    std::string out;
    std::size_t size = text.size();
    if (size < 127) {
      out += static_cast<char>(size);
    } else {
      out += '\x7f';
      for (size -= 127; size >= 128; size /= 128) out += static_cast<char>(size % 128 + 128);
      out += static_cast<char>(size);
    }
    return out + text;
  }
  std::string ReceiveExactly(std::size_t size) {
    std::string bytes(size, '\0');
    const ssize_t got = recv(fd_.get(), bytes.data(), size, MSG_WAITALL);
    bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return bytes;
  }

  const UniqueFd fd_;
};

}  // namespace mortise::test
