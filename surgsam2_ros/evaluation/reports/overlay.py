# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Overlay videos: the images of a run with its results and the truth's outlines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from surgsam2_ros.drawing import STATE_NAMES, DrawnTrack, draw_contour, draw_overlay
from surgsam2_ros.evaluation.records import ObjectRecord, RunRecord, VideoRecord
from surgsam2_ros.evaluation.reports.pictures import TRUTH_COLOUR, RunPictures
from surgsam2_ros.sources import SourceError
from surgsam2_ros.sources.video_output import VideoOutput, VideoOutputError

DEFAULT_RATE_HZ = 15.0  # of folders, which know no time
_DROPPED = 'dropped'


def write_overlays(output: Path, run: RunRecord, records: Iterable[VideoRecord]) -> list[str]:
    """Write overlay/VIDEO.mp4 of the tracker's results, overlay/node/VIDEO.mp4 of the node's.

    Args:
        output: folder of the run.
        run: its record.
        records: of the videos.

    Returns:
        a line for each video that could not be written, saying why.
    """
    problems = []
    for record in records:
        folder = output / 'overlay' / ('node' if record.through == 'node' else '')
        try:
            with VideoOutput(folder / f'{record.video}.mp4', frame_rate(record)) as video:
                for rgb in overlay_frames(output, run, record):
                    video.write(rgb)
        except (VideoOutputError, SourceError, OSError) as error:
            problems.append(f'no overlay of {record.video} ({record.through}): {error}')
    return problems


def overlay_frames(output: Path, run: RunRecord, record: VideoRecord) -> Iterator[np.ndarray]:
    """Draw every frame of a video: results in colour, the truth in white, dropped frames named.

    Args:
        output: folder of the run.
        run: its record.
        record: of the video.

    Yields:
        uint8 [H, W, 3] RGB, one per image.

    Raises:
        SourceError: when the images are not where the run found them.
    """
    dropped = set(record.dropped)
    with RunPictures(output, run) as pictures:
        for index in range(len(record.stems)):
            rgb = pictures.image(record.video, index)
            tracks = [
                _track(entry, pictures, record, index)
                for entry in (*record.objects, *record.others)
                if entry.area[index] is not None
            ]
            canvas = draw_overlay(rgb, tracks)
            for entry in record.objects:
                if entry.truth_area[index]:
                    truth = pictures.truth(record.video, entry.object_id, index)
                    draw_contour(canvas, truth, TRUTH_COLOUR, halo=False)
            if index in dropped:
                _write(canvas, _DROPPED)
            yield canvas


def frame_rate(record: VideoRecord) -> float:
    """Rate at which a video was recorded, from the median of its intervals [Hz].

    Folders know no time; they are shown at DEFAULT_RATE_HZ.
    """
    intervals = np.diff(record.stamps_ns or [])
    middle = float(np.median(intervals)) if intervals.size else 0.0
    return 1e9 / middle if middle > 0 else DEFAULT_RATE_HZ


def _track(
    entry: ObjectRecord, pictures: RunPictures, record: VideoRecord, index: int
) -> DrawnTrack:
    state = entry.state[index]
    return DrawnTrack(
        entry.name or str(entry.object_id),
        entry.object_id,
        pictures.prediction(record.video, record.through, entry.object_id, index),
        entry.score[index] or 0.0,
        STATE_NAMES.index(state) if state in STATE_NAMES else 1,
        _frames_since_seen(entry, index),
    )


def _frames_since_seen(entry: ObjectRecord, index: int) -> int:
    return next((age for age in range(index + 1) if entry.area[index - age]), index)


def _write(canvas: np.ndarray, text: str) -> None:
    scale = max(0.5, canvas.shape[0] / 900)
    place = (8, round(34 * scale))
    for colour, thickness in (((0, 0, 0), 4), ((255, 120, 90), 1)):
        cv2.putText(
            canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA
        )
