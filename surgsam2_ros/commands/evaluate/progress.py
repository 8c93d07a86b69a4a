# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Shows how far an evaluation is: videos, frames, and the time left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TextIO

from surgsam2_ros.commands.progress import Progress

if TYPE_CHECKING:
    from surgsam2_ros.evaluation.runs.jobs import Standing


class EvaluationProgress(Progress):
    """A bar of frames with the number of videos beside it.

    Args:
        label: what is being done.
        videos: of the whole run.
        skipped: of them, those that were finished before.
        stream: where to show it, standard error by default.
    """

    def __init__(
        self, label: str, videos: int, skipped: int = 0, *, stream: TextIO | None = None
    ) -> None:
        super().__init__(1, label, stream=stream)
        self._videos, self._finished, self._failed = videos, skipped, 0
        self._skipped = skipped
        self._first: tuple[float, int] | None = None  # when frames began to come, and how many

    def show(self, standing: Standing) -> None:
        """Show where the run stands."""
        self._finished = self._skipped + standing.videos
        self._failed = standing.failed
        self._total = max(standing.expected, 1)
        if self._first is None and standing.frames:
            self._first = time.monotonic(), standing.frames
        self.update(standing.frames)

    @property
    def seconds_left(self) -> float | None:
        """Time that the frames to come will take; None before the rate is known.

        The start of processes and networks does not count.
        """
        if self._first is None or self._done <= self._first[1]:
            return None
        since, count = self._first
        left = max(self._total - self._done, 0)
        return (time.monotonic() - since) * left / (self._done - count)

    def _text(self) -> str:
        parts = [f'{self._label}  video {self._finished}/{self._videos}']
        if self._failed:
            parts.append(f'{self._failed} failed')
        if self._first is None:
            return '  '.join([*parts, 'starting'])
        parts.append(f'frame {self._done}/{self._total}')
        if self.seconds_left is not None:
            parts.append(f'{format_duration(self.seconds_left)} left')
        return '  '.join(parts)


def format_duration(seconds: float) -> str:
    """Return a duration for people: '40 s', '12 min', '3 h 05 min'."""
    if seconds < 60:
        return f'{round(seconds)} s'
    minutes = round(seconds / 60)
    return f'{minutes} min' if minutes < 60 else f'{minutes // 60} h {minutes % 60:02d} min'
