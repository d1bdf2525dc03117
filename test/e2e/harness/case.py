# SPDX-License-Identifier: Apache-2.0
"""The base of all end-to-end tests: a folder, and logs when something went wrong."""

import os
import pathlib
import shutil
import tempfile
import unittest

from harness.paths import BUILD
from harness.process import Child


class TestCase(unittest.TestCase):
    # For CTest (see CMakeLists.txt): KUBE needs kube-apiserver; SERIAL runs alone,
    # because it needs the machine; TIMEOUT in seconds.
    KUBE = False
    SERIAL = False
    TIMEOUT = 120

    maxDiff = 2000

    def setUp(self):
        # Socket paths are short, so the folder is directly under /tmp.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="me.", dir="/tmp"))
        self.addCleanup(self._keep_or_remove)

    def start(self, command, log, env=None, errors=None):
        """A child that ends with the test; `errors` names a log of its own for stderr."""
        child = Child(command, self.dir / log, env, errors and self.dir / errors)
        self.addCleanup(child.clean_up)
        return child

    def _keep_or_remove(self):
        outcome = self._outcome.result
        is_bad = any(test is self for test, _ in outcome.errors + outcome.failures)
        if is_bad:
            kept = BUILD / "Testing" / "e2e" / self.id().split(".", 1)[-1]
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir(parents=True)
            for log in self.dir.rglob("*.log"):
                shutil.copy(log, kept / log.name)
                print(f"--- {log.name}, its end (whole: {kept / log.name})")
                print("\n".join(log.read_text(errors="replace").splitlines()[-25:]))
        shutil.rmtree(self.dir, ignore_errors=True)


def uid():
    return os.geteuid()
