# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 by hand, for what no gRPC library would send."""

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, GOAWAY = 0, 1, 4, 7
END_STREAM, END_HEADERS = 1, 4


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header(name, value):
    """HPACK: a literal that is not indexed, with a new name (RFC 7541 6.2.2)."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def hello():
    return PREFACE + frame(SETTINGS, 0, 0)


def call(method, changed=()):
    """A gRPC call of an empty message on stream 1; `changed` replaces or adds headers."""
    fields = {b":method": b"POST", b":scheme": b"http", b":path": method, b":authority": b"localhost",
              b"te": b"trailers", b"content-type": b"application/grpc"}
    fields |= dict(changed)
    block = b"".join(header(name, value) for name, value in fields.items())
    return frame(HEADERS, END_HEADERS, 1, block) + frame(DATA, END_STREAM, 1, bytes(5))
