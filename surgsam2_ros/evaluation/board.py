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

from surgsam2_ros.evaluation.promise import judge, object_frames, promise
from surgsam2_ros.evaluation.records import ObjectRecord

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
        baselines: J by the name of a tracker without learning, then by object.
    """

    video: str
    tracks: Mapping[str, Sequence[ObjectRecord]]
    corrections: Sequence[Correction] = ()
    baselines: Mapping[str, Mapping[int, float]] = field(default_factory=dict)


def later_mean(values: Sequence[float | None], first_frame: int | None) -> float | None:
    """Average over the known values after the first prompted frame; None without any."""
    if first_frame is None:
        return None
    return _mean(values[first_frame + 1 :])


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
        'promise', by kind what `promise.judge` returns; 'corrections', by kind see
        `correction_figures`; 'baselines', J by name; 'videos', a list of 'video', 'frames', 'J' by
        kind, 'promise' of the tracks from masks, 'baselines' and 'objects' (J by kind, by object).
    """
    kinds = [kind for kind in KINDS if all(kind in video.tracks for video in videos)]
    tables = {
        measure: {
            kind: {
                video.video: {
                    record.object_id: later_mean(getattr(record, attribute), record.first_frame)
                    for record in video.tracks[kind]
                }
                for video in videos
            }
            for kind in kinds
        }
        for measure, attribute in (('J', 'iou'), ('F', 'boundary'))
    }
    baselines = {
        rival: {video.video: video.baselines[rival] for video in videos}
        for rival in (videos[0].baselines if videos else ())
    }
    figures = {
        'board': name,
        'mean_over': 'sources' if name in SOURCES else 'objects',
        **{
            measure: {kind: board_mean(name, table) for kind, table in by_kind.items()}
            for measure, by_kind in tables.items()
        },
    }
    if name in SOURCES:
        figures['sources'] = {
            source: {kind: _source_mean(table, source) for kind, table in tables['J'].items()}
            for source in SOURCES[name]
        }
    return {
        **figures,
        'promise': {kind: judge(_tracks(videos, kind), settings) for kind in kinds},
        'corrections': correction_figures(c for video in videos for c in video.corrections),
        'baselines': {rival: board_mean(name, table) for rival, table in baselines.items()},
        'videos': [_video_figures(video, tables['J']) for video in videos],
    }


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
        'baselines': {n: _mean(list(objects.values())) for n, objects in video.baselines.items()},
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
