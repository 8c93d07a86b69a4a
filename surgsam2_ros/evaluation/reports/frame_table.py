# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The content of per_frame.csv: one line per frame and object, for one's own analysis."""

from __future__ import annotations

import csv
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path

from surgsam2_ros.evaluation.measures import FRAME_MEASURES
from surgsam2_ros.evaluation.records import ObjectRecord, VideoRecord
from surgsam2_ros.evaluation.scores import scored_frames

COLUMNS = (
    'through',
    'video',
    'object',
    'name',
    'index',
    'frame',
    'stamp_ns',
    'prompted',
    'dropped',
    'scored',
    'truth_area',
    'area',
    *(measure.key for measure in FRAME_MEASURES),
    'score',
    'presence',
    'state',
    'latency_ms',
    'inference_ms',
    'track',
    'binary_IoU',
)


def write_frame_table(path: Path, records: Iterable[VideoRecord], skip_ends: bool) -> None:
    """Write the table; docs/evaluation.md describes the columns. Unknown values are empty.

    Args:
        path: file to write.
        records: of videos; those that failed have no lines.
        skip_ends: see `scored_frames`.
    """
    with path.open('w', newline='', encoding='utf-8') as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for record in records:
            writer.writerows(_rows(record, skip_ends))


def _rows(record: VideoRecord, skip_ends: bool) -> Iterator[list[object]]:
    for entry in record.objects:
        scored = scored_frames(entry, skip_ends)
        yield from _rows_of(record, entry, set(scored), entry.discovery.get('track') or '')
    for entry in record.others:
        yield from _rows_of(record, entry, set(), entry.name)


def _rows_of(
    record: VideoRecord, entry: ObjectRecord, scored: Container[int], track: str
) -> Iterator[list[object]]:
    dropped = set(record.dropped)
    for index, stem in enumerate(record.stems):
        yield [
            record.through,
            record.video,
            entry.object_id,
            entry.name,
            index,
            stem,
            record.stamps_ns[index] if record.stamps_ns else '',
            int(entry.prompted[index]),
            int(index in dropped),
            int(index in scored),
            *(
                _known(values, index)
                for values in (
                    entry.truth_area,
                    entry.area,
                    *(entry.measures[measure.field] for measure in FRAME_MEASURES),
                    entry.score,
                    entry.presence,
                    entry.state,
                    record.latency_ms,
                    record.inference_ms,
                )
            ),
            track,
            _known(record.binary_iou, index),
        ]


def _known(values: Sequence[object] | None, index: int) -> object:
    return '' if not values or values[index] is None else values[index]
