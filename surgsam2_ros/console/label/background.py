# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One long piece of work at a time, on a thread that leaves the cores to whoever clicks."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from surgsam2_ros.console.desk import DeskError

NICE = 5
"""How much lower than usual its priority is."""


@dataclass(frozen=True)
class Progress:
    """How far the work is.

    Attributes:
        title: what it is, such as 'propagating forwards'.
        done, total: frames; `total` is the most that there may be.
        running: whether it goes on.
    """

    title: str
    done: int
    total: int
    running: bool


Work = Callable[[threading.Event, Callable[[int], None]], None]
"""Called with an event that asks it to stop and a function that takes the frames done."""


class Background:
    """Runs work on a thread of low priority, which the threads of the network inherit.

    It is the same one for all work: the C library keeps the memory that a thread has needed, and
    threads that come and go have each of its arenas (up to eight a core) grow to the network's
    needs.

    Attributes:
        progress: of the newest work; None before any.
    """

    def __init__(self, on_end: Callable[[str, Exception | None], None]) -> None:
        """Run nothing yet.

        Args:
            on_end: called on the thread with the title when work has ended, and with what it
                raised.
        """
        self.progress: Progress | None = None
        self._on_end = on_end
        self._stop = threading.Event()
        self._thread = ThreadPoolExecutor(1, 'labelling', _lower_priority)
        self._work: Future[None] | None = None
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether work goes on."""
        return self.progress is not None and self.progress.running

    def start(self, title: str, total: int, work: Work) -> None:
        """Begin.

        Raises:
            DeskError: when other work goes on.
        """
        with self._lock:
            if self.running:
                raise DeskError(f'{self.progress.title} goes on; stop it first, or wait for it')
            self._stop.clear()
            self.progress = Progress(title, 0, total, running=True)
            self._work = self._thread.submit(self._run, title, total, work)

    def stop(self) -> None:
        """Ask the work to end after the frame it is at."""
        self._stop.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the work has ended; returns whether it has."""
        return self._work is None or not wait((self._work,), timeout_s).not_done

    def close(self) -> None:
        """Stop, and end the thread; may be called twice."""
        self._stop.set()
        self._thread.shutdown()

    def _run(self, title: str, total: int, work: Work) -> None:
        done, failure = 0, None

        def report(count: int) -> None:
            nonlocal done
            done = count
            self.progress = Progress(title, done, total, running=True)

        try:
            work(self._stop, report)
        except Exception as error:  # told to the operators, whatever it is
            failure = error
        self.progress = Progress(title, done, total, running=False)
        self._on_end(title, failure)


def _lower_priority() -> None:
    with contextlib.suppress(OSError, AttributeError):  # where threads have no priority
        thread = threading.get_native_id()
        usual = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, usual + NICE)
