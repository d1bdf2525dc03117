# SPDX-License-Identifier: Apache-2.0
"""A real kube-apiserver and etcd in front of the plugin."""

import os
import threading
import time

from harness import TestCase, eventually, kms
from harness.kube import NAMESPACE, ApiServer, Etcd, require_tools, stored_fields
from harness.process import kill_pid
from harness.service import Dev, Service, bench

PREFIX = b"k8s:enc:kms:v2:"
SECRETS = 200


class KubeTestCase(TestCase):
    KUBE = True
    SERIAL = True
    TIMEOUT = 300

    def setUp(self):
        super().setUp()
        require_tools()

    def start_cluster(self, encryption_config):
        self.etcd = Etcd(self)
        self.api = ApiServer(self, self.etcd, encryption_config)
        self.api.start()
        self.api.create_namespace()
        self.expected = {}

    def encryption_config(self, socket):
        """What an operator writes for a keyring: secrets, by this socket alone."""
        file = self.dir / "encryption.yaml"
        file.write_text(f"""apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers:
      - kms: {{apiVersion: v2, name: mortise, endpoint: "unix://{socket}", timeout: 10s}}
""")
        return file

    def create_secrets(self, count):
        for _ in range(count):
            name = f"secret-{len(self.expected):03}"
            self.expected[name] = os.urandom(48)
            self.api.create_secret(name, self.expected[name])

    def assert_all_read_back(self):
        for name, data in self.expected.items():
            self.assertEqual(self.api.secret(name), data, name)

    def stored(self):
        values = self.etcd.values(f"/registry/secrets/{NAMESPACE}/")
        self.assertEqual(len(values), len(self.expected))
        return values

    def wrapped_seeds(self):
        """The distinct wrapped DEK seeds (field 3) that stored Secrets depend on."""
        seeds = set()
        for value in self.stored().values():
            name_end = value.index(b":", len(PREFIX)) + 1
            seeds.add(stored_fields(value, value[:name_end])[3])
        return seeds


class KubeApiserverTest(KubeTestCase):
    KUBE = True
    SERIAL = True
    TIMEOUT = 300

    def test_200_secrets_are_encrypted_in_etcd_and_read_back_after_a_cold_start(self):
        dev = Dev(self)
        self.start_cluster(dev.dir / "encryption-config.yaml")
        self.create_secrets(SECRETS)
        for key, value in self.stored().items():
            self.assertTrue(value.startswith(PREFIX), key)
            self.assertFalse([data for data in self.expected.values() if data in value], key)
        self.api.restart()
        self.assert_all_read_back()
        self.assertEqual(self.api.kms_health()[0], 200)

    def test_every_stored_value_names_the_key_that_status_names(self):
        dev = Dev(self)
        self.start_cluster(dev.dir / "encryption-config.yaml")
        self.create_secrets(3)
        for value in self.stored().values():
            fields = stored_fields(value, value[:value.index(b":", len(PREFIX)) + 1])
            self.assertEqual(fields[2].decode(), dev.facts()["keyId"])

    def test_a_value_edited_in_etcd_fails_its_read_alone(self):
        dev = Dev(self)
        self.start_cluster(dev.dir / "encryption-config.yaml")
        self.create_secrets(2)
        key, value = sorted(self.stored().items())[0]
        seed = stored_fields(value, value[:value.index(b":", len(PREFIX)) + 1])[3]
        edited = value.replace(seed, seed[:-1] + bytes([seed[-1] ^ 1]))
        self.etcd.put(key, edited)
        status, text = self.api.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/secret-000")
        self.assertEqual(status, 500, text)
        self.assertIn("ciphertext refused", text)
        self.assertEqual(self.api.secret("secret-001"), self.expected["secret-001"])
        self.assertEqual(self.api.kms_health()[0], 200)


class ManySeedsTest(KubeTestCase):
    KUBE = True
    SERIAL = True
    TIMEOUT = 600

    def test_secrets_under_many_seeds_read_back_after_restarts_and_reloads(self):
        dev = Dev(self)
        config = self.dir / "encryption.yaml"
        text = (dev.dir / "encryption-config.yaml").read_text()
        config.write_text(text)
        self.start_cluster(config)
        starts = 8
        for _ in range(starts):
            self.create_secrets(20)
            self.api.restart()
        # A reload of the configuration makes a seed too. It is noticed within a minute.
        reloads = 2
        for number in range(reloads):
            config.write_text(text + f"# change {number}\n")
            eventually(lambda: self.reload_count() > number, 90, "the configuration is reloaded", step=1)
            self.create_secrets(20)
        self.assertGreaterEqual(len(self.expected), SECRETS)
        self.assertGreaterEqual(len(self.wrapped_seeds()), starts + reloads)
        self.api.restart()
        self.assert_all_read_back()

    def reload_count(self):
        """Successful automatic reloads, by kube-apiserver's own metrics."""
        name = "apiserver_encryption_config_controller_automatic_reloads_total"
        lines = [line for line in self.api.get("/metrics")[1].splitlines()
                 if line.startswith(name) and 'status="success"' in line]
        return sum(float(line.split()[-1]) for line in lines)


