# SPDX-License-Identifier: Apache-2.0
"""A wrong PIN is tried once in its life."""

from harness import TestCase, eventually, kms
from harness.paths import MORTISE
from harness.process import run
from harness.service import Service


class WrongPinTest(TestCase):
    SERIAL = True
    TIMEOUT = 180

    def setUp(self):
        super().setUp()
        self.service = Service(self, faulty=True)
        self.right = self.service.token.pin_file
        self.service.token_settings["pinFile"] = str(self.service.token.wrong_pin_file())
        self.logins_before = self.service.faults.calls("C_Login")

    def logins(self):
        return self.service.faults.calls("C_Login") - self.logins_before

    def start_and_see_it_refused(self):
        front = self.service.launch()
        with self.service.client() as client:
            eventually(lambda: kms.outcome(client.status)[0] == kms.UNAVAILABLE and
                       "pin" in kms.outcome(client.status)[1].lower(), 15, "Status says that the PIN was rejected")
        return front

    def test_it_is_tried_once_over_restarts(self):
        for _ in range(3):
            self.start_and_see_it_refused().stop()
        front = self.start_and_see_it_refused()
        front.kill()
        self.start_and_see_it_refused()
        self.assertEqual(self.logins(), 1)

    def test_it_is_tried_once_by_processes_started_at_once(self):
        # Keyrings of their own, one state folder: the latch belongs to the node.
        fronts = []
        for number in range(4):
            self.service.keyring_settings["socket"] = str(self.service.dir / f"kms{number}.sock")
            self.service.settings["metrics"] = {"address": ""}
            fronts.append(self.service.launch())
        for number in range(4):
            with kms.Client(self.service.dir / f"kms{number}.sock") as client:
                eventually(lambda: "pin" in kms.outcome(client.status)[1].lower(), 20, "each says that the PIN was rejected")
        self.assertEqual(self.logins(), 1)
        self.assertTrue(all(front.is_running() for front in fronts))

    def test_the_right_pin_is_tried_again_after_unlatch(self):
        self.start_and_see_it_refused().stop()
        self.service.token_settings["pinFile"] = str(self.right)
        self.service.write_config()
        run([MORTISE, "token", "unlatch", "--config", self.service.config_file, "hsm-a"])
        self.service.start()
        self.assertEqual(kms.outcome(self.service.client().encrypt, kms.new_seed()), (kms.OK, ""))
