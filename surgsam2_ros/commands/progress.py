# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A progress bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from tqdm import tqdm

_LINE_EVERY_S = 5.0
_LINE = '{desc}  {n_fmt}/{total_fmt}  {rate_noinv_fmt}  {remaining} left{postfix}'


class Progress:
    """Shows how far a task is; use it in a `with` statement and call `update`.

    Rate and time left count from the first step on: what goes before it says nothing of the others.

    Args:
        total: steps of the task, at least 1.
        label: what is being done.
        stream: where to show it, standard error by default.
    """

    def __init__(self, total: int, label: str, *, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._total, self._label, self._note = max(total, 1), label, ''
        self._first: tuple[float, int] | None = None  # when the first steps were done, how many
        self._done = 0
        self._told = time.monotonic()
        self._bar = None
        if self._stream.isatty():
            self._bar = tqdm(
                total=self._total,
                desc=label,
                unit='',
                file=self._stream,
                dynamic_ncols=True,
                bar_format=f'{{bar:28}} {_LINE}',
            )

    def relabel(self, label: str) -> None:
        """Say that something else is being done now."""
        self._label, self._first = label, None
        self._show()

    def update(self, done: int, note: str = '') -> None:
        """Show that `done` steps of the total are finished, with a few words beside it."""
        self._done, self._note = done, note
        if self._first is None and done:
            self._first = time.monotonic(), done
        if self._bar is not None:
            self._fill_bar()
            self._bar.update(done - self._bar.n)
        elif time.monotonic() - self._told >= _LINE_EVERY_S:
            self._show()

    def _show(self) -> None:
        if self._bar is not None:
            self._fill_bar()
            self._bar.refresh()
            return
        self._told = time.monotonic()
        since, count = self._first or (self._told, 0)
        elapsed, steps = self._told - since, self._done - count
        known = steps > 0 and elapsed > 0
        line = tqdm.format_meter(
            self._done,
            self._total,
            elapsed if known else 0.0,
            prefix=self._label,
            unit='',
            rate=steps / elapsed if known else None,
            postfix=self._note,
            bar_format=_LINE,
        )
        self._stream.write(f'{line.strip()}\n')
        self._stream.flush()

    def _fill_bar(self) -> None:
        self._bar.total = self._total
        self._bar.set_description_str(self._label, refresh=False)
        self._bar.set_postfix_str(self._note, refresh=False)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        """Show the last state and leave the line."""
        if self._bar is not None:
            self._bar.close()
        else:
            self._show()
