# SPDX-License-Identifier: Apache-2.0
"""A wrong PIN is tried once in its life."""

import time

from harness import TestCase, eventually, kms
from harness.paths import MORTISE
from harness.process import kill_pid, run
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
        # Sockets of their own, one state folder: the latch belongs to the node.
        fronts = []
        self.service.settings["metrics"] = {"address": ""}
        for number in range(4):
            self.service.keyring_settings["socket"] = str(self.service.dir / f"kms{number}.sock")
            self.service.config_file = self.service.dir / f"mortise{number}.yaml"
            fronts.append(self.service.launch())
        for number in range(4):
            with kms.Client(self.service.dir / f"kms{number}.sock") as client:
                eventually(lambda: "pin" in kms.outcome(client.status)[1].lower(), 20, "each says that the PIN was rejected")
        self.assertEqual(self.logins(), 1)
        self.assertTrue(all(front.is_running() for front in fronts))

    def unlatch(self):
        run([MORTISE, "token", "unlatch", "--config", self.service.config_file, "--token", "hsm-a"])

    def test_it_is_tried_once_more_after_each_unlatch(self):
        self.start_and_see_it_refused().stop()
        self.unlatch()
        for _ in range(2):
            self.start_and_see_it_refused().stop()
        self.assertEqual(self.logins(), 2)

    def test_a_pin_changed_in_the_token_is_tried_once_and_the_new_one_heals_without_a_restart(self):
        self.service.token_settings |= {"pinFile": str(self.right), "canaryInterval": "1s"}
        self.service.keyring_settings |= {"statusPolicy": "strict", "statusStaleness": "4s"}
        front = self.service.start()
        self.service.token.change_pin("87654321")
        kill_pid(self.service.workers()[0])  # a login holds until its process ends
        before = self.logins()
        with self.service.client() as client:
            eventually(lambda: kms.outcome(client.status)[0] == kms.UNAVAILABLE, 20, "Status is UNAVAILABLE")
            time.sleep(3)
            self.assertEqual(self.logins() - before, 1)
            self.service.token.write_pin("87654321")
            self.service.wait_until_healthy(40)
        self.assertTrue(front.is_running())

    def test_the_right_pin_serves_after_unlatch(self):
        self.start_and_see_it_refused().stop()
        self.unlatch()
        self.service.token_settings["pinFile"] = str(self.right)
        self.service.start()
