# SPDX-License-Identifier: Apache-2.0
"""A KMS v2 client over gRPC: well-formed calls, and any bytes to any method."""

import os
import sys
import uuid

import grpc

from harness import http2
from harness.paths import BUILD

sys.path.insert(0, str(BUILD / "test" / "e2e"))
import kmsv2_pb2  # noqa: E402  (made from proto/kmsv2.proto by the build)

OK = grpc.StatusCode.OK
INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
FAILED_PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
NOT_FOUND = grpc.StatusCode.NOT_FOUND
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
DEADLINE_EXCEEDED = grpc.StatusCode.DEADLINE_EXCEEDED
RESOURCE_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
UNIMPLEMENTED = grpc.StatusCode.UNIMPLEMENTED
INTERNAL = grpc.StatusCode.INTERNAL


def new_seed():
    return os.urandom(32)


class Client:
    """One connection of its own. Calls wait for the connection, as kube-apiserver's do."""

    def __init__(self, socket, authority=None):
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 100),
                   ("grpc.min_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500),
                   ("grpc.max_send_message_length", -1)]
        if authority is not None:
            options.append(("grpc.default_authority", authority))
        self._channel = grpc.insecure_channel(f"unix:{socket}", options=options)

    def close(self):
        self._channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def raw(self, method, request=b"", timeout=10, service="v2.KeyManagementService", wait=True):
        """Bytes in, bytes out."""
        call = self._channel.unary_unary(f"/{service}/{method}")
        return call(request, timeout=timeout, wait_for_ready=wait)

    def status(self, timeout=10):
        return kmsv2_pb2.StatusResponse.FromString(self.raw("Status", b"", timeout))

    def encrypt(self, plaintext, timeout=10, uid=None):
        request = kmsv2_pb2.EncryptRequest(plaintext=plaintext, uid=str(uuid.uuid4()) if uid is None else uid)
        return kmsv2_pb2.EncryptResponse.FromString(self.raw("Encrypt", request.SerializeToString(), timeout))

    def decrypt(self, wrapped, timeout=10, **changed):
        """Opens an EncryptResponse; ciphertext=, key_id=, annotations=, uid= replace what it holds."""
        fields = {"ciphertext": wrapped.ciphertext, "key_id": wrapped.key_id, "uid": str(uuid.uuid4()),
                  "annotations": dict(wrapped.annotations), **changed}
        request = kmsv2_pb2.DecryptRequest(**fields).SerializeToString()
        return kmsv2_pb2.DecryptResponse.FromString(self.raw("Decrypt", request, timeout)).plaintext


def outcome(function, *arguments, **keywords):
    """(gRPC status code, message) of a call; (OK, "") when it succeeds."""
    try:
        function(*arguments, **keywords)
        return OK, ""
    except grpc.RpcError as error:
        return error.code(), error.details()


def seconds_until_decrypt_ends(socket, wrapped, timeout, patience):
    """How long the server lets a Decrypt of this `timeout` live; see http2.seconds_until_ended."""
    request = kmsv2_pb2.DecryptRequest(ciphertext=wrapped.ciphertext, key_id=wrapped.key_id)
    return http2.seconds_until_ended(socket, b"/v2.KeyManagementService/Decrypt", request.SerializeToString(), timeout,
                                     patience)


def is_healthy(client, timeout=2):
    try:
        return client.status(timeout).healthz == "ok"
    except grpc.RpcError:
        return False
