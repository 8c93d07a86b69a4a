# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a real process holds is counted from outside."""

from __future__ import annotations

import sys
import time

import pytest

from surgsam2_ros.live.soak.census import CensusTaker, take_census

CHILD = """
import threading
files = [open('/dev/null') for _ in range({files})]
for _ in range({threads}):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
memory = b'x' * {bytes}
print('ready', flush=True)
threading.Event().wait()
"""


def census_of(start_process, *, files=0, threads=0, size=0):
    text = CHILD.format(files=files, threads=threads, bytes=size)
    process = start_process([sys.executable, '-c', text], name=f'holder_{files}_{threads}_{size}')
    process.wait_for_output('ready')
    return take_census(process.pid, 7)


def test_files_threads_and_memory_of_a_process_are_counted(start_process):
    bare = census_of(start_process)
    laden = census_of(start_process, files=5, threads=3, size=50_000_000)
    assert laden.descriptors - bare.descriptors == 5
    assert laden.threads - bare.threads == 3
    assert laden.resident_mb - bare.resident_mb == pytest.approx(50, abs=5)
    assert laden.own_mb - bare.own_mb == pytest.approx(50, abs=5)
    assert laden.endpoints == 7


def test_the_counting_ends_with_the_process(start_process):
    process = start_process([sys.executable, '-c', 'pass'])
    process.stop()
    taker = CensusTaker(process.pid, lambda: 0, 0.01)
    time.sleep(0.2)
    taker.close()
    assert not taker.taken
