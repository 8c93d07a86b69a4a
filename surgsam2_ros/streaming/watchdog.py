# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Sees that the inference thread hangs, as in a driver that does not return, and that it goes on.

Knows nothing of ROS.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

_STEP_S = 1.0
WORK_FACTOR = 4  # longest that an image may be in work, in times what images take
_FIRST_FACTOR = 10  # and what is done for the first time, in times the silence allowed


@dataclass(frozen=True, eq=False)
class Work:
    """What a thread has in hand.

    Attributes:
        what: for people, 'the image of stamp 12.000000000'.
        frames: images that it amounts to: one, and those that a prompt has tracked anew.
        first: whether there was none like it before, so that something may be compiled for it.
    """

    what: str
    frames: int = 1
    first: bool = False


class WorkLog:
    """What a thread has in hand, and how long such work took before.

    Written by that thread, read by any.

    Attributes:
        current: the work in hand, or None.
    """

    def __init__(self) -> None:
        self.current: Work | None = None
        self._durations_s: deque[float] = deque(maxlen=5)
        self._most_objects = 0

    @property
    def frame_s(self) -> float:
        """Time that an image takes, by the median of the last ones [s]; 0 before the first."""
        durations_s = list(self._durations_s)
        return median(durations_s) if durations_s else 0.0

    def begin(self, what: str) -> None:
        """Note what the thread takes up."""
        self.current = Work(what)

    def begin_frame(self, what: str, *, frames: int, objects: int) -> None:
        """Note that an image is tracked, with so many objects and past images anew."""
        first = not self._durations_s or objects > self._most_objects
        self.current = Work(what, frames, first)

    def end_frame(self, duration_s: float, *, objects: int) -> None:
        """Note how long that took [s]."""
        self._durations_s.append(duration_s)
        self._most_objects = max(self._most_objects, objects)

    def end(self) -> None:
        """Note that nothing is in hand."""
        self.current = None


def allowed_s(work: Work, max_silence_s: float, frame_s: float) -> float:
    """Return how long work may take before it counts as hanging [s].

    Args:
        work: what is in hand.
        max_silence_s: for work of a kind that is known to be faster [s].
        frame_s: time that an image takes [s]: some large networks need many seconds.
    """
    silence_s = max_silence_s * (_FIRST_FACTOR if work.first else 1)
    return max(silence_s, WORK_FACTOR * work.frames * frame_s)


class Watchdog:
    """Looks at the work in hand, again and again, and tells when it hangs and when it is done.

    It counts the time between its own looks and no look for more than a second, so that a process
    that was stopped for an hour, as by a debugger, has not hung for an hour.

    Args:
        work: what is in hand now, or None.
        allowed_s: how long it may take [s].
        on_hang, on_recovery: receive a sentence for people, once each.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        work: Callable[[], Work | None],
        allowed_s: Callable[[Work], float],
        *,
        on_hang: Callable[[str], None],
        on_recovery: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find_work, self._allowed_s, self._clock = work, allowed_s, clock
        self._on_hang, self._on_recovery = on_hang, on_recovery
        self._work: Work | None = None
        self._looked_s = clock()
        self._waited_s = 0.0
        self._hangs = False

    @property
    def hang(self) -> str:
        """What hangs and for how long, for people; empty when nothing does."""
        if not self._hangs:
            return ''
        return (
            f'{self._work.what} has been in work for {self._waited_s:.0f} s: the device or its '
            'driver may hang; restart the process if this does not end'
        )

    def check(self) -> None:
        """Look once; to be called a few times a second."""
        now_s, work = self._clock(), self._find_work()
        step_s, self._looked_s = min(now_s - self._looked_s, _STEP_S), now_s
        if work is not self._work:
            ended, waited_s, hung = self._work, self._waited_s, self._hangs
            self._work, self._waited_s, self._hangs = work, 0.0, False
            if hung:
                self._on_recovery(f'{ended.what} came to an end after {waited_s:.0f} s')
            return
        if work is None:
            return
        self._waited_s += step_s
        if not self._hangs and self._waited_s > self._allowed_s(work):
            self._hangs = True
            self._on_hang(self.hang)
