# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What every operator is told."""

from __future__ import annotations

import threading
from collections import deque

from surgsam2_ros.console.desk import Notice

_KEPT = 100


class Notices:
    """The newest hundred notices; threads may share them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[Notice] = deque(maxlen=_KEPT)
        self._serial = 0

    def tell(self, text: str, author: str = '', *, is_problem: bool = False) -> None:
        """Add a notice."""
        with self._lock:
            self._serial += 1
            self._kept.append(Notice(self._serial, text, author, is_problem))

    def after(self, serial: int) -> tuple[Notice, ...]:
        """Return those above this serial, oldest first."""
        with self._lock:
            return tuple(notice for notice in self._kept if notice.serial > serial)
