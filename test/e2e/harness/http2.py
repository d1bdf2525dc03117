# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 by hand, for what no gRPC library would send."""

import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header(name, value):
    """HPACK: a literal that is not indexed, with a new name (RFC 7541 6.2.2)."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def hello():
    return PREFACE + frame(SETTINGS, 0, 0)


def call(method, changed=(), message=b""):
    """A gRPC call on stream 1; `changed` replaces or adds headers."""
    fields = {b":method": b"POST", b":scheme": b"http", b":path": method, b":authority": b"localhost",
              b"te": b"trailers", b"content-type": b"application/grpc"}
    fields |= dict(changed)
    block = b"".join(header(name, value) for name, value in fields.items())
    body = b"\0" + struct.pack(">I", len(message)) + message
    return frame(HEADERS, END_HEADERS, 1, block) + frame(DATA, END_STREAM, 1, body)


def seconds_until_ended(path, method, message, timeout, patience):
    """How long the server takes to end a call that has a `timeout` ("50m" is 50 ms). This client
    has no clock of its own: it waits up to `patience` seconds, then socket.timeout is raised."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.settimeout(patience)
        stream = connection.makefile("rb")
        start = time.monotonic()
        connection.sendall(hello() + call(method, {b"grpc-timeout": timeout}, message))
        while True:
            head = stream.read(9)
            if len(head) < 9:
                raise ConnectionError("the server hung up")
            kind, flags, number = head[3], head[4], struct.unpack(">I", head[5:])[0]
            payload = stream.read(int.from_bytes(head[:3], "big"))
            if kind in (SETTINGS, PING) and not flags & ACK:
                connection.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))
            if number == 1 and (kind == RESET or kind in (DATA, HEADERS) and flags & END_STREAM):
                return time.monotonic() - start
