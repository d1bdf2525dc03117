# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: real processes, a real token, a KMS v2 client."""

from harness.case import TestCase
from harness.wait import eventually

__all__ = ["TestCase", "eventually"]
