# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tests that freed memory is kept: using it again costs no page faults."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != 'glibc', reason='the C library is not GNU'
)

FAULTS_OF_TEN_ROUNDS = """
import resource, sys
import numpy as np
from surgsam2_ros.heap import keep_freed_memory

def use():
    # Together more than the C library keeps by itself.
    arrays = [np.ones(size, np.uint8) for size in [20_000_000, 20_000_000, 40_000_000, 90_000_000]]
    arrays.clear()

if sys.argv[1] == 'keep':
    assert keep_freed_memory()
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    command = [sys.executable, '-c', FAULTS_OF_TEN_ROUNDS, how]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_memory_is_used_again_without_page_faults():
    assert faults('as it is') > 1000
    assert faults('keep') < 100
