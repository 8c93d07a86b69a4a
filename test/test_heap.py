# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Freed memory is kept for the next frame, shared by threads, given back when it is not needed."""

from __future__ import annotations

import platform
import subprocess
import sys
import threading

import pytest

from surgsam2_ros import heap

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


RESIDENT_AFTER_A_PEAK = """
import sys
import numpy as np
import psutil
from surgsam2_ros.heap import give_back, keep_freed_memory

def resident_mb():
    return psutil.Process().memory_info().rss / 1e6

assert keep_freed_memory()
before = resident_mb()
# Freed, but for one small block in each ten megabytes: what lies between cannot be cut off.
kept = [(np.ones(10_000_000, np.uint8), np.ones(1000, np.uint8)) for _ in range(10)]
kept = [small for _, small in kept]
if sys.argv[1] == 'trim':
    assert give_back()
print(resident_mb() - before)
"""


def resident_mb_after_a_peak(how: str) -> float:
    command = [sys.executable, '-c', RESIDENT_AFTER_A_PEAK, how]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_memory_of_a_peak_is_given_back_also_from_between_blocks_in_use():
    assert resident_mb_after_a_peak('as it is') > 90
    assert resident_mb_after_a_peak('trim') < 20


ARENAS_OF_EIGHT_THREADS = """
import ctypes, sys, threading
from surgsam2_ros.heap import share_arenas

if sys.argv[1] == 'share':
    assert share_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(8)

def take():
    together.wait()
    libc.malloc(5000)
    together.wait()

threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.fopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fopen(b'/dev/stdout', b'w'))
libc.malloc_info(0, out)
libc.fclose(out)
"""


def arenas_of_eight_threads(how: str) -> int:
    command = [sys.executable, '-c', ARENAS_OF_EIGHT_THREADS, how]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return told.count('<heap nr=')


def test_threads_share_arenas_when_asked_to():
    assert arenas_of_eight_threads('as it is') > 4
    assert arenas_of_eight_threads('share') == 2


def test_what_is_free_is_given_back_in_time_without_being_asked(monkeypatch):
    given = threading.Event()
    monkeypatch.setattr(heap, 'give_back', lambda: bool(given.set()) or True)
    repeated = heap.keep_giving_back(0.01)
    assert given.wait(60)
    repeated.close()
