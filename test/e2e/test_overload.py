# SPDX-License-Identifier: Apache-2.0
"""Far more callers than the token can serve."""

import time

from harness import TestCase, kms
from harness.service import Service, bench


class OverloadTest(TestCase):
    SERIAL = True
    TIMEOUT = 180

    def test_1500_callers_of_a_token_that_takes_400_ms_cause_no_deadlock(self):
        service = Service(self, faulty=True)
        service.start()
        with service.client() as client:
            wrapped, seed = None, kms.new_seed()
            wrapped = client.encrypt(seed)
            service.faults("delay", "C_Decrypt", "400")
            load = bench(service.socket, "decrypt", 1500, 20, "bench.log", self)
            time.sleep(5)
            slowest = 0
            for _ in range(20):
                start = time.monotonic()
                self.assertTrue(client.status(timeout=5).key_id)
                slowest = max(slowest, time.monotonic() - start)
                time.sleep(0.1)
            self.assertLess(slowest, 2.0, "Status waits for no token")
            for limit, timeout in ((0.2, b"200m"), (1, b"1S")):
                self.assertLess(kms.seconds_until_decrypt_ends(service.socket, wrapped, timeout, patience=15),
                                limit + 2, "a deadline holds")
            report = load.report()
            self.assertGreater(report["calls"], report["failed"], "some are served")
            self.assertLessEqual(set(report["errors"]), {"DEADLINE_EXCEEDED", "UNAVAILABLE"}, report)
            service.faults("clear")
            self.assertEqual(client.decrypt(wrapped, timeout=20), seed)
        self.assertTrue(service.front.is_running())
        self.assertEqual(len(service.workers()), 1)

    def test_a_hundred_callers_of_each_kind_are_all_served(self):
        service = Service(self)
        service.start()
        loads = [bench(service.socket, rpc, callers, 5, f"{rpc}.log", self)
                 for rpc, callers in (("encrypt", 100), ("decrypt", 100), ("status", 1))]
        for load in loads:
            report = load.report()
            self.assertEqual(report["failed"], 0, report)
