# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The time line of one operator: where in the recording, which range, and what a key does."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.label.label_desk import LabelDesk, Overview
from surgsam2_ros.console.label.labels import Verdict

MOST_COLUMNS = 1200
TRACKED, ACCEPTED, REJECTED = 1, 2, 3
UNCERTAIN_BIT, PROMPT_BIT = 4, 8
"""A column's byte: what most of its frames are, and whether one is uncertain, one prompted."""


class TimeLine:
    """One operator's place on the time line; without widgets.

    The range that verdicts are about is what was marked; without marks, the frames around the one
    that is shown which are as far as it: tracked alike and judged alike.
    """

    def __init__(self, desk: LabelDesk, dataset: Path, author: str) -> None:
        """Start without marks.

        Args:
            desk: over the recording.
            dataset: folder that exports go to.
            author: the operator's name.
        """
        self._desk, self._dataset, self._author = desk, dataset, author
        self._marks: tuple[int, int] | None = None
        self._of_key: dict[str, Callable[[bool], None]] = {
            'ArrowLeft': lambda shift: self.move(-10 if shift else -1),
            'ArrowRight': lambda shift: self.move(10 if shift else 1),
            'Home': lambda _: self.go_to(0),
            'End': lambda _: self.go_to(len(desk) - 1),
            'u': lambda _: self.go_to_uncertain(1),
            'y': lambda _: self.go_to_uncertain(-1),
            '[': lambda _: self.mark_first(),
            ']': lambda _: self.mark_last(),
            'p': lambda _: self.propagate(1),
            'b': lambda _: self.propagate(-1),
            's': lambda _: self.stop(),
            'a': lambda _: self.accept(),
            'r': lambda _: self.reject(),
            'x': lambda _: self.clear(),
            'e': lambda _: self.export(),
        }

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys that mean something here, as browsers name them, letters in lower case."""
        return tuple(self._of_key)

    def press(self, key: str, *, shift: bool = False) -> None:
        """Do what a key means; DeskError when that cannot be done."""
        self._of_key[key.lower() if len(key) == 1 else key](shift)

    def go_to(self, frame: int) -> None:
        """Show a frame; beyond the ends, the nearest one."""
        self._desk.go_to(frame)

    def move(self, frames: int) -> None:
        """Show the frame so many frames on, or back."""
        self.go_to(self._desk.position + frames)

    def go_to_uncertain(self, step: int) -> None:
        """Show the next frame with a poor mask, or the one before.

        Raises:
            DeskError: when there is none in that direction.
        """
        seen = self._desk.overview()
        frames = np.flatnonzero(seen.uncertain & (seen.verdicts == Verdict.NONE))
        beyond = (
            frames[frames > seen.position] if step > 0 else frames[frames < seen.position][::-1]
        )
        if not len(beyond):
            raise DeskError(f'no uncertain frame {"after" if step > 0 else "before"} this one')
        self.go_to(int(beyond[0]))

    def mark_first(self) -> None:
        """Begin the range at the frame that is shown."""
        position = self._desk.position
        last = self._marks[1] if self._marks else position
        self._marks = position, max(position, last)

    def mark_last(self) -> None:
        """End the range at the frame that is shown."""
        position = self._desk.position
        first = self._marks[0] if self._marks else position
        self._marks = min(first, position), position

    def unmark(self) -> None:
        """Take the range from what is around the frame again."""
        self._marks = None

    def range_of(self, seen: Overview) -> tuple[int, int]:
        """Return the first and the last frame that a verdict would be about."""
        return self._marks or around(seen.position, seen.tracked + 2 * seen.verdicts)

    def accept(self) -> None:
        """Accept the range, but for its rejected frames."""
        self._judge(Verdict.ACCEPTED)

    def reject(self) -> None:
        """Reject the range."""
        self._judge(Verdict.REJECTED)

    def clear(self) -> None:
        """Take verdicts back, so that masks can be carried through the range again."""
        self._judge(Verdict.NONE)

    def propagate(self, step: int) -> None:
        """Carry the masks that are shown on: 1 forwards, -1 backwards."""
        self._desk.propagate(step, self._author)

    def stop(self) -> None:
        """End what goes on."""
        self._desk.stop()

    def export(self) -> None:
        """Write the accepted frames as a data set; see `LabelDesk.export`."""
        self._desk.export(self._dataset, author=self._author)

    def state(self) -> dict[str, Any]:
        """Return what a browser draws: numbers, words and the columns as base64."""
        seen = self._desk.overview()
        first, last = self.range_of(seen)
        progress = seen.progress
        running = progress is not None and progress.running
        stamps = self._desk.recording.images.stamps
        return {
            'frames': len(self._desk),
            'position': seen.position,
            'seconds': float(stamps[seen.position] - stamps[0]) / 1e9,
            'range': [first, last],
            'marked': self._marks is not None,
            'columns': base64.b64encode(columns(seen).tobytes()).decode(),
            'accepted': int((seen.verdicts == Verdict.ACCEPTED).sum()),
            'rejected': int((seen.verdicts == Verdict.REJECTED).sum()),
            'tracked': int(seen.tracked.sum()),
            'uncertain': int((seen.uncertain & (seen.verdicts == Verdict.NONE)).sum()),
            'work': f'{progress.title}: {progress.done} of {progress.total}' if running else '',
        }

    def _judge(self, verdict: Verdict) -> None:
        first, last = self.range_of(self._desk.overview())
        self._desk.judge(verdict, first, last, self._author)
        self._marks = None


def columns(seen: Overview) -> np.ndarray:
    """Sum frames up in columns, uint8 [C], at most MOST_COLUMNS; see PROMPT_BIT."""
    frames = len(seen.verdicts)
    kinds = np.where(seen.verdicts > 0, seen.verdicts + 1, seen.tracked.astype(np.uint8))
    count = min(frames, MOST_COLUMNS)
    starts = np.arange(count) * frames // count
    frames_of_kind = [np.add.reduceat(kinds == kind, starts, dtype=np.int64) for kind in range(4)]
    summed = np.argmax(frames_of_kind, axis=0).astype(np.uint8)
    uncertain = seen.uncertain & (seen.verdicts == Verdict.NONE)
    summed |= UNCERTAIN_BIT * np.logical_or.reduceat(uncertain, starts).astype(np.uint8)
    summed |= PROMPT_BIT * np.logical_or.reduceat(seen.prompted, starts).astype(np.uint8)
    return summed


def around(position: int, values: np.ndarray) -> tuple[int, int]:
    """Return the first and the last index around a position with the same value."""
    other = np.flatnonzero(values != values[position])
    place = int(np.searchsorted(other, position))
    first = int(other[place - 1]) + 1 if place else 0
    last = int(other[place]) - 1 if place < len(other) else len(values) - 1
    return first, last
