# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The console as a process of its own, one life after the other, each ended by SIGKILL."""

from __future__ import annotations

import random
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from processes import TestProcess
from repository import REPO

STARTS_WITHIN_S = 180.0
QUIET_SHARE = 0.4
"""Part of the time that one life in the middle has: a leak needs time to show."""

_SHORT_LIVES = 10


def lives_s(duration_s: float, seed: int) -> list[float]:
    """Return how long each life is to last [s], together at least as long as asked for.

    The lives before and after the long one in the middle differ at random, by half of their mean.
    """
    chance = random.Random(seed)
    mean_s = duration_s * (1 - QUIET_SHARE) / _SHORT_LIVES
    before, after = (
        [chance.uniform(0.5, 1.5) * mean_s for _ in range(_SHORT_LIVES // 2)] for _ in range(2)
    )
    after[-1] += max(duration_s * (1 - QUIET_SHARE) - sum(before) - sum(after), 0.0)
    return [*before, duration_s * QUIET_SHARE, *after]


class Server:
    """Starts the console over a bag, and kills it when its time has come.

    Attributes:
        url: of the page, the same in every life.
        gone: set while no console is there.
        lives: how many were begun.
        began_s, killed_s: of this life, monotonic clock [s]; the latter is 0 before.
    """

    def __init__(self, bag: Path, logs: Path) -> None:
        """Start nothing yet; each life has a log of its own in the folder."""
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        self.url = f'http://127.0.0.1:{port}/'
        self.gone = threading.Event()
        self.gone.set()
        self.began_s = self.killed_s = 0.0
        self._command = [
            *(sys.executable, '-m', 'surgsam2_ros.cli', 'console'),
            *('--bag', str(bag), '--port', str(port)),
        ]
        self._logs, self.lives = logs, 0
        self._process: TestProcess | None = None
        self._killer: threading.Timer | None = None

    @property
    def pid(self) -> int:
        """Id of the process of this life."""
        return self._process.pid

    def start(self, life_s: float) -> float:
        """Start a life; it is killed so long after its page can be opened.

        Returns:
            how long the start took [s].
        """
        began_s = time.monotonic()
        self.lives += 1
        log = self._logs / f'console_{self.lives:02d}.log'
        self._process = TestProcess(self._command, log, name='console', cwd=REPO)
        self._process.wait_for_output('console: ', STARTS_WITHIN_S)
        self.began_s, self.killed_s = time.monotonic(), 0.0
        self.gone.clear()
        self._killer = threading.Timer(life_s, self.kill)
        self._killer.daemon = True
        self._killer.start()
        return self.began_s - began_s

    def kill(self) -> None:
        """End the life at once; may be called twice."""
        self._killer.cancel()
        if not self.killed_s:
            self.killed_s = time.monotonic()
            self._process.signal(signal.SIGKILL)
        self._process.wait()
        self.gone.set()

    def check(self) -> None:
        """Raise AssertionError when the console ended by itself."""
        if not self._process.running and not self.killed_s:
            raise AssertionError(f'the console ended by itself:\n{self._process.output[-4000:]}')
