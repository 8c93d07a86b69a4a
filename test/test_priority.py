# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A process gives way with all its threads, and takes nobody else along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

AUTOGROUP = Path('/proc/self/autogroup')

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
_OF_SESSION = """
from pathlib import Path
from surgsam2_ros.priority import give_way
give_way(3)
print(Path('/proc/self/autogroup').read_text().split()[-1])
"""
_SHARED_SESSION = f"""
import subprocess, sys
subprocess.run([sys.executable, '-c', {_OF_SESSION!r}], check=True)
"""


def output_of(program: str) -> list[int]:
    """Return the numbers that a program prints in a session of its own."""
    done = subprocess.run(
        [sys.executable, '-c', program],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return [int(word) for word in done.stdout.split()]


def test_a_process_gives_way_with_the_threads_it_starts():
    before, after, of_thread = output_of(_PROGRAM)
    assert after == of_thread == min(before + 3, 19)


@pytest.mark.skipif(not AUTOGROUP.exists(), reason='this kernel weighs no sessions')
@pytest.mark.parametrize(('program', 'niceness'), [(_OF_SESSION, 3), (_SHARED_SESSION, 0)])
def test_a_session_gives_way_only_with_the_process_that_owns_it(program, niceness):
    assert output_of(program) == [niceness]
