# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A picture of where a tracker failed: prompt, truth and track of the worst frame of each kind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from surgsam2_ros.drawing import DrawnTrack, contact_sheet, draw_overlay
from surgsam2_ros.evaluation.records import RunRecord, VideoRecord
from surgsam2_ros.evaluation.reports.frame_choice import ChosenFrame
from surgsam2_ros.evaluation.reports.pictures import RunPictures
from surgsam2_ros.evaluation.runs.video import object_ids
from surgsam2_ros.evaluation.scores import later_frames

SMALLEST = 0.01  # share of the picture; what is left of an object at its rim tells nothing
SUFFIXES = ('.jpg', '.png')
ROWS = 3
_TILE_WIDTH = 256


def worst_of_each_kind(records: Iterable[VideoRecord]) -> list[ChosenFrame]:
    """Choose the frame with the smallest J of each kind of video, the worst kind first.

    Videos are of one kind whose names differ in a number at the end alone: smoke_0, smoke_1.

    Args:
        records: of videos; an object has a say in the frames after its prompt in which it covers
            SMALLEST of the picture.
    """
    worst: dict[str, ChosenFrame] = {}
    for record in records:
        for frame in _failures(record):
            kind = re.sub(r'_?\d+$', '', record.video)
            if kind not in worst or frame.badness > worst[kind].badness:
                worst[kind] = frame
    return sorted(worst.values(), key=lambda frame: -frame.badness)


def failure_sheet(
    output: Path, run: RunRecord, records: Iterable[VideoRecord], rows: int = ROWS
) -> np.ndarray | None:
    """Draw a row of three pictures per failure: the prompt, the truth, and the track.

    Where nothing was prompted, the first frame with the object takes the place of the prompt.

    Args:
        output: folder of the run.
        run: its record.
        records: of its videos; those that failed have no say.
        rows: at most so many.

    Returns:
        uint8 [height, width, 3] RGB; None without a frame to show.

    Raises:
        SourceError: when images or truth are not where the run found them.
    """
    found = {record.video: record for record in records if record.error is None}
    failures = worst_of_each_kind(found.values())[:rows]
    images, captions = [], []
    with RunPictures(output, run) as pictures:
        for failure in failures:
            record = found[failure.video]
            entry = next(e for e in record.objects if e.object_id == failure.object_id)
            first, index = entry.first_frame, failure.index
            where = (failure.video, failure.through, index)
            images += [
                _drawn(pictures, failure.video, first, pictures.labels(failure.video, first)),
                _drawn(pictures, failure.video, index, pictures.labels(failure.video, index)),
                _drawn(pictures, failure.video, index, pictures.predictions(*where)),
            ]
            captions += [
                f'{failure.video}: {"prompt" if entry.prompted[first] else "first seen"}',
                f'truth, frame {index}',
                f'track, IoU {1 - failure.badness:.2f}',
            ]
    return contact_sheet(images, captions, columns=3, tile_width=_TILE_WIDTH) if images else None


def write_failure_sheet(
    path: Path, output: Path, run: RunRecord, records: Iterable[VideoRecord]
) -> bool:
    """Write the sheet as a picture; tells whether there was a failure to show.

    Args:
        path: a name that ends with one of SUFFIXES.
        output, run, records: see `failure_sheet`.

    Raises:
        OSError: when the picture cannot be written.
        SourceError: when images or truth are not where the run found them.
    """
    sheet = failure_sheet(output, run, records)
    if sheet is None:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88]):
        raise OSError(f'{path} cannot be written; make room there or name another file')
    return True


def _failures(record: VideoRecord) -> Iterable[ChosenFrame]:
    """Yield the frames of a video in which an object that is well in them was tracked."""
    height, width = record.size
    for entry in record.objects:
        for index in later_frames(entry):
            if entry.truth_area[index] >= SMALLEST * height * width:
                badness = 1 - entry.iou[index]
                yield ChosenFrame(record.video, record.through, entry.object_id, index, badness)


def _drawn(pictures: RunPictures, video: str, index: int, labels: np.ndarray) -> np.ndarray:
    """Draw the objects of a label image into a frame."""
    tracks = [DrawnTrack(str(value), value, labels == value) for value in object_ids(labels)]
    return draw_overlay(pictures.image(video, index), tracks, opacity=0.45, labels=False)
