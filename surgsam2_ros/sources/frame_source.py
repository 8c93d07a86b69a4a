# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The one interface behind which bags, image folders and video files deliver their frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

DEFAULT_RATE_HZ = 15.0
"""Of images without a time."""


class SourceError(ValueError):
    """An input that cannot be read; the message says what was found and what to do."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of a source.

    Attributes:
        rgb: uint8 [H, W, 3].
        stamp_ns: time of the image [ns]: its header's in a bag, since the first frame elsewhere.
        frame_id: coordinate frame of the camera, empty where the source knows none.
        index: position in the source, from 0.
    """

    rgb: np.ndarray
    stamp_ns: int
    frame_id: str
    index: int


class FrameSource(ABC):
    """A finite sequence of frames with known length; every iteration starts at the first frame.

    Attributes:
        path: where the frames come from.
        name: short name for titles and file names.
    """

    path: Path
    name: str

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of frames, without decoding them."""

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order; SourceError names the frame that cannot be decoded."""

    @property
    @abstractmethod
    def stamps(self) -> tuple[int, ...]:
        """Stamps of all frames in nanoseconds, in order."""

    @property
    def rate_hz(self) -> float:
        """Mean frame rate by the stamps [Hz]; 0 when they do not tell."""
        stamps = self.stamps
        span = (stamps[-1] - stamps[0]) if len(stamps) > 1 else 0
        return (len(stamps) - 1) * 1e9 / span if span > 0 else 0.0

    def stem(self, index: int) -> str:
        """File name without suffix under which results for frame `index` are stored."""
        return f'{index:05d}'

    def close(self) -> None:  # noqa: B027
        """Release open files; a source without any needs nothing."""

    def __enter__(self) -> FrameSource:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
