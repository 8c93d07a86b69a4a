# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is written of measured boards: their figures, and a line for every object-frame."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from surgsam2_ros.evaluation.board import VideoMeasurement, board_figures, judge_together
from surgsam2_ros.evaluation.measures import FRAME_MEASURES
from surgsam2_ros.evaluation.reports.report_files import write_json
from surgsam2_ros.evaluation.runs.run_description import (
    describe_hardware,
    describe_model,
    describe_versions,
)
from surgsam2_ros.evaluation.runs.settings import NetworkChoice

SCHEMA = 1
_COLUMNS = ('score', 'presence', 'state', 'area', 'truth_area')


def describe_boards(
    measured: Mapping[str, Sequence[VideoMeasurement]],
    network: NetworkChoice,
    tracker: Mapping[str, Any],
    made: Mapping[str, Any],
    gflop: Mapping[str, float],
) -> dict[str, Any]:
    """Return the figures of boards with all that decides them, as the JSON file has them.

    Args:
        measured: videos by board.
        network: that tracked them.
        tracker: the fields of its settings.
        made: how: command, time, behaviour, corrections, seed.
        gflop: operations of a frame, by number of objects.
    """
    return {
        'schema': SCHEMA,
        **made,
        'model': describe_model(network),
        'tracker': dict(tracker),
        'versions': describe_versions(),
        'hardware': describe_hardware(network.device),
        'gflop_per_frame': dict(gflop),
        'boards': [board_figures(name, videos, tracker) for name, videos in measured.items()],
        'all_boards': judge_together(measured, 'mask', tracker),
    }


def write_boards(
    path: Path, report: Mapping[str, Any], measured: Mapping[str, Sequence[VideoMeasurement]]
) -> list[Path]:
    """Write the figures, and beside them NAME.frames.csv with a line per object-frame.

    Args:
        path: of the JSON file; its folder is made where it is missing.
        report: see `describe_boards`.
        measured: videos by board.

    Returns:
        the files.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, _rounded(report))
    frames = path.with_suffix('.frames.csv')
    _write_frames(frames, measured)
    return [path, frames]


def _write_frames(path: Path, measured: Mapping[str, Sequence[VideoMeasurement]]) -> None:
    fields = [measure.field for measure in FRAME_MEASURES]
    with path.open('w', encoding='utf-8', newline='') as file:
        table = csv.writer(file)
        table.writerow(
            ['board', 'video', 'prompt', 'object', 'frame', 'prompted', *fields, *_COLUMNS]
        )
        for board, videos in measured.items():
            for video in videos:
                for kind, records in video.tracks.items():
                    for record in records:
                        for frame, given in enumerate(record.prompted):
                            values = [record.measures[field][frame] for field in fields]
                            values += [getattr(record, column)[frame] for column in _COLUMNS]
                            values = [_rounded(value) for value in values]
                            place = [board, video.video, kind, record.object_id, frame, int(given)]
                            table.writerow([*place, *values])


def _rounded(value: Any) -> Any:
    """Round all fractions to five digits, which is more than they are worth."""
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(entry) for entry in value]
    return round(value, 5) if isinstance(value, float) else value
