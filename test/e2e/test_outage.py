# SPDX-License-Identifier: Apache-2.0
"""The HSM goes away and comes back."""

import time

from harness import TestCase, eventually, kms
from harness.process import exists
from harness.service import Service


class OutageTest(TestCase):
    """A token that serves, with limits short enough to wait for."""

    SERIAL = True
    TIMEOUT = 180
    STALENESS = 4

    def serve(self, policy):
        service = Service(self, faulty=True)
        service.shorten_limits(policy, self.STALENESS)
        service.start()
        self.client = service.client()
        self.addCleanup(self.client.close)
        self.service, self.key_id = service, self.client.status().key_id
        return service

    def assert_heals_without_a_restart(self):
        self.service.faults("return")
        self.service.faults("clear")
        self.service.wait_until_healthy(15)
        seed = kms.new_seed()
        self.assertEqual(self.client.decrypt(self.client.encrypt(seed)), seed)
        self.assertTrue(self.service.front.is_running())
        self.assertEqual(len(self.service.fronts), 1)

    def test_strict_turns_unavailable_within_its_staleness_limit(self):
        service = self.serve("strict")
        wrapped = self.client.encrypt(kms.new_seed())
        service.faults("remove")
        eventually(lambda: kms.outcome(self.client.status)[0] == kms.UNAVAILABLE, self.STALENESS + 6, "UNAVAILABLE")
        for call, argument in ((self.client.encrypt, kms.new_seed()), (self.client.decrypt, wrapped)):
            self.assertEqual(kms.outcome(call, argument, timeout=3)[0], kms.UNAVAILABLE)
        self.assert_heals_without_a_restart()

    def test_bridge_keeps_the_key_id_with_a_healthz_text_that_is_not_ok(self):
        service = self.serve("bridge")
        service.faults("remove")
        eventually(lambda: self.client.status().healthz != "ok", self.STALENESS + 6, "healthz says so")
        status = self.client.status()
        self.assertEqual((status.version, status.key_id), ("v2", self.key_id))
        self.assert_heals_without_a_restart()

    def test_bridge_ends_at_its_limit(self):
        service = self.serve("bridge")
        service.front.stop()
        service.keyring_settings["bridgeLimit"] = "3s"
        service.start()
        service.faults("remove")
        eventually(lambda: kms.outcome(self.client.status)[0] == kms.UNAVAILABLE, self.STALENESS + 12, "UNAVAILABLE")

    def test_a_token_that_hangs_turns_status_red_and_status_never_waits_for_it(self):
        service = self.serve("strict")
        service.faults("hang", "C_Decrypt")
        slowest, end = 0, time.monotonic() + self.STALENESS + 10
        while time.monotonic() < end:
            start = time.monotonic()
            code = kms.outcome(self.client.status)[0]
            slowest = max(slowest, time.monotonic() - start)
            if code == kms.UNAVAILABLE:
                break
            time.sleep(0.05)
        self.assertEqual(code, kms.UNAVAILABLE)
        self.assertLess(slowest, 1.0)
        service.faults("release")
        self.assert_heals_without_a_restart()

    def test_a_key_that_may_no_longer_unwrap_turns_status_red(self):
        service = self.serve("strict")
        service.faults("answer", "C_DecryptInit", "0x68")  # CKR_KEY_FUNCTION_NOT_PERMITTED
        eventually(lambda: kms.outcome(self.client.status)[0] == kms.UNAVAILABLE, self.STALENESS + 6, "UNAVAILABLE")
        self.assert_heals_without_a_restart()

    def test_a_key_that_may_no_longer_wrap_is_told_by_encrypt_while_decrypt_and_status_go_on(self):
        # Health is an unwrap: what is stored can be read, and Encrypt proves itself.
        service = self.serve("strict")
        seed = kms.new_seed()
        wrapped = self.client.encrypt(seed)
        service.faults("answer", "C_EncryptInit", "0x68")
        self.assertEqual(kms.outcome(self.client.encrypt, kms.new_seed())[0], kms.FAILED_PRECONDITION)
        self.assertEqual(self.client.decrypt(wrapped), seed)
        self.assertTrue(kms.is_healthy(self.client))
        self.assert_heals_without_a_restart()

    def test_one_slow_operation_does_not_turn_status_red(self):
        service = self.serve("strict")
        service.faults("once", "C_Decrypt", "0", "2000")
        end = time.monotonic() + 5
        while time.monotonic() < end:
            self.assertTrue(kms.is_healthy(self.client))
            time.sleep(0.1)

    def test_a_deadline_of_50_ms_holds_while_the_token_stalls(self):
        service = self.serve("bridge")
        wrapped = self.client.encrypt(kms.new_seed())
        service.faults("hang", "C_Decrypt", "4")
        self.assertLess(kms.seconds_until_decrypt_ends(service.socket, wrapped, b"50m", patience=15), 2)
        service.faults("release")
        eventually(lambda: kms.outcome(self.client.decrypt, wrapped, timeout=5)[0] == kms.OK, 20, "later calls work")

    def test_lost_sessions_heal_without_a_restart(self):
        service = self.serve("strict")
        wrapped = self.client.encrypt(kms.new_seed())
        # CKR_SESSION_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN, CKR_DEVICE_REMOVED.
        for code in ("0xB3", "0x101", "0x32"):
            service.faults("once", "C_DecryptInit", code)
            self.assertEqual(kms.outcome(self.client.decrypt, wrapped), (kms.OK, ""), code)


class BootTest(TestCase):
    """Forty seconds stand in for the minutes that an HSM takes to boot."""

    SERIAL = True
    TIMEOUT = 180
    DOWN = 40

    def test_an_hsm_that_is_down_at_boot_is_served_within_15_seconds_of_its_return(self):
        service = Service(self, faulty=True)
        service.faults("remove")
        front = service.launch()
        with service.client() as client:
            end = time.monotonic() + self.DOWN
            while time.monotonic() < end:
                self.assertEqual(kms.outcome(client.status, timeout=5)[0], kms.UNAVAILABLE)
                time.sleep(2)
            service.faults("return")
            service.wait_until_healthy(15)
            seed = kms.new_seed()
            self.assertEqual(client.decrypt(client.encrypt(seed)), seed)
        self.assertTrue(exists(front.pid) and len(service.fronts) == 1, "it is the same process")
