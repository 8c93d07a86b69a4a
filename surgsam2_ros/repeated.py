# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Something done again and again, on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Repeated:
    """Work that is done every so often until it is closed, first after one period.

    Args:
        name: of the thread.
        period_s: pause between two times [s].
        work: done on the thread; False ends it.
    """

    def __init__(self, name: str, period_s: float, work: Callable[[], bool | None]) -> None:
        self._period_s, self._work = period_s, work
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Return when the work is done for the last time; may be called twice."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._period_s):
            if self._work() is False:
                return
