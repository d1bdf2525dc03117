# SPDX-License-Identifier: Apache-2.0
"""A real etcd and a real kube-apiserver, and the REST calls that the tests need."""

import base64
import http.client
import json
import ssl
import unittest

from harness.paths import kube_tool
from harness.process import free_port, run
from harness.wait import eventually

NAMESPACE = "kms-e2e"


def require_tools():
    if not kube_tool("kube-apiserver") or not kube_tool("etcd"):
        raise unittest.SkipTest("needs kube-apiserver and etcd: run scripts/e2e")


class Etcd:
    def __init__(self, test):
        self.url = f"http://127.0.0.1:{free_port()}"
        peer = f"http://127.0.0.1:{free_port()}"
        test.start([kube_tool("etcd"), "--data-dir", test.dir / "etcd", "--listen-client-urls", self.url,
                    "--advertise-client-urls", self.url, "--listen-peer-urls", peer, "--unsafe-no-fsync"], "etcd.log")

    def ctl(self, *arguments):
        return json.loads(run([kube_tool("etcdctl"), "--endpoints", self.url, *arguments, "-w", "json"]).stdout)

    def values(self, prefix):
        """{key: value} as stored, in bytes."""
        pairs = self.ctl("get", "--prefix", prefix).get("kvs", [])
        return {base64.b64decode(pair["key"]).decode(): base64.b64decode(pair["value"]) for pair in pairs}

    def put(self, key, value):
        """A value of any bytes: by etcd's JSON gateway, since etcdctl takes text alone."""
        host = self.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=10)
        body = json.dumps({"key": base64.b64encode(key.encode()).decode(), "value": base64.b64encode(value).decode()})
        connection.request("POST", "/v3/kv/put", body)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        connection.close()


class ApiServer:
    def __init__(self, test, etcd, encryption_config):
        self.test, self.etcd, self.encryption_config = test, etcd, encryption_config
        self.dir = test.dir
        self.port = free_port()
        self.runs = 0
        (self.dir / "tokens.csv").write_text("e2e-token,admin,1,system:masters\n")
        run(["openssl", "genrsa", "-out", self.dir / "sa.key", "2048"])
        run(["openssl", "rsa", "-in", self.dir / "sa.key", "-pubout", "-out", self.dir / "sa.pub"])
        self._connection = None

    def launch(self):
        self.child = self.test.start([
            kube_tool("kube-apiserver"), f"--etcd-servers={self.etcd.url}", "--bind-address=127.0.0.1",
            f"--secure-port={self.port}", f"--cert-dir={self.dir / 'certs'}",
            f"--token-auth-file={self.dir / 'tokens.csv'}",
            f"--service-account-issuer=https://127.0.0.1:{self.port}/",
            f"--service-account-key-file={self.dir / 'sa.pub'}",
            f"--service-account-signing-key-file={self.dir / 'sa.key'}",
            "--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
            f"--encryption-provider-config={self.encryption_config}",
            "--encryption-provider-config-automatic-reload=true", "-v=2"], f"apiserver-{self.runs}.log")
        self.runs += 1

    def start(self):
        self.launch()
        eventually(lambda: self.get("/readyz")[0] == 200, 60, "kube-apiserver is ready", step=0.25)

    def restart(self):
        """A new process: its cache of DEK seeds is empty, and it makes a seed of its own."""
        self.child.stop(30)
        self.start()

    def request(self, method, path, body=None):
        """(HTTP status, text); (0, why) without a connection."""
        for attempt in (1, 2):
            try:
                if self._connection is None:
                    context = ssl.create_default_context()
                    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                    self._connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context)
                self._connection.request(method, path, body and json.dumps(body),
                                         {"Authorization": "Bearer e2e-token", "Content-Type": "application/json"})
                answer = self._connection.getresponse()
                return answer.status, answer.read().decode()
            except (OSError, http.client.HTTPException) as error:
                self._connection = None
                if attempt == 2:
                    return 0, str(error)

    def get(self, path):
        return self.request("GET", path)

    def must(self, method, path, body=None):
        status, text = self.request(method, path, body)
        self.test.assertIn(status, (200, 201), f"{method} {path}: {text[:500]}")
        return json.loads(text)

    def create_namespace(self):
        self.must("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})

    def create_secret(self, name, data):
        self.must("POST", f"/api/v1/namespaces/{NAMESPACE}/secrets",
                  {"metadata": {"name": name}, "data": {"value": base64.b64encode(data).decode()}})

    def secret(self, name):
        """Read from etcd, never from the watch cache: there is no resourceVersion."""
        answer = self.must("GET", f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}")
        return base64.b64decode(answer["data"]["value"])

    def kms_health(self):
        """(HTTP status, text) of the check of all KMS providers."""
        return self.get("/readyz/kms-providers")


def stored_fields(value, prefix):
    """The EncryptedObject behind `k8s:enc:kms:v2:NAME:`: {field number: bytes or number}."""
    assert value.startswith(prefix), value[:60]
    data, fields, at = value[len(prefix):], {}, 0

    def varint():
        nonlocal at
        number = shift = 0
        while True:
            byte = data[at]
            at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            fields[tag >> 3] = varint()
        else:
            size = varint()
            fields[tag >> 3] = data[at:at + size]
            at += size
    return fields
