# SPDX-License-Identifier: Apache-2.0
"""Workers and fronts end under load, and no caller notices."""

import time

from harness import TestCase, eventually, kms
from harness.process import kill_pid
from harness.service import Dev, Service, bench

TIMES = 10


class WorkerTest(TestCase):
    SERIAL = True
    TIMEOUT = 300

    def test_no_call_fails_while_the_worker_is_killed_ten_times(self):
        dev = Dev(self)
        load = bench(dev.socket, "decrypt", 16, 90, "bench.log", self)
        for _ in range(TIMES):
            # One that ended sooner than this would be a crash loop, and waited for.
            time.sleep(6)
            victim = dev.facts()["workerPids"][0]
            kill_pid(victim)
            eventually(lambda: dev.facts()["workerPids"] not in ([victim], []), 15, "dev.json names another worker")
        self.assertTrue(load.is_running(), "the load ended before the last kill")
        report = load.report()
        self.assertEqual(report["failed"], 0, report)
        self.assertGreater(report["calls"], 0)

    def test_a_killed_worker_is_replaced_and_dev_json_names_the_new_one(self):
        dev = Dev(self)
        before = dev.facts()
        kill_pid(before["workerPids"][0])
        eventually(lambda: dev.facts()["workerPids"] == dev.workers() != before["workerPids"], 15, "a new worker is named")
        self.assertEqual(dev.facts()["frontPid"], before["frontPid"])


class TakeOverTest(TestCase):
    SERIAL = True
    TIMEOUT = 400

    def test_no_call_fails_while_ten_fronts_take_over_in_turn(self):
        service = Service(self)
        service.settings["server"] = {"maxConnectionAge": "2s"}
        service.start()
        load = bench(service.socket, "decrypt", 16, 120, "bench.log", self)
        time.sleep(1)
        for _ in range(TIMES):
            old = service.take_over()
            self.assertEqual(old.wait(30), 0, "the predecessor drained and ended")
            self.assertTrue(service.socket.exists(), "its end did not remove the successor's socket")
        self.assertTrue(load.is_running(), "the load ended before the last take-over")
        report = load.report()
        self.assertEqual(report["failed"], 0, report)

    def test_a_take_over_without_anyone_there_is_a_plain_start(self):
        Service(self).start("--take-over")


class KilledFrontTest(TestCase):
    def assert_back_within_3_seconds(self, service):
        service.launch()
        with service.client() as client:
            seed = kms.new_seed()
            self.assertEqual(client.decrypt(client.encrypt(seed, timeout=3), timeout=3), seed)

    def test_calls_after_a_kill_and_a_start_succeed_within_3_seconds_and_no_process_stays(self):
        service = Service(self)
        service.start()
        orphans = service.workers()
        self.assertTrue(orphans)
        service.front.kill()
        self.assert_back_within_3_seconds(service)
        eventually(lambda: not service.survivors(orphans), 5, f"workers {orphans} ended with their front")

    def test_a_hung_worker_does_not_outlive_its_killed_front(self):
        service = Service(self, faulty=True)
        service.start()
        service.faults("hang", "C_Decrypt")
        with service.client() as client:
            self.assertNotEqual(kms.outcome(client.encrypt, kms.new_seed(), timeout=1)[0], kms.OK)
        hung = service.workers()
        service.front.kill()
        eventually(lambda: not service.survivors(hung), 5, f"hung workers {hung} ended with their front")
        service.faults("release")
        self.assert_back_within_3_seconds(service)

    def test_a_plain_stop_ends_quickly_and_leaves_no_process(self):
        service = Service(self, faulty=True)
        service.start()
        service.faults("hang", "C_Decrypt")
        with service.client() as client:
            kms.outcome(client.encrypt, kms.new_seed(), timeout=0.5)
            everyone = [service.front.pid, *service.workers()]
            start = time.monotonic()
            service.front.stop()
            self.assertLess(time.monotonic() - start, 5)
        eventually(lambda: not service.survivors(everyone), 5, "everyone has ended")
