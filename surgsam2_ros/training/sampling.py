# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which frames of a video make a training clip.

As in the released training of SurgSAM2, a clip is a run of consecutive frames from a random start.
Stride, reversal and turning round are options.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surgsam2_ros.training.clips import SMALLEST_OBJECT


@dataclass(frozen=True)
class Sampling:
    """Which frames make a clip.

    Attributes:
        max_objects: of more objects in the first frame, that many are drawn.
        repeat: samples per frame of the data in an epoch.
        stride: largest distance of the frames of a clip.
        strided: share of the clips whose stride is drawn from 1 to `stride`; the others have 1.
        reverse: share of the clips that run backwards.
        turn: share of the clips that run back where an object leaves, so that it returns.
        smallest_object: share of the first frame that an object must cover to be tracked.
    """

    max_objects: int = 3
    repeat: float = 1.0
    stride: int = 1
    strided: float = 0.5
    reverse: float = 0.0
    turn: float = 0.0
    smallest_object: float = SMALLEST_OBJECT

    def __post_init__(self):
        """Check the values.

        Raises:
            ValueError: naming the value and what was expected.
        """
        for name in ('max_objects', 'stride'):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f'sampling {name} is {value!r}; expected a whole number from 1')
        if isinstance(self.repeat, bool) or not 0 < self.repeat < float('inf'):
            raise ValueError(f'sampling repeat is {self.repeat!r}; expected a number above 0')
        for name in ('strided', 'reverse', 'turn', 'smallest_object'):
            value = getattr(self, name)
            if isinstance(value, bool) or not 0 <= value <= 1:
                raise ValueError(f'sampling {name} is {value!r}; expected a share from 0 to 1')


def choose_frames(
    count: int, frames: int, sampling: Sampling, rng: np.random.Generator
) -> np.ndarray:
    """Draw the frames of a clip from a video of `count` frames.

    Returns:
        int [frames], equidistant, ascending or descending.

    Raises:
        ValueError: when the video is too short.
    """
    if count < frames:
        raise ValueError(f'a video of {count} frames is too short for clips of {frames}')
    stride = 1
    if sampling.stride > 1 and rng.random() < sampling.strided:
        widest = sampling.stride if frames == 1 else (count - 1) // (frames - 1)
        stride = int(rng.integers(1, min(sampling.stride, widest) + 1))
    start = int(rng.integers(0, count - stride * (frames - 1)))
    chosen = start + stride * np.arange(frames)
    return chosen[::-1] if rng.random() < sampling.reverse else chosen


def turn_where_objects_leave(labels: np.ndarray) -> np.ndarray:
    """Order the frames of a clip so that it runs back once an object of its first frame has left.

    Args:
        labels: uint8 [T, S, S].

    Returns:
        int [T], frame numbers; 0, 1, ... T - 1 where no object leaves or the last frame shows how.
    """
    count = len(labels)
    order = np.arange(count)
    coarse = labels[:, ::2, ::2].reshape(count, -1)
    for value in set(np.unique(coarse[0])) - {0}:
        away = np.flatnonzero(~(coarse == value).any(axis=1))
        if len(away) and away[0] < count - 1:
            turn = away[0]
            return np.concatenate([order[: turn + 1], order[turn - 1 :: -1], order[1:]])[:count]
    return order
