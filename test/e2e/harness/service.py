# SPDX-License-Identifier: Apache-2.0
"""`mortise dev` and `mortise serve` as children, with all that they need."""

import json

from harness import kms
from harness.case import uid
from harness.paths import MORTISE
from harness.process import exists, free_port, run, workers
from harness.token import Token
from harness.wait import eventually


class Dev:
    """`mortise dev`: the whole product on a token of its own."""

    def __init__(self, test, folder="dev"):
        self.test = test
        self.dir = test.dir / folder
        self.socket = self.dir / "kms.sock"
        self.start()

    def start(self):
        (self.dir / "dev.json").unlink(missing_ok=True)
        self.front = self.test.start([MORTISE, "dev", "--dir", self.dir, "--metrics-address", "127.0.0.1:0"],
                                     f"{self.dir.name}.log")
        eventually(lambda: (self.dir / "dev.json").exists() or not self.front.is_running(), 20, "mortise dev serves")
        self.test.assertTrue(self.front.is_running(), "mortise dev ended: " + self.front.text())
        with self.client() as client:
            eventually(lambda: kms.is_healthy(client), 10, "Status is ok")

    def facts(self):
        return json.loads((self.dir / "dev.json").read_text())

    def client(self, **options):
        return kms.Client(self.socket, **options)

    def workers(self):
        return workers(self.front.pid)


class Service:
    """`mortise serve` with a configuration of the test's own; made, but not yet started.

    Until start() a test may change what the file says: token_settings,
    keyring_settings and settings are laid over the values below.
    """

    def __init__(self, test, name="prod", token=None, faulty=False, with_key=True):
        self.test = test
        self.name = name
        self.dir = test.dir / name
        self.dir.mkdir()
        self.socket = self.dir / "kms.sock"
        self.config_file = self.dir / "mortise.yaml"
        self.admin_file = self.dir / "admin.yaml"
        self.metrics = f"127.0.0.1:{free_port()}"
        self.settings, self.token_settings, self.keyring_settings = {}, {}, {}
        self.fronts = []
        self.token = token
        if token is None:
            self.token = Token(self.dir / "hsm")
            self.write_config()
            if with_key:
                self.create_key()
        self.faults = self.token.with_faults() if faulty else None

    def config(self):
        token = {"name": "hsm-a", "module": self.token.module, "uri": f"pkcs11:token={self.token.label}",
                 "pinFile": str(self.token.pin_file), "environment": self.token.environment, **self.token_settings}
        keyring = {"name": "prod", "context": "cluster-e2e", "socket": str(self.socket), "allowedUids": [uid()],
                   "maxWrapsPerSecond": 0, **self.keyring_settings}
        return {"stateDir": str(self.dir / "state"), "metrics": {"address": self.metrics}, "log": {"format": "json"},
                "tokens": [token], "keyrings": [keyring], **self.settings}

    def write_config(self):
        # JSON is YAML.
        self.config_file.write_text(json.dumps(self.config(), indent=1))
        self.admin_file.write_text(json.dumps({"tokens": [{"name": "hsm-a", "pinFile": str(self.token.pin_file)}]}))
        for file in (self.config_file, self.admin_file):
            file.chmod(0o600)

    def shorten_limits(self, policy, staleness):
        """Limits short enough for a test to wait for; `staleness` in seconds."""
        self.keyring_settings |= {"statusPolicy": policy, "statusStaleness": f"{staleness}s"}
        self.token_settings |= {"canaryInterval": "1s", "operationTimeout": "1s"}

    def create_key(self):
        run([MORTISE, "key", "create", "--config", self.config_file, "--admin-config", self.admin_file,
             "--keyring", "prod"])

    def launch(self, *options):
        """Starts one more front, and does not wait for it."""
        self.write_config()
        front = self.test.start([MORTISE, "serve", "--config", self.config_file, *options],
                                f"{self.name}-{len(self.fronts)}.log")
        self.fronts.append(front)
        return front

    def start(self, *options):
        front = self.launch(*options)
        self.wait_until_healthy()
        return front

    def wait_until_healthy(self, seconds=15):
        with self.client() as client:
            eventually(lambda: kms.is_healthy(client), seconds, "Status is ok")

    @property
    def front(self):
        return self.fronts[-1]

    def client(self, **options):
        return kms.Client(self.socket, **options)

    def workers(self):
        return [pid for front in self.fronts for pid in workers(front.pid)]

    def log_text(self):
        return "".join(front.text() for front in self.fronts)

    def take_over(self):
        """A successor over the live socket; gives the old front, which drains."""
        old, inode = self.front, self.socket.stat().st_ino
        self.launch("--take-over")
        eventually(lambda: self.socket.stat().st_ino != inode, 15, "the successor has the socket's path")
        return old

    def survivors(self, pids):
        return [pid for pid in pids if exists(pid)]


def bench(socket, rpc, callers, seconds, log, test):
    """`mortise bench` in the background; report() gives its JSON when it has ended."""
    child = test.start([MORTISE, "bench", "--socket", socket, "--rpc", rpc, "--callers", callers,
                        "--duration", f"{seconds}s", "-o", "json"], log, errors=f"stderr-of-{log}")
    return Bench(child, seconds)


class Bench:
    def __init__(self, child, seconds):
        self.child, self._seconds = child, seconds

    def is_running(self):
        return self.child.is_running()

    def report(self):
        self.child.wait(self._seconds + 30)
        return json.loads(self.child.text())
