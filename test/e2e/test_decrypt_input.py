# SPDX-License-Identifier: Apache-2.0
"""Hostile or odd Decrypt input, sent over gRPC to the whole product."""

import threading
from concurrent.futures import ThreadPoolExecutor

from harness import kms
from harness.process import peak_memory
from harness.service import Dev
from harness.serving import ServingTestCase

REFUSED = "ciphertext refused"


class DecryptInputTest(ServingTestCase):
    def setUp(self):
        super().setUp()
        self.seed = kms.new_seed()
        self.wrapped = self.client.encrypt(self.seed)

    def refuse(self, codes, **changed):
        return self.assert_refused(codes, self.client.decrypt, self.wrapped, **changed)

    def test_every_single_flipped_bit_is_refused_with_one_text(self):
        with self.nothing_restarts():
            for position in range(8 * len(self.wrapped.ciphertext)):
                changed = bytearray(self.wrapped.ciphertext)
                changed[position // 8] ^= 1 << position % 8
                message = self.refuse(kms.INVALID_ARGUMENT, ciphertext=bytes(changed))
                self.assertEqual(message, REFUSED, f"bit {position}")

    def test_every_truncation_is_refused(self):
        with self.nothing_restarts():
            for size in range(1, len(self.wrapped.ciphertext)):
                self.assertEqual(
                    self.refuse(kms.INVALID_ARGUMENT, ciphertext=self.wrapped.ciphertext[:size]), REFUSED)

    def test_an_extended_ciphertext_is_refused(self):
        with self.nothing_restarts():
            for tail in (b"\0", b"\xff", bytes(16), bytes(900)):
                self.assertEqual(
                    self.refuse(kms.INVALID_ARGUMENT, ciphertext=self.wrapped.ciphertext + tail), REFUSED)

    def test_an_empty_ciphertext_is_refused(self):
        with self.nothing_restarts():
            self.refuse(kms.INVALID_ARGUMENT, ciphertext=b"")

    def test_a_ciphertext_over_1024_bytes_is_refused(self):
        with self.nothing_restarts():
            for size in (1025, 4096, 32768):
                self.refuse(kms.INVALID_ARGUMENT, ciphertext=bytes(size))

    def test_a_ciphertext_of_a_mebibyte_is_refused_and_the_connection_lives(self):
        with self.nothing_restarts():
            self.refuse((kms.INVALID_ARGUMENT, kms.RESOURCE_EXHAUSTED), ciphertext=bytes(1 << 20))

    def test_a_message_over_the_receive_limit_is_refused_and_the_connection_lives(self):
        with self.nothing_restarts():
            message = bytes(5 << 20)
            self.assert_refused(kms.RESOURCE_EXHAUSTED, self.client.raw, "Decrypt", message)

    def test_an_empty_key_id_is_refused(self):
        with self.nothing_restarts():
            self.refuse(kms.INVALID_ARGUMENT, key_id="")

    def test_an_unknown_key_id_is_not_found(self):
        with self.nothing_restarts():
            name = self.wrapped.key_id
            for unknown in (name[:-1] + ("0" if name[-1] != "0" else "1"), name.replace(".1.", ".2."), "x", name + "x"):
                self.refuse(kms.NOT_FOUND, key_id=unknown)

    def test_a_key_id_of_10_kib_is_refused(self):
        with self.nothing_restarts():
            self.refuse((kms.INVALID_ARGUMENT, kms.NOT_FOUND), key_id="k" * 10240)

    def test_a_key_id_with_a_nul_or_a_newline_is_refused_and_the_log_stays_whole(self):
        with self.nothing_restarts():
            for odd in ("a\0b", 'a\nforged="line"', "\x1b[31m"):
                self.refuse((kms.INVALID_ARGUMENT, kms.NOT_FOUND), key_id=odd)
        log = self.dev.front.text()
        self.assertFalse([line for line in log.splitlines() if line.startswith("forged")])
        self.assertNotIn("\x1b[31m", log)
        self.assertNotIn("\0", log)
        self.assertIn(r"a\\x0aforged", log)

    def test_a_key_id_that_is_not_utf8_is_refused(self):
        with self.nothing_restarts():
            # Field 1: a ciphertext of one byte; field 3: a key_id of the byte 0xff.
            self.assert_refused((kms.INTERNAL, kms.INVALID_ARGUMENT, kms.NOT_FOUND), self.client.raw, "Decrypt",
                                b"\x0a\x01x" + b"\x1a\x01\xff")

    def test_annotations_that_were_never_issued_are_refused(self):
        with self.nothing_restarts():
            self.assertFalse(self.wrapped.annotations)
            self.refuse(kms.INVALID_ARGUMENT, annotations={"a.example.com": b"x"})

    def test_a_hundred_thousand_annotations_are_refused(self):
        with self.nothing_restarts():
            many = {f"a{number}.example.com": b"x" * 10 for number in range(100_000)}
            self.refuse((kms.INVALID_ARGUMENT, kms.RESOURCE_EXHAUSTED), annotations=many)

    def test_four_mebibytes_of_annotations_are_refused(self):
        with self.nothing_restarts():
            self.refuse(kms.RESOURCE_EXHAUSTED, annotations={"a.example.com": bytes(4 << 20)})

    def test_messages_over_the_receive_limit_leave_memory_flat(self):
        with self.nothing_restarts():
            self.refuse(kms.RESOURCE_EXHAUSTED, ciphertext=bytes(1 << 20))
            before = peak_memory(self.dev.front.pid)
            for _ in range(20):
                self.refuse(kms.RESOURCE_EXHAUSTED, ciphertext=bytes(1 << 20))
                self.refuse(kms.RESOURCE_EXHAUSTED, annotations={"a.example.com": bytes(4 << 20)})
            self.assertLess(peak_memory(self.dev.front.pid) - before, 12 << 20)  # of 100 MiB sent

    def test_a_message_of_any_size_takes_bounded_memory(self):
        with self.nothing_restarts():
            before = peak_memory(self.dev.front.pid)
            self.assert_refused(kms.RESOURCE_EXHAUSTED, self.client.raw, "Decrypt", bytes(256 << 20), timeout=60)
            self.assertLess(peak_memory(self.dev.front.pid) - before, 192 << 20)

    def test_bad_blobs_never_change_the_answer_of_others(self):
        is_over = threading.Event()

        def send_bad_blobs(byte):
            bad = bytearray(self.wrapped.ciphertext)
            bad[-1] ^= byte
            with self.dev.client() as client:
                while not is_over.is_set():
                    self.assert_refused(kms.INVALID_ARGUMENT, client.decrypt, self.wrapped, ciphertext=bytes(bad))

        with self.nothing_restarts(), ThreadPoolExecutor(4) as pool:
            bad = [pool.submit(send_bad_blobs, byte) for byte in (1, 2, 4, 8)]
            try:
                for _ in range(200):
                    seed = kms.new_seed()
                    self.assertEqual(self.client.decrypt(self.client.encrypt(seed)), seed)
                    self.assertEqual(self.client.status().healthz, "ok")
            finally:
                is_over.set()
            for future in bad:
                future.result()

    def test_two_hundred_identical_decrypts_at_once_all_succeed(self):
        with ThreadPoolExecutor(32) as pool:
            answers = list(pool.map(lambda _: self.client.decrypt(self.wrapped), range(200)))
        self.assertEqual(set(answers), {self.seed})

    def test_a_ciphertext_of_another_cluster_is_refused(self):
        other = Dev(self, "other")
        with other.client() as client:
            foreign = client.encrypt(kms.new_seed())
        self.assert_refused(kms.NOT_FOUND, self.client.decrypt, foreign)
        self.assertEqual(self.assert_refused(kms.INVALID_ARGUMENT, self.client.decrypt, foreign,
                                             key_id=self.wrapped.key_id), REFUSED)
