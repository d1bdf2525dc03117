# SPDX-License-Identifier: Apache-2.0
"""Cases that start with a plugin that serves."""

import contextlib

from harness import kms
from harness.case import TestCase
from harness.service import Dev


class ServingTestCase(TestCase):
    """`mortise dev` runs, and one client is connected."""

    def setUp(self):
        super().setUp()
        self.dev = Dev(self)
        self.client = self.dev.client()
        self.addCleanup(self.client.close)
        self.pids = [self.dev.front.pid, *self.dev.workers()]

    def assert_refused(self, codes, function, *arguments, **keywords):
        """The call fails with one of these codes; gives the message."""
        code, message = kms.outcome(function, *arguments, **keywords)
        self.assertIn(code, codes if isinstance(codes, tuple) else (codes,), message)
        return message

    def assert_works(self):
        """The same client's seed goes there and back."""
        seed = kms.new_seed()
        self.assertEqual(self.client.decrypt(self.client.encrypt(seed)), seed)

    @contextlib.contextmanager
    def nothing_restarts(self):
        """Whatever happens inside, neither front nor worker is another process afterwards."""
        yield
        self.assert_works()
        self.assertEqual([self.dev.front.pid, *self.dev.workers()], self.pids)
