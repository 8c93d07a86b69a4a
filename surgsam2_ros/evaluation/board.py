# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The figures that a network is held to on boards: data sets of videos that it was not trained on.

A board says how well objects are followed from a mask, a box and a click, what the tracker's word
about that is worth, and what a correction brings. `runs.board_runs` measures the videos.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from surgsam2_ros.evaluation.measures import FRAME_MEASURES
from surgsam2_ros.evaluation.promise import judge, object_frames, promise
from surgsam2_ros.evaluation.records import ObjectRecord
from surgsam2_ros.evaluation.scores import (
    later_frames,
    mean_scores,
    pooled_presence,
    presence_of,
)

KINDS = ('mask', 'box', 'click')
"""Prompts that every object is followed from."""
SOURCES = {'real': ('cholec', 'dvrk')}
"""Boards whose figure is the mean over sources, told by the beginning of the videos' names; that of
a source is the mean over its videos. The figure of any other board is the mean over its objects."""


@dataclass(frozen=True)
class Correction:
    """What one correction brought.

    Attributes:
        object_id: value in the truth.
        frame: index of the corrected frame.
        kind: of KINDS; a click lies in the largest mistake, on the object or off it.
        before, after: IoU in that frame.
        without, later: mean IoU over the next frames that have a truth, not corrected and
            corrected; None where the video ends.
    """

    object_id: int
    frame: int
    kind: str
    before: float
    after: float
    without: float | None
    later: float | None


@dataclass(frozen=True)
class VideoMeasurement:
    """What was measured on one video.

    Attributes:
        video: name.
        tracks: records of the objects, by the kind of prompt that they were followed from.
        corrections: of the tracks from masks.
        baselines: records of the objects, by the name of a baseline.
        size: (H, W) of the images.
    """

    video: str
    tracks: Mapping[str, Sequence[ObjectRecord]]
    corrections: Sequence[Correction] = ()
    baselines: Mapping[str, Sequence[ObjectRecord]] = field(default_factory=dict)
    size: tuple[int, int] | None = None

    def followed(self, method: str) -> Sequence[ObjectRecord]:
        """Return the records of the objects, by kind of prompt or name of a baseline."""
        return self.tracks[method] if method in self.tracks else self.baselines[method]


def board_figures(
    name: str, videos: Sequence[VideoMeasurement], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Sum up the videos of a board.

    Args:
        name: of the board, which decides what its figure averages over (SOURCES).
        videos: what was measured on each.
        settings: of the tracker, by the names of TrackerConfig.

    Returns:
        JSON-ready dict, None where nothing counts: 'board'; 'mean_over', 'sources' or 'objects';
        'J' and 'F' by kind of prompt; 'sources', by name the same J, where the board has them;
        'methods', by kind of prompt and by name of a baseline see `_method`;
        'promise', by kind what `promise.judge` returns; 'corrections', by kind see
        `correction_figures`; 'baselines', J by name; 'videos', a list of 'video', 'frames', 'J' by
        kind, 'promise' of the tracks from masks, 'baselines' and 'objects' (J by kind, by object).
    """
    kinds = [kind for kind in KINDS if all(kind in video.tracks for video in videos)]
    baselines = list(videos[0].baselines) if videos else []
    methods = {method: _method(name, videos, method) for method in (*kinds, *baselines)}
    overlaps = {
        kind: {video.video: _means(video.tracks[kind], 'J') for video in videos} for kind in kinds
    }
    figures = {
        'board': name,
        'mean_over': 'sources' if name in SOURCES else 'objects',
        **{key: {kind: methods[kind][key] for kind in kinds} for key in ('J', 'F')},
        'methods': methods,
    }
    if name in SOURCES:
        figures['sources'] = {
            source: {kind: _source_mean(table, source) for kind, table in overlaps.items()}
            for source in SOURCES[name]
        }
    return {
        **figures,
        'promise': {kind: judge(_tracks(videos, kind), settings) for kind in kinds},
        'corrections': correction_figures(c for video in videos for c in video.corrections),
        'baselines': {key: methods[key]['J'] for key in baselines},
        'videos': [_video_figures(video, overlaps) for video in videos],
    }


def _method(name: str, videos: Sequence[VideoMeasurement], method: str) -> dict[str, Any]:
    """Sum up how the objects of a board were followed in one way.

    Returns:
        'objects', their number; the frame measures, averaged as the board does; 'presence', see
        `pooled_presence`.
    """
    found = [
        presence_of(record, video.size) for video in videos for record in video.followed(method)
    ]
    return {
        'objects': len(found),
        **{
            measure.key: board_mean(
                name, {video.video: _means(video.followed(method), measure.key) for video in videos}
            )
            for measure in FRAME_MEASURES
        },
        'presence': pooled_presence(found),
    }


def _means(records: Iterable[ObjectRecord], key: str) -> dict[int, float | None]:
    """Mean of a measure over the later frames of each object."""
    return {r.object_id: mean_scores(r, later_frames(r))[key] for r in records}


def board_mean(name: str, table: Mapping[str, Mapping[int, float | None]]) -> float | None:
    """Average a measure over a board, as SOURCES says.

    Args:
        name: of the board.
        table: by video and object.
    """
    if name in SOURCES:
        return _mean([_source_mean(table, source) for source in SOURCES[name]])
    return _mean([value for objects in table.values() for value in objects.values()])


def correction_figures(corrections: Iterable[Correction]) -> dict[str, dict[str, Any]]:
    """Average what corrections brought.

    Returns:
        by kind 'corrections', their number; 'before', 'after'; 'followed', the number of those that
        have later frames, and over these 'without' and 'later'. Means are None without any.
    """
    corrections = list(corrections)
    figures = {}
    for kind in KINDS:
        given = [entry for entry in corrections if entry.kind == kind]
        followed = [entry for entry in given if entry.later is not None]
        if given:
            figures[kind] = {
                'corrections': len(given),
                'before': _mean([entry.before for entry in given]),
                'after': _mean([entry.after for entry in given]),
                'followed': len(followed),
                'without': _mean([entry.without for entry in followed]),
                'later': _mean([entry.later for entry in followed]),
            }
    return figures


def judge_together(
    boards: Mapping[str, Sequence[VideoMeasurement]], kind: str, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Judge the tracker's word over the object-frames of several boards as one."""
    return judge([track for videos in boards.values() for track in _tracks(videos, kind)], settings)


def _video_figures(
    video: VideoMeasurement, tables: Mapping[str, Mapping[str, Mapping[int, float | None]]]
) -> dict[str, Any]:
    overlaps = {kind: table[video.video] for kind, table in tables.items()}
    some = next(iter(video.tracks.values()), ())
    ids = sorted({object_id for objects in overlaps.values() for object_id in objects})
    return {
        'video': video.video,
        'frames': len(some[0].iou) if some else 0,
        'J': {kind: _mean(list(objects.values())) for kind, objects in overlaps.items()},
        'promise': promise(_tracks([video], 'mask')) if 'mask' in video.tracks else None,
        'baselines': {
            name: _mean(list(_means(records, 'J').values()))
            for name, records in video.baselines.items()
        },
        'objects': {
            str(object_id): {kind: objects.get(object_id) for kind, objects in overlaps.items()}
            for object_id in ids
        },
    }


def _tracks(videos: Iterable[VideoMeasurement], kind: str) -> list[list]:
    return [object_frames(record) for video in videos for record in video.tracks.get(kind, ())]


def _source_mean(table: Mapping[str, Mapping[int, float | None]], source: str) -> float | None:
    return _mean([_mean(list(o.values())) for v, o in table.items() if v.startswith(source)])


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
