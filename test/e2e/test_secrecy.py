# SPDX-License-Identifier: Apache-2.0
"""Keys stay in the token; seeds and PINs stay out of everything that lasts."""

import base64
import json
import pathlib
import subprocess
import sys
import threading
import unittest

from harness import TestCase, kms
from harness.paths import MORTISE
from harness.process import as_root, read_as_root, run
from harness.service import Dev, Service

# Run as root: which of the patterns (hex, one a line) are in the memory of a process.
SCANNER = """
import sys
pid = int(sys.argv[1])
patterns = [bytes.fromhex(line) for line in sys.stdin.read().split()]
found, scanned = set(), 0
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for line in maps:
        span, mode = line.split()[:2]
        if "r" not in mode or "[v" in line:
            continue
        start, end = (int(part, 16) for part in span.split("-"))
        try:
            memory.seek(start)
            data = memory.read(end - start)
        except OSError:
            continue
        scanned += len(data)
        found.update(i for i, pattern in enumerate(patterns) if pattern in data)
print(scanned, *sorted(found))
"""


def needs_root():
    if subprocess.run(as_root(["true"]), capture_output=True).returncode != 0:
        raise unittest.SkipTest("needs root or sudo, to read another process's memory")


def found_in_memory(pid, patterns):
    """Indexes of the patterns that the process's memory holds."""
    given = "\n".join(pattern.hex() for pattern in patterns)
    answer = subprocess.run(as_root([sys.executable, "-c", SCANNER, str(pid)]), input=given, text=True,
                            capture_output=True, check=True).stdout.split()
    assert int(answer[0]) > 1 << 20, f"only {answer[0]} bytes of process {pid} could be read"
    return [int(index) for index in answer[1:]]


class MemoryTest(TestCase):
    SERIAL = True
    TIMEOUT = 240

    def test_no_seed_is_in_memory_after_5000_decrypts(self):
        needs_root()
        dev = Dev(self)
        with dev.client() as client:
            seeds = [kms.new_seed() for _ in range(250)]
            wrapped = [client.encrypt(seed) for seed in seeds]
            for _ in range(20):
                for seed, item in zip(seeds, wrapped):
                    self.assertEqual(client.decrypt(item), seed)
            # The connection is still open, and so are its buffers.
            for pid in (dev.front.pid, *dev.workers()):
                self.assertEqual(found_in_memory(pid, seeds), [], f"seeds in process {pid}")
            self.assertNotEqual(found_in_memory(dev.front.pid, [client.status().key_id.encode()]), [],
                                "the scanner finds what is there")
        text = dev.front.text()
        for seed in seeds:
            for form in (seed.hex(), base64.b64encode(seed).decode()):
                self.assertNotIn(form, text)

    def test_the_front_holds_no_pin(self):
        needs_root()
        dev = Dev(self)
        pin = (dev.dir / "pin").read_text().strip().encode()
        self.assertEqual(found_in_memory(dev.front.pid, [pin]), [])


class ProcessTest(TestCase):
    def test_the_front_has_no_pkcs11_module_and_the_worker_has(self):
        needs_root()
        dev = Dev(self)
        maps = read_as_root(f"/proc/{dev.front.pid}/maps").decode()
        self.assertNotIn("softhsm", maps)
        self.assertNotIn("p11-kit-proxy", maps)
        self.assertNotIn("pkcs11", maps)
        self.assertIn("softhsm", read_as_root(f"/proc/{dev.workers()[0]}/maps").decode())

    def test_neither_process_dumps_core_or_gains_privileges(self):
        needs_root()
        dev = Dev(self)
        for pid in (dev.front.pid, *dev.workers()):
            limits = read_as_root(f"/proc/{pid}/limits").decode()
            self.assertRegex(limits, r"Max core file size\s+0\s+0")
            self.assertIn("NoNewPrivs:\t1", read_as_root(f"/proc/{pid}/status").decode())

    def test_no_symbol_is_looked_up_while_a_seed_is_in_the_registers(self):
        needs_root()
        dev = Dev(self)
        for pid in (dev.front.pid, *dev.workers()):
            self.assertIn(b"LD_BIND_NOW=1", read_as_root(f"/proc/{pid}/environ").split(b"\0"))

    def test_the_pin_is_in_no_arguments_environment_or_log(self):
        needs_root()
        seen, done = {}, threading.Event()

        def watch():  # everything that runs while the token is made and served
            while not done.is_set():
                for folder in pathlib.Path("/proc").glob("[0-9]*"):
                    try:
                        words = (folder / "cmdline").read_bytes()
                        if b"mortise" in words or b"softhsm" in words:
                            seen[words] = True
                            seen[(folder / "environ").read_bytes()] = True
                    except OSError:
                        continue

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            dev = Dev(self)
        finally:
            done.set()
            watcher.join()
        pin = (dev.dir / "pin").read_text().strip()
        self.assertGreaterEqual(len(pin), 8)
        for pid in (dev.front.pid, *dev.workers()):
            seen[read_as_root(f"/proc/{pid}/cmdline")] = True
            seen[read_as_root(f"/proc/{pid}/environ")] = True
        self.assertGreater(len(seen), 3)
        self.assertFalse([text for text in seen if pin.encode() in text])
        self.assertNotIn(pin, dev.front.text())
        for file in dev.dir.rglob("*"):
            if file.is_file() and "token" not in str(file.relative_to(dev.dir)) and file.name not in ("pin", "so-pin"):
                self.assertNotIn(pin.encode(), file.read_bytes(), file)


class KeyTest(TestCase):
    def test_the_kek_is_sensitive_never_extractable_and_made_in_the_token(self):
        service = Service(self)
        listing = service.token.pkcs11_tool("--list-objects", "--type", "secrkey")
        self.assertEqual(listing.count("Secret Key Object"), 1)
        access = next(line for line in listing.splitlines() if "Access:" in line)
        for word in ("sensitive", "always sensitive", "never extractable", "local"):
            self.assertIn(word, access)
        usage = next(line for line in listing.splitlines() if "Usage:" in line)
        self.assertEqual(usage.split(":")[1].replace(" ", ""), "encrypt,decrypt")

    def test_key_list_names_what_status_names(self):
        service = Service(self)
        service.start()
        listing = run([MORTISE, "key", "list", "--config", service.config_file, "-o", "json"]).stdout
        with service.client() as client:
            self.assertIn(client.status().key_id, json.dumps(json.loads(listing)))
