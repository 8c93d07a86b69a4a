# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the page works on: pictures with instruments, and what an operator can do to them.

The page knows nothing else, so it is the same beside a running node and over a recording. Every
method may be called from any thread, may block, and raises DeskError with a sentence for the
operator; the page never waits for one on its event loop.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Protocol

import numpy as np

from surgsam2_ros.instrument_classes import InstrumentClasses
from surgsam2_ros.tracking.prompts import Prompt
from surgsam2_ros.tracking.states import TrackState

LONGEST_NAME = 60
"""Characters of the name of an instrument, a class or an operator."""


class DeskError(Exception):
    """Something could not be done; the text says what and what to do about it."""


class Mode(Enum):
    """What a desk works on."""

    LIVE = 'live'
    LABEL = 'label'


@dataclass(frozen=True)
class Instrument:
    """One tracked object as the page lists it.

    Attributes:
        object_id: its name in prompts, tracks and files; never changes.
        instance: its value in label images, 1 to 254, which decides its colour where its class does
            not.
        name: what operators call it; the object id unless it was renamed.
        class_name: kind of instrument, may be empty.
        state: how far to trust it.
        score: predicted IoU of its newest mask, 0 to 1.
        presence: probability that it is in the picture, 0 to 1.
        locked: whether prompts and removal are refused until it is unlocked.
    """

    object_id: str
    instance: int
    name: str
    class_name: str
    state: TrackState
    score: float
    presence: float
    locked: bool = False


def clean_name(value: object) -> str:
    """Make of what came from elsewhere a name that can be shown in a line; it may be empty."""
    return ''.join(filter(str.isprintable, str(value))).strip()[:LONGEST_NAME].rstrip()


@dataclass(frozen=True)
class Description:
    """What an operator says about an instrument; None leaves it as it is.

    Attributes:
        name: what it is called; empty: its object id.
        class_name: kind of instrument; empty: none, or the one that the tracker tells.
        locked: whether prompts and removal are refused.

    Raises:
        DeskError: a name or class that cannot be shown in a line.
    """

    name: str | None = None
    class_name: str | None = None
    locked: bool | None = None

    def __post_init__(self) -> None:
        for text in (self.name, self.class_name):
            if text and (len(text) > LONGEST_NAME or not text.isprintable()):
                raise DeskError(
                    f'{text[:20]!r} is no name; write at most {LONGEST_NAME} characters in one line'
                )

    @property
    def said(self) -> dict[str, str | bool]:
        """What is said, by the names of the attributes."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, eq=False)
class Picture:
    """One image with what was tracked in it; never changed once it is made.

    Attributes:
        camera: which of `Desk.cameras` it is of.
        serial: counts pictures; the higher of two is the newer one to show, also when a picture
            is shown again because its masks changed.
        stamp_ns: of the image [ns], exactly as its source gave it.
        frame_index: place in the recording; -1 where that has no meaning.
        rgb: uint8 [H, W, 3].
        labels: uint8 [H, W], 0 is background, other values `Instrument.instance`; None when this
            image was not tracked (yet).
        instruments: those known when it was made.
        latency_ms: age of the image when its result came [ms]; 0 where that has no meaning.
    """

    camera: str
    serial: int
    stamp_ns: int
    frame_index: int
    rgb: np.ndarray
    labels: np.ndarray | None
    instruments: tuple[Instrument, ...]
    latency_ms: float = 0.0


@dataclass(frozen=True, eq=False)
class Preview:
    """What a prompt would select.

    Attributes:
        mask: bool [H, W].
        score: predicted IoU, 0 to 1.
    """

    mask: np.ndarray
    score: float


@dataclass(frozen=True)
class Notice:
    """Something that every operator is told.

    Attributes:
        serial: counts notices.
        text: one sentence.
        author: the operator who caused it; empty when nobody did.
        is_problem: whether something needs attention.
    """

    serial: int
    text: str
    author: str = ''
    is_problem: bool = False


class Desk(Protocol):
    """Pictures, instruments and what can be done to them.

    Attributes:
        mode: LIVE or LABEL.
        cameras: names of what can be looked at, at least one.
        classes: of instruments, to choose from, with their colours; other names may be typed.
    """

    mode: Mode
    cameras: tuple[str, ...]
    classes: InstrumentClasses

    def wait_for_picture(self, camera: str, after: int, timeout_s: float) -> Picture | None:
        """Return the newest picture whose serial is above `after`; None when none came in time.

        Pictures in between are left out: who is slow sees fewer.
        """

    def instruments(self, camera: str) -> tuple[Instrument, ...]:
        """Return the instruments as of now, in the order in which they were added."""

    def preview(self, picture: Picture, prompt: Prompt) -> Preview:
        """Return what `prompt` would select in `picture`; changes nothing."""

    def give(self, picture: Picture, prompt: Prompt, author: str = '') -> None:
        """Start an instrument, or correct a known one, as seen in `picture`.

        The picture may be an old one (the page was frozen): the prompt holds for its stamp.
        """

    def remove(self, camera: str, object_id: str, author: str = '') -> None:
        """End an instrument."""

    def describe(
        self, camera: str, object_id: str, description: Description, author: str = ''
    ) -> None:
        """Change an instrument's name, class or lock."""

    def undo(self, camera: str, author: str = '') -> str:
        """Take back the newest `give`, `remove` or `describe`, and say in a sentence which."""

    def notices(self, after: int = 0) -> tuple[Notice, ...]:
        """Return the notices whose serial is above `after`, oldest first; the last 100 are kept."""

    def close(self) -> None:
        """End all threads and keep what must be kept; may be called twice."""
