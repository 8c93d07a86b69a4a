# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A progress bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_REFRESH_S = 0.1
_LINE_EVERY_S = 5.0
_BAR_WIDTH = 28


class Progress:
    """Shows how far a task is; use it in a `with` statement and call `update`.

    Args:
        total: steps of the task, at least 1.
        label: what is being done.
        stream: where to show it, standard error by default.
    """

    def __init__(self, total: int, label: str, *, stream: TextIO | None = None) -> None:
        self._total = max(total, 1)
        self._label = label
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._started = time.monotonic()
        self._shown = float('-inf') if self._terminal else self._started
        self._done = 0
        self._note = ''

    @property
    def rate(self) -> float:
        """Steps per second so far."""
        return self._done / max(time.monotonic() - self._started, 1e-9)

    def relabel(self, label: str) -> None:
        """Say that something else is being done now."""
        self._label = label
        self._started = self._shown = time.monotonic()
        self._show()

    def update(self, done: int, note: str = '') -> None:
        """Show that `done` steps of the total are finished, with a few words beside it."""
        self._done, self._note = done, note
        now = time.monotonic()
        if now - self._shown >= (_REFRESH_S if self._terminal else _LINE_EVERY_S):
            self._shown = now
            self._show()

    def _text(self) -> str:
        return f'{self._label} {self._done}/{self._total}  {self.rate:.1f}/s  {self._note}'

    def _show(self) -> None:
        share = min(self._done / self._total, 1.0)
        text = self._text()
        if self._terminal:
            filled = round(share * _BAR_WIDTH)
            bar = '█' * filled + '░' * (_BAR_WIDTH - filled)
            self._stream.write(f'\r\x1b[K{bar} {text.rstrip()}')
        else:
            self._stream.write(f'{text.rstrip()}\n')
        self._stream.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        """Show the last state and leave the line."""
        self._show()
        if self._terminal:
            self._stream.write('\n')
            self._stream.flush()
