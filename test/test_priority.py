# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A process gives way, and so do the threads that it starts."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import os, threading
from surgsam2_ros.priority import give_way
before = os.getpriority(os.PRIO_PROCESS, 0)
give_way(3)
found = []
thread = threading.Thread(
    target=lambda: found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
)
thread.start()
thread.join()
print(before, os.getpriority(os.PRIO_PROCESS, 0), *found)
"""


def test_a_process_and_its_threads_give_way():
    output = subprocess.run(
        [sys.executable, '-c', _PROGRAM],
        check=True,
        capture_output=True,
        text=True,
        start_new_session=True,
    ).stdout
    before, after, of_thread = map(int, output.split())
    assert after == of_thread == min(before + 3, 19)
