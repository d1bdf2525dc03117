# SPDX-License-Identifier: Apache-2.0
"""Waiting for something to become true."""

import time


def eventually(claim, seconds, what, step=0.05):
    """The first true answer of claim(); fails with `what` when none came in time."""
    end = time.monotonic() + seconds
    while True:
        answer = claim()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(step)
