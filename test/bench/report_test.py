#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
import sys
import unittest

sys.dont_write_bytecode = True

import report  # noqa: E402


class ReportTest(unittest.TestCase):
    def test_the_median_of_each_number_is_taken_by_itself(self):
        rounds = [{"a": 1, "b": 9, "text": "x"}, {"a": 3, "b": 7, "text": "y"}, {"a": 2, "b": 8, "text": "z"}]
        self.assertEqual(report.medians(rounds), {"a": 2, "b": 8})

    def test_a_value_on_its_bound_passes(self):
        self.assertTrue(report.at_least("rate", 0.6, 0.6)["pass"])
        self.assertTrue(report.at_most("time", 200.0, 200.0)["pass"])

    def test_a_value_beyond_its_bound_is_a_miss(self):
        self.assertFalse(report.at_least("rate", 0.599, 0.6)["pass"])
        self.assertFalse(report.at_most("time", 200.1, 200.0)["pass"])

    def test_the_page_says_what_was_missed_and_what_was_not_measured(self):
        page = report.render({
            "commit": "abc", "machine": {"cores": 2, "cpu": "x"}, "date": "2026-01-01", "rounds": 5, "seconds": 5,
            "sections": [{"title": "Start", "rows": [{"firstOkMs": 250.0}],
                          "verdicts": [report.at_most("first OK Status", 250.0, 200.0, " ms")]},
                         {"title": "Memory", "error": "no server"}]})
        self.assertIn("| first OK Status | 250      | <= 200 ms | MISS    |", page)
        self.assertIn("no server", page)


if __name__ == "__main__":
    unittest.main()
