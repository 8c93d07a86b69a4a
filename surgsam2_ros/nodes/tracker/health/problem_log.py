# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Keeps a problem that comes with every frame from filling the log; counts what it held back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PERIOD_S = 5.0


class ProblemLog:
    """Lets the first problem of a kind through, then one every few seconds with a count.

    Args:
        write: receives the texts that are let through.
        clock: seconds, never going back.
    """

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._clock = clock
        self._lock = threading.Lock()
        self._written_at: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def add(self, kind: str, text: str) -> None:
        """Write the problem, or count it when one of its kind was written a moment ago."""
        with self._lock:
            now = self._clock()
            if now - self._written_at.get(kind, float('-inf')) < PERIOD_S:
                self._held_back[kind] = self._held_back.get(kind, 0) + 1
                return
            self._written_at[kind] = now
            held_back = self._held_back.pop(kind, 0)
        self._write(f'{text} ({held_back} more like it since)' if held_back else text)
