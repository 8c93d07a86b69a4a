# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How well a video's identities were kept, from its truth and the label images that were written.

Label images are read one at a time, so that a long video does not fill the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from surgsam2_ros.evaluation.metrics.identity import identity_scores
from surgsam2_ros.evaluation.runs.video import EvaluationVideo
from surgsam2_ros.evaluation.runs.writing import ALL
from surgsam2_ros.sources import read_label_png


def identity_of(
    video: EvaluationVideo, predictions: Path, objects: Sequence[int]
) -> dict[str, float]:
    """Compare identities in the frames that have a truth; without a prediction a frame is empty.

    Args:
        video: with its truth.
        predictions: folder that `LabelWriter` filled.
        objects: ids that were evaluated; what else the truth has is left out.

    Returns:
        As `metrics.identity_scores`; empty when TrackEval is not installed.
    """
    frames = [frame for frame in range(len(video)) if video.truth(frame) is not None]
    evaluated = np.zeros(256, np.uint8)
    evaluated[list(objects)] = list(objects)

    def truth(frame: int) -> np.ndarray:
        return evaluated[video.truth(frame)]

    def predicted(frame: int) -> np.ndarray:
        path = predictions / ALL / f'{video.stems[frame]}.png'
        return read_label_png(path) if path.exists() else np.zeros(video.size, np.uint8)

    try:
        return identity_scores(_Labels(frames, truth), _Labels(frames, predicted))
    except (ImportError, NotImplementedError):
        return {}


class _Labels(Sequence):
    """Label images that are read when they are asked for."""

    def __init__(self, frames: Sequence[int], read: Callable[[int], np.ndarray]) -> None:
        self._frames, self._read = frames, read

    def __len__(self) -> int:
        return len(self._frames)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[np.ndarray]: ...

    def __getitem__(self, index: int | slice) -> np.ndarray | Sequence[np.ndarray]:
        if isinstance(index, slice):
            return _Labels(self._frames[index], self._read)
        return self._read(self._frames[index])
