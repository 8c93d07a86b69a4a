# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Compares runs object by object: paired differences, their intervals, wins and losses."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.evaluation.measures import SCORES
from surgsam2_ros.evaluation.records import (
    THROUGH,
    ObjectRecord,
    RecordError,
    RunRecord,
    VideoRecord,
    read_run,
    read_videos,
)
from surgsam2_ros.evaluation.reports.bootstrap import (
    LEVEL,
    RESAMPLES,
    SEED,
    bootstrap_interval,
)
from surgsam2_ros.evaluation.reports.flat_values import flattened
from surgsam2_ros.evaluation.reports.summary import skips_ends, summarise
from surgsam2_ros.evaluation.scores import mean_scores, object_scores, scored_frames

COMPARISON_SCHEMA = 1
OBJECT_MEASURES = (*SCORES, 'J_missing_as_0')
VIDEO_MEASURES = ('CIoU', 'HOTA', 'IDF1')
TIE = 0.01  # a difference in J&F up to which neither run has won

Key = tuple[str, int]


@dataclass(frozen=True)
class ComparedRun:
    """One side of a comparison.

    Attributes:
        name: unique among the runs compared.
        path: output folder.
        through: 'tracker' or 'node'.
        run: its record.
        videos: records by name, without those that failed.
    """

    name: str
    path: Path
    through: str
    run: RunRecord
    videos: dict[str, VideoRecord]

    @cached_property
    def objects(self) -> dict[Key, ObjectRecord]:
        """Records by video and object id."""
        return {
            (name, entry.object_id): entry
            for name, video in self.videos.items()
            for entry in video.objects
        }

    @cached_property
    def scores(self) -> dict[Key, dict[str, Any]]:
        """Scores of the objects that have any, see `object_scores`."""
        skip_ends = skips_ends(self.run)
        scored = {key: object_scores(entry, skip_ends) for key, entry in self.objects.items()}
        return {key: entry for key, entry in scored.items() if entry['J'] is not None}

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The part of `summarise` for this side."""
        videos = {self.through: list(self.videos.values())}
        return summarise(self.run, videos, judged=False)[self.through]


def read_compared(path: Path, through: str | None = None, name: str | None = None) -> ComparedRun:
    """Read a run to compare.

    Args:
        path: output folder of `surgsam2 evaluate`.
        through: 'tracker' or 'node'; by default the tracker, or the node where it is alone.
        name: to call it by; that of the run by default.

    Raises:
        FileNotFoundError: when the folder holds no run, or none that went through what was asked.
        RecordError: naming a record that is damaged, or a run without a single good video.
    """
    if not (path / 'run.json').exists():
        raise FileNotFoundError(f'{path} holds no run.json; name an output of surgsam2 evaluate')
    run = read_run(path)
    for side in THROUGH if through is None else (through,):
        records = list(read_videos(path, side))
        if not records:
            continue
        good = {record.video: record for record in records if record.error is None}
        if not good:
            raise RecordError(f'every video of {path} failed; see its report.html')
        return ComparedRun(name or run.name, path, side, run, good)
    raise FileNotFoundError(
        f'{path} has no results through the {through or "tracker or the node"} yet; evaluate first'
    )


def compare(runs: Sequence[ComparedRun]) -> dict[str, Any]:
    """Compare every run with the first one.

    Args:
        runs: at least two, with different names.

    Returns:
        the content of compare.json; docs/evaluation.md describes it.

    Raises:
        ValueError: when there are fewer than two runs, or two have nothing in common.
    """
    if len(runs) < 2:
        raise ValueError(f'{len(runs)} run cannot be compared; give two or more')
    first, *others = runs
    return {
        'schema': COMPARISON_SCHEMA,
        'bootstrap': {'resamples': RESAMPLES, 'level': LEVEL, 'seed': SEED},
        'tie': TIE,
        'runs': [_described(run) for run in runs],
        'settings_that_differ': differing_settings(runs),
        'comparisons': [_pair(first, other) for other in others],
    }


def differing_settings(runs: Sequence[ComparedRun]) -> dict[str, list[Any]]:
    """Return model, settings, versions and hardware in which runs differ, a value per run.

    Left out is what does not bear on the results compared, such as overlay videos.
    """
    flat = [
        {
            'through': run.through,
            **flattened(
                {
                    'model': run.run.model,
                    'settings': run.run.settings,
                    'versions': run.run.versions,
                    'hardware': run.run.hardware,
                }
            ),
        }
        for run in runs
    ]
    keys = dict.fromkeys(key for values in flat for key in values)
    found = {key: [values.get(key) for values in flat] for key in keys}
    without_effect = {'settings.through', 'settings.overlay'}
    if all(run.through == 'tracker' for run in runs):
        without_effect.add('settings.rate_hz')
    return {
        key: values
        for key, values in found.items()
        if key not in without_effect and any(value != values[0] for value in values[1:])
    }


def _described(run: ComparedRun) -> dict[str, Any]:
    """Name a run and its scores over everything it scored."""
    summary = run.summary
    return {
        'name': run.name,
        'path': str(run.path),
        'through': run.through,
        'model': run.run.model.get('name'),
        'command': run.run.command,
        **{key: summary[key] for key in ('videos', 'objects', 'frames', 'dropped')},
        **{key: summary[key] for key in (*OBJECT_MEASURES, 'CIoU')},
        **{key: summary['identity'].get(key) for key in ('HOTA', 'IDF1', 'IDSW')},
        'inference_ms_p50': summary['inference_ms']['p50'],
    }


def _pair(first: ComparedRun, other: ComparedRun) -> dict[str, Any]:
    """Compare two runs over the objects, and of each the frames, that both scored."""
    both = [key for key in first.scores if key in other.scores]
    differing = {key: None for key in both if not same_truth(first, other, key)}
    frames = {key: found for key in both if (found := shared_frames(first, other, key))}
    common = list(frames)
    if not common:
        raise ValueError(
            f'{first.name} and {other.name} have '
            + (
                'another truth for every object; evaluate both with the same one'
                if differing
                else 'no scored object in common; compare runs over the same videos'
            )
        )
    videos = [key[0] for key in common]
    sides = [
        [
            mean_scores(run.objects[key], frames[key])
            | {'J_missing_as_0': run.scores[key]['J_missing_as_0']}
            for key in common
        ]
        for run in (first, other)
    ]
    objects = [
        {
            'video': video,
            'object': object_id,
            'name': first.objects[video, object_id].name,
            'frames': len(frames[video, object_id]),
            'J&F': [before['J&F'], after['J&F']],
            'difference': after['J&F'] - before['J&F'],
        }
        for (video, object_id), before, after in zip(common, *sides, strict=True)
    ]
    judged = [_judge(entry['difference']) for entry in objects]
    return {
        'first': first.name,
        'run': other.name,
        'videos': len(set(videos)),
        'objects': len(common),
        'unpaired': {
            run.name: _listed(
                key for key in run.scores if key not in frames and key not in differing
            )
            for run in (first, other)
        },
        'truth_differs': _listed(differing),
        'differences': {
            **{key: _difference(*sides, key, videos) for key in OBJECT_MEASURES},
            **_video_differences(first, other, {video for video, _ in differing}),
        },
        'wins': judged.count(1),
        'losses': judged.count(-1),
        'ties': judged.count(0),
        'by_object': sorted(objects, key=lambda entry: entry['difference']),
    }


def shared_frames(first: ComparedRun, other: ComparedRun, key: Key) -> list[int]:
    """Return the frames of an object that both runs scored, none where their truth differs."""
    if not same_truth(first, other, key):
        return []
    both = [set(scored_frames(run.objects[key], skips_ends(run.run))) for run in (first, other)]
    return sorted(both[0] & both[1])


def same_truth(first: ComparedRun, other: ComparedRun, key: Key) -> bool:
    """Whether both runs have an object in frames of the same names, with the same areas."""
    frames, areas = (
        [run.videos[key[0]].stems for run in (first, other)],
        [run.objects[key].truth_area for run in (first, other)],
    )
    return frames[0] == frames[1] and areas[0] == areas[1]


def _listed(keys: Iterable[Key]) -> list[str]:
    return [f'{video}/{object_id}' for video, object_id in keys]


def _judge(difference: float) -> int:
    return 0 if abs(difference) <= TIE else 1 if difference > 0 else -1


def _difference(
    before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]], key: str, videos: Sequence
) -> dict[str, Any]:
    """Mean difference of a score, with intervals over videos and over objects.

    Objects of a record that does not know the score yet have no say.
    """
    known = [
        (new[key] - old[key], video)
        for old, new, video in zip(before, after, videos, strict=True)
        if None not in (old[key], new[key])
    ]
    if not known:
        return dict.fromkeys(('mean', 'over_videos', 'over_objects'))
    values = [value for value, _ in known]
    return {
        'mean': float(np.mean(values)),
        'over_videos': bootstrap_interval(values, [video for _, video in known]),
        'over_objects': bootstrap_interval(values),
    }


def _video_differences(
    first: ComparedRun, other: ComparedRun, left_out: Container[str]
) -> dict[str, Any]:
    """Differences of what is measured per video: a video is the unit, and the only one."""
    found = {}
    sides = [
        {video['video']: {**video, **video['identity']} for video in run.summary['by_video']}
        for run in (first, other)
    ]
    for key in VIDEO_MEASURES:
        values = [
            sides[1][name][key] - video[key]
            for name, video in sides[0].items()
            if name not in left_out
            and video.get(key) is not None
            and sides[1].get(name, {}).get(key) is not None
        ]
        if values:
            interval = bootstrap_interval(values)
            mean = float(np.mean(values))
            found[key] = {'mean': mean, 'over_videos': interval, 'over_objects': None}
    return found
