# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of where a tracker failed: prompt, truth and track of the worst frame of each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from surgsam2_ros.datasets.vos_folder import VosVideo
from surgsam2_ros.drawing import DrawnTrack, contact_sheet, draw_overlay
from surgsam2_ros.evaluation.metrics.overlap import jaccard
from surgsam2_ros.sources import read_label_png

SMALLEST = 0.01  # share of the picture; what is left of an object at its rim tells nothing
SUFFIXES = ('.jpg', '.png')
_TILE_WIDTH = 256


@dataclass(frozen=True, eq=False)
class Failure:
    """The frame and object of a video with the smallest IoU.

    Attributes:
        video: whose frame it is; its first frame is the prompt.
        frame: index.
        value: of the object in the label images.
        overlap: IoU.
        predicted: uint8 [H, W], label image of that frame.
    """

    video: VosVideo
    frame: int
    value: int
    overlap: float
    predicted: np.ndarray


def worst_frame(video: VosVideo, predicted: Sequence[np.ndarray]) -> Failure | None:
    """Find the frame after the first in which an object that is well in it was tracked worst.

    Args:
        video: every frame of it labelled, with an object in the first one.
        predicted: uint8 [H, W] label images of all frames, with the values of the truth.

    Returns:
        None where no object of the first frame covers SMALLEST of another one.
    """
    truth = [read_label_png(frame.annotation) for frame in video.frames]
    values = set(map(int, np.unique(truth[0]))) - {0, 255}
    candidates = [
        (jaccard(predicted[index] == value, truth[index] == value), index, value)
        for index in range(1, len(truth))
        for value in sorted(values)
        if (truth[index] == value).mean() >= SMALLEST
    ]
    if not candidates:
        return None
    overlap, index, value = min(candidates)
    return Failure(video, index, value, overlap, predicted[index])


def worst_of_each_kind(failures: Sequence[Failure]) -> list[Failure]:
    """Keep the worst failure among the videos KIND_0, KIND_1, … of every kind, worst kind first."""
    worst: dict[str, Failure] = {}
    for failure in sorted(failures, key=lambda failure: failure.overlap):
        worst.setdefault(failure.video.name.rpartition('_')[0], failure)
    return list(worst.values())


def failure_sheet(failures: Sequence[Failure]) -> np.ndarray:
    """Draw a row of three pictures per failure: the prompt, the truth, and the track.

    Args:
        failures: at least one, of videos of one size.

    Returns:
        uint8 [height, width, 3] RGB.
    """
    images, captions = [], []
    for failure in failures:
        first, frame = failure.video.frames[0], failure.video.frames[failure.frame]
        images += [
            _picture(first.image, read_label_png(first.annotation)),
            _picture(frame.image, read_label_png(frame.annotation)),
            _picture(frame.image, failure.predicted),
        ]
        captions += [
            f'{failure.video.name}: prompt',
            f'truth, frame {failure.frame}',
            f'track, IoU {failure.overlap:.2f}',
        ]
    return contact_sheet(images, captions, columns=3, tile_width=_TILE_WIDTH)


def write_failures(
    path: Path, predictions: Mapping[VosVideo, Sequence[np.ndarray]], most: int = 3
) -> None:
    """Write the sheet of the worst kinds of some videos as a picture; none without a failure.

    Args:
        path: a name that ends with one of SUFFIXES.
        predictions: label images of all frames, by video.
        most: rows of the sheet.

    Raises:
        OSError: when the picture cannot be written.
    """
    found = [worst_frame(video, predicted) for video, predicted in predictions.items()]
    failures = worst_of_each_kind([failure for failure in found if failure is not None])
    if not failures:
        return
    sheet = failure_sheet(failures[:most])
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88]):
        raise OSError(f'{path} cannot be written; make room there or name another file')


def _picture(image: Path, labels: np.ndarray) -> np.ndarray:
    """Draw the objects of a label image into an image."""
    rgb = cv2.cvtColor(cv2.imread(str(image)), cv2.COLOR_BGR2RGB)
    values = set(map(int, np.unique(labels))) - {0, 255}
    tracks = [DrawnTrack(str(value), value, labels == value) for value in sorted(values)]
    return draw_overlay(rgb, tracks, opacity=0.45, labels=False)
