#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs end-to-end tests, or lists them for CTest.

    run.py FILE.CLASS.TEST ...    exits 77 when all of them were skipped
    run.py --list                 lines: file class test kube serial timeout
"""

import ast
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
DEFAULTS = {"KUBE": False, "SERIAL": False, "TIMEOUT": 120}


def list_tests():
    """Reads the sources without running them: listing needs no package."""
    for path in sorted(HERE.glob("test_*.py")):
        for suite in ast.parse(path.read_text()).body:
            if not isinstance(suite, ast.ClassDef):
                continue
            settings = dict(DEFAULTS)
            for line in suite.body:
                if isinstance(line, ast.Assign) and line.targets[0].id in DEFAULTS:
                    settings[line.targets[0].id] = ast.literal_eval(line.value)
            for line in suite.body:
                if isinstance(line, ast.FunctionDef) and line.name.startswith("test_"):
                    print(path.stem, suite.name, line.name, int(settings["KUBE"]), int(settings["SERIAL"]),
                          settings["TIMEOUT"])


def main():
    if sys.argv[1:] == ["--list"]:
        list_tests()
        return 0
    sys.path.insert(0, str(HERE))
    suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:])
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    if not result.wasSuccessful():
        return 1
    return 77 if result.testsRun and len(result.skipped) == result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())
