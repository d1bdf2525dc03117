# SPDX-License-Identifier: Apache-2.0
"""Wrong configuration ends with exit 2; a wrong token keeps the process running and says why."""

import os
import signal
import socket
import stat
import urllib.request

from harness import TestCase, eventually, kms
from harness.paths import MORTISE
from harness.process import run
from harness.service import Service


class ConfigurationTest(TestCase):
    def setUp(self):
        super().setUp()
        self.service = Service(self, with_key=False)

    def assert_refused(self, *words):
        front = self.service.launch()
        self.assertEqual(front.wait(15), 2, front.text())
        for word in words:
            self.assertIn(word, front.text())

    def test_a_missing_file_is_named(self):
        done = run([MORTISE, "serve", "--config", self.dir / "none.yaml"], check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(str(self.dir / "none.yaml"), done.stderr)

    def test_all_mistakes_are_told_at_once_with_line_and_nearest_key(self):
        self.service.keyring_settings["sokcet"] = "/run/x.sock"
        self.service.token_settings["sessions"] = "many"
        self.assert_refused("sokcet", "socket", "sessions", "mortise.yaml:")

    def test_a_feature_that_comes_later_is_refused(self):
        self.service.keyring_settings["trust"] = "pinned"
        self.assert_refused("trust")

    def test_a_pin_file_that_others_may_read_is_refused(self):
        self.service.token.pin_file.chmod(0o444)
        front = self.service.launch()
        self.assertIn(front.wait(15), (2, 7), front.text())
        self.assertIn(str(self.service.token.pin_file), front.text())


class MetricsPortTest(TestCase):
    def test_a_taken_port_keeps_no_key_from_being_used_and_is_taken_up_when_free(self):
        service = Service(self)
        host, port = service.metrics.split(":")
        with socket.create_server((host, int(port))):
            service.start()
            with service.client() as client:
                seed = kms.new_seed()
                self.assertEqual(client.decrypt(client.encrypt(seed)), seed)
            self.assertIn("metrics_port_taken", service.front.text())
        eventually(lambda: self.is_alive(service), 10, "the metrics are served")

    @staticmethod
    def is_alive(service):
        try:
            with urllib.request.urlopen(f"http://{service.metrics}/livez", timeout=5) as page:
                return page.read() == b"ok\n"
        except OSError:
            return False


class WrongTokenTest(TestCase):
    def assert_keeps_running_and_says(self, service, *words):
        front = service.launch()
        with service.client() as client:
            code, message = kms.outcome(client.status, timeout=10)
            self.assertEqual(code, kms.UNAVAILABLE)
            # Called again and again, as kube-apiserver does: the log has a Status when its reason changes.
            eventually(lambda: kms.outcome(client.status) and all(word in front.text() for word in words), 15,
                       f"the log says {words}")
            self.assertEqual(kms.outcome(client.encrypt, kms.new_seed(), timeout=3)[0] in
                             (kms.UNAVAILABLE, kms.DEADLINE_EXCEEDED), True, message)
        self.assertTrue(front.is_running())
        self.assertEqual(front.stop(), 0)

    def test_a_module_that_is_missing(self):
        service = Service(self)
        service.token_settings["module"] = str(self.dir / "no-such-module.so")
        front = service.launch()
        # Known before anything runs: the configuration names a file that is not there.
        self.assertEqual(front.wait(15), 2, front.text())
        self.assertIn("no-such-module.so", front.text())

    def test_a_module_that_is_not_a_pkcs11_library(self):
        service = Service(self)
        wrong = self.dir / "text.so"
        wrong.write_text("not a library")
        wrong.chmod(stat.S_IRUSR)
        service.token_settings["module"] = str(wrong)
        self.assert_keeps_running_and_says(service, "text.so")

    def test_no_such_token(self):
        service = Service(self)
        service.token_settings["uri"] = "pkcs11:token=nobody"
        self.assert_keeps_running_and_says(service, "nobody")

    def test_two_tokens_that_match(self):
        service = Service(self)
        service.token.add_twin()
        self.assert_keeps_running_and_says(service, service.token.label)

    def test_no_key(self):
        service = Service(self, with_key=False)
        self.assert_keeps_running_and_says(service, "key create")

    def test_a_key_that_is_made_later_is_served_without_a_restart(self):
        service = Service(self, with_key=False)
        service.keyring_settings["rescanInterval"] = "1s"
        front = service.launch()
        service.create_key()
        service.wait_until_healthy(40)
        self.assertTrue(front.is_running())


class PlantedObjectTest(TestCase):
    def test_objects_with_the_label_and_id_of_the_kek_change_nothing(self):
        service = Service(self)
        listing = service.token.pkcs11_tool("--list-objects", "--type", "secrkey")
        fields = dict(line.strip().split(":", 1) for line in listing.splitlines() if ":" in line)
        label, identity = fields["label"].strip(), fields["ID"].strip()
        planted = self.dir / "planted"
        planted.write_bytes(bytes(range(32)))
        for _ in range(2):  # as a user who may log in, and as a stranger
            service.token.pkcs11_tool("--write-object", planted, "--type", "secrkey", "--key-type", "AES:32",
                                      "--label", label, "--id", identity, "--private", "--sensitive")
        service.token.pkcs11_tool("--write-object", planted, "--type", "secrkey", "--key-type", "AES:32",
                                  "--label", label, "--id", identity, "--usage-decrypt")
        service.token.pkcs11_tool("--write-object", planted, "--type", "data", "--label", label)
        self.assertEqual(service.token.pkcs11_tool("--list-objects").count(label), 5)
        service.start()
        with service.client() as client:
            seed = kms.new_seed()
            wrapped = client.encrypt(seed)
            for _ in range(4):  # each worker lists the objects in an order of its own
                self.assertEqual(client.decrypt(wrapped), seed)
                for pid in service.workers():
                    os.kill(pid, signal.SIGKILL)
                service.wait_until_healthy()
            self.assertEqual(client.decrypt(client.encrypt(seed)), seed)