class ColdReadTest(KubeTestCase):
    """Reads with an empty cache, each of which needs a Decrypt, while parts of the plugin end."""

    KUBE = True
    SERIAL = True
    TIMEOUT = 600
    SEEDS = 4

    def start_with_seeds(self, config):
        self.start_cluster(config)
        for _ in range(self.SEEDS):
            self.create_secrets(10)
            self.api.restart()

    def read_until(self, is_over, dev_socket):
        """Restarts kube-apiserver and reads everything, again and again, beside a load of Decrypts."""
        rounds = 0
        while not is_over() or rounds == 0:
            self.assert_all_read_back()
            self.api.restart()
            rounds += 1
        self.assert_all_read_back()
        with kms.Client(dev_socket) as client:
            self.assertTrue(kms.is_healthy(client))

    def test_no_read_fails_while_the_worker_is_killed_ten_times(self):
        dev = Dev(self)
        self.start_with_seeds(dev.dir / "encryption-config.yaml")
        load = bench(dev.socket, "decrypt", 8, 100, "bench.log", self)
        kills = []

        def killer():
            for _ in range(10):
                time.sleep(6)
                victim = dev.facts()["workerPids"][0]
                kill_pid(victim)
                eventually(lambda: dev.facts()["workerPids"] not in ([victim], []), 15, "another worker")
                kills.append(victim)

        thread = threading.Thread(target=killer)
        thread.start()
        self.addCleanup(thread.join)
        self.read_until(lambda: not thread.is_alive(), dev.socket)
        self.assertEqual(len(set(kills)), 10)
        self.assertEqual(load.report()["failed"], 0)

    def test_no_read_fails_while_ten_fronts_take_over_in_turn(self):
        service = Service(self)
        service.settings["server"] = {"maxConnectionAge": "2s"}
        service.start()
        self.start_with_seeds(self.encryption_config(service.socket))
        load = bench(service.socket, "decrypt", 8, 90, "bench.log", self)
        done = []

        def successors():
            for _ in range(10):
                old = service.take_over()
                done.append(old.wait(30))

        thread = threading.Thread(target=successors)
        thread.start()
        self.addCleanup(thread.join)
        self.read_until(lambda: not thread.is_alive(), service.socket)
        self.assertEqual(done, [0] * 10)
        self.assertEqual(load.report()["failed"], 0)


class ReadinessTest(KubeTestCase):
    KUBE = True
    SERIAL = True
    TIMEOUT = 300
    STALENESS = 4

    def start_faulty(self, policy):
        service = Service(self, faulty=True)
        service.shorten_limits(policy, self.STALENESS)
        service.start()
        self.start_cluster(self.encryption_config(service.socket))
        self.create_secrets(1)
        return service

    def readyz_reports_and_heals(self, service, *words):
        eventually(lambda: self.api.kms_health()[0] == 200, 30, "healthy at first", step=1)
        service.faults("remove")
        # The apiserver keeps a good answer for 20 s, a bad one for 3 s.
        eventually(lambda: self.api.kms_health()[0] == 500, self.STALENESS + 40, "/readyz/kms-providers fails", step=1)
        text = self.api.kms_health()[1]
        for word in words:
            self.assertIn(word, text)
        service.faults("return")
        eventually(lambda: self.api.kms_health()[0] == 200, 30, "/readyz/kms-providers is well again", step=1)
        self.create_secrets(1)

    def test_readyz_reports_a_token_that_is_gone_under_policy_strict(self):
        self.readyz_reports_and_heals(self.start_faulty("strict"), "Unavailable")

    def test_readyz_reports_a_token_that_is_gone_under_policy_bridge_while_writes_go_on(self):
        service = self.start_faulty("bridge")
        self.readyz_reports_and_heals(service, "unexpected healthz status")


class PluginRestartTest(KubeTestCase):
    KUBE = True
    SERIAL = True
    TIMEOUT = 300

    def test_a_cluster_survives_the_front_killed_and_started(self):
        service = Service(self)
        service.start()
        self.start_cluster(self.encryption_config(service.socket))
        self.create_secrets(5)
        service.front.kill()
        service.launch()
        self.create_secrets(5)
        self.api.restart()
        self.assert_all_read_back()
