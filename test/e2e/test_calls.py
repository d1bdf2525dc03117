# SPDX-License-Identifier: Apache-2.0
"""What a well-behaved client sees, and odd Encrypt input."""

import time

from harness import TestCase, kms
from harness.service import Service
from harness.serving import ServingTestCase


class BasicTest(ServingTestCase):
    def test_status_is_ok_and_always_the_same(self):
        answers, times = [], []
        for _ in range(20):
            start = time.monotonic()
            answers.append(self.client.status())
            times.append(time.monotonic() - start)
        self.assertLess(min(times), 0.05)  # the quickest: the machine may be busy
        self.assertEqual({(a.version, a.healthz, a.key_id) for a in answers},
                         {("v2", "ok", self.dev.facts()["keyId"])})

    def test_the_key_id_is_plain_text_that_any_log_can_hold(self):
        key_id = self.client.status().key_id
        self.assertRegex(key_id, r"^dev\.1\.[0-9a-f]{16}$")

    def test_a_seed_comes_back_as_it_was(self):
        seed = kms.new_seed()
        self.assertEqual(self.client.decrypt(self.client.encrypt(seed)), seed)

    def test_encrypt_and_status_name_the_same_key(self):
        self.assertEqual(self.client.encrypt(kms.new_seed()).key_id, self.client.status().key_id)

    def test_one_plaintext_encrypted_twice_gives_two_ciphertexts_that_both_open(self):
        seed = kms.new_seed()
        first, second = self.client.encrypt(seed), self.client.encrypt(seed)
        self.assertNotEqual(first.ciphertext, second.ciphertext)
        self.assertEqual([self.client.decrypt(first), self.client.decrypt(second)], [seed, seed])

    def test_different_plaintexts_give_different_ciphertexts_and_each_opens_to_its_own(self):
        seeds = [kms.new_seed() for _ in range(20)]
        answers = [self.client.encrypt(seed) for seed in seeds]
        self.assertEqual(len({answer.ciphertext for answer in answers}), len(seeds))
        self.assertEqual([self.client.decrypt(answer) for answer in answers], seeds)

    def test_the_answer_to_encrypt_is_one_that_kube_apiserver_accepts(self):
        wrapped = self.client.encrypt(kms.new_seed())
        self.assertTrue(1 <= len(wrapped.ciphertext) <= 1024)
        self.assertTrue(1 <= len(wrapped.key_id) <= 1024)
        self.assertFalse(wrapped.annotations)

    def test_what_was_encrypted_before_a_restart_opens_after_it(self):
        seed = kms.new_seed()
        wrapped, status = self.client.encrypt(seed), self.client.status()
        self.dev.front.stop()
        self.dev.start()
        with self.dev.client() as client:
            self.assertEqual(client.decrypt(wrapped), seed)
            self.assertEqual(client.status(), status)

    def test_unknown_methods_and_other_versions_are_unimplemented(self):
        with self.nothing_restarts():
            for service, method in (("v2.KeyManagementService", "Rotate"), ("v2alpha1.KeyManagementService", "Status"),
                                    ("v1beta1.KeyManagementService", "Version")):
                self.assert_refused(kms.UNIMPLEMENTED, self.client.raw, method, b"", service=service)

    def test_every_authority_that_a_kube_apiserver_ever_sent_is_served(self):
        for authority in ("localhost", "/run/mortise/kms.sock", "%2Frun%2Fmortise%2Fkms.sock", "@kms"):
            with self.dev.client(authority=authority) as client:
                self.assertEqual(client.status().healthz, "ok", authority)


class ProofTest(TestCase):
    def test_a_wrap_that_does_not_open_is_never_answered(self):
        service = Service(self, faulty=True)
        service.token_settings["canaryInterval"] = "25s"  # or a canary might take the fault
        service.start()
        with service.client() as client:
            for function in ("C_Encrypt", "C_Decrypt"):  # the wrap is garbage, or what its proof gives
                seed = kms.new_seed()
                service.faults("corrupt", function, "1")
                self.assertEqual(kms.outcome(client.encrypt, seed)[0], kms.INTERNAL, function)
                service.faults("clear")
                self.assertEqual(client.decrypt(client.encrypt(seed)), seed)


class EncryptInputTest(ServingTestCase):
    def test_an_empty_plaintext_is_refused(self):
        with self.nothing_restarts():
            self.assert_refused(kms.INVALID_ARGUMENT, self.client.encrypt, b"")

    def test_every_plaintext_of_1_to_128_bytes_comes_back(self):
        for size in range(1, 129):
            seed = kms.new_seed()[:1] * size
            wrapped = self.client.encrypt(seed)
            self.assertLessEqual(len(wrapped.ciphertext), 1024)
            self.assertEqual(self.client.decrypt(wrapped), seed, f"{size} bytes")

    def test_a_plaintext_over_128_bytes_is_refused(self):
        with self.nothing_restarts():
            for size in (129, 1024, 65000):
                self.assert_refused((kms.INVALID_ARGUMENT, kms.RESOURCE_EXHAUSTED), self.client.encrypt, bytes(size))

    def test_a_plaintext_of_3_mebibytes_is_refused(self):
        with self.nothing_restarts():
            self.assert_refused((kms.INVALID_ARGUMENT, kms.RESOURCE_EXHAUSTED), self.client.encrypt, bytes(3 << 20))

    def test_an_empty_uid_is_served(self):
        self.assertTrue(self.client.encrypt(kms.new_seed(), uid="").ciphertext)

    def test_a_long_or_odd_uid_is_served_and_the_log_stays_whole(self):
        for uid in ("u" * 10240, "a\nforged line", "\x1b[31m"):
            self.assertTrue(self.client.encrypt(kms.new_seed(), uid=uid).ciphertext)
            wrapped = self.client.encrypt(kms.new_seed())
            # A refusal, because that is what is logged.
            kms.outcome(self.client.decrypt, wrapped, uid=uid, ciphertext=b"x")
        log = self.dev.front.text()
        self.assertFalse([line for line in log.splitlines() if line.startswith("forged")])
        self.assertNotIn("\x1b[31m", log)
        self.assertIn(r"a\\x0aforged line", log)
        self.assertNotIn("u" * 1024, log)

    def test_unknown_fields_are_ignored(self):
        # Field 1: 32 bytes of plaintext; field 99: five bytes that nobody knows.
        answer = self.client.raw("Encrypt", b"\x0a\x20" + kms.new_seed() + b"\x9a\x06\x05hello")
        self.assertTrue(kms.kmsv2_pb2.EncryptResponse.FromString(answer).ciphertext)

    def test_bytes_that_are_no_message_are_refused_and_the_connection_lives(self):
        with self.nothing_restarts():
            for method in ("Encrypt", "Decrypt"):
                self.assert_refused((kms.INTERNAL, kms.INVALID_ARGUMENT), self.client.raw, method, b"\xff\xff\xff\xff")


class TwoInstancesTest(TestCase):
    def test_what_one_instance_wrapped_another_with_the_same_key_opens(self):
        first = Service(self)
        second = Service(self, "second", token=first.token)
        first.start(), second.start()
        with first.client() as one, second.client() as other:
            seed = kms.new_seed()
            self.assertEqual(other.decrypt(one.encrypt(seed)), seed)
            self.assertEqual(one.status(), other.status())
