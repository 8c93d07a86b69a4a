# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The content of summary.json: the scores of a run, overall, per video and per object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.evaluation.baselines import BASELINES
from surgsam2_ros.evaluation.durations import percentiles
from surgsam2_ros.evaluation.measures import SCORES
from surgsam2_ros.evaluation.metrics.identity import pooled_identity
from surgsam2_ros.evaluation.promise import judge, object_frames
from surgsam2_ros.evaluation.records import (
    THROUGH,
    RunRecord,
    VideoRecord,
    read_run,
    read_videos,
)
from surgsam2_ros.evaluation.scores import (
    discovery_of,
    frame_overlaps,
    mean_of,
    object_scores,
    pooled_presence,
    shared_frames_difference,
)

SUMMARY_SCHEMA = 1

# How a live measure of videos becomes one of the run; latencies are pooled over all frames.
_LIVE = {
    'MEAN_FRAME_RATE': np.mean,
    'NUM_MISSED_FRAMES': np.sum,
    'FIRST_LATENCY': np.max,
    'MEAN_JITTER': np.mean,
    'MAX_JITTER': np.max,
    'CPU': np.mean,
    'RESIDENT_MEMORY': np.max,
    'DEVICE_MEMORY': np.max,
    'NUM_FRAMES_SENT': np.sum,
    'MEAN_PLAYBACK_FRAME_RATE': np.mean,
}


def summarise_run(output: Path) -> dict[str, Any]:
    """Summarise an output folder of `surgsam2 evaluate`.

    Args:
        output: folder with run.json and records/.

    Returns:
        JSON-ready dict; docs/evaluation.md describes it. Scores are fractions in [0, 1], None where
        nothing could be scored.

    Raises:
        FileNotFoundError: when the folder holds no run.
        RecordError: naming a record that is damaged.
    """
    run = read_run(output)
    return summarise(run, read_sides(output), baselines=read_baselines(output))


def read_sides(output: Path) -> dict[str, list[VideoRecord]]:
    """Read the records of a run by what of THROUGH they went through, as far as there are any."""
    return _read_all(output, THROUGH)


def read_baselines(output: Path) -> dict[str, list[VideoRecord]]:
    """Read the records of a run by the name of the baseline."""
    return _read_all(output, tuple(BASELINES))


def _read_all(output: Path, names: Sequence[str]) -> dict[str, list[VideoRecord]]:
    found = {name: list(read_videos(output, name)) for name in names}
    return {name: records for name, records in found.items() if records}


def summarise(
    run: RunRecord,
    videos: Mapping[str, Sequence[VideoRecord]],
    *,
    baselines: Mapping[str, Sequence[VideoRecord]] | None = None,
    judged: bool = True,
) -> dict[str, Any]:
    """Summarise records that were read; see `summarise_run`.

    Args:
        run: the run.
        videos: records by what they went through.
        baselines: records by the name of a tracker without learning.
        judged: whether states and predicted overlaps are judged too, which loads the tracker.
    """
    skip_ends = skips_ends(run)
    baselines = baselines or {}
    everything = [r for records in (*videos.values(), *baselines.values()) for r in records]
    seen = {record.video for records in videos.values() for record in records}
    return {
        'schema': SUMMARY_SCHEMA,
        'name': run.name,
        'command': run.command,
        'started': run.started,
        'settings': run.settings,
        'model': run.model,
        'versions': run.versions,
        'hardware': run.hardware,
        'skip_ends': skip_ends,
        'videos': len(run.videos),
        'failed': [
            {'video': record.video, 'through': record.through, 'error': record.error}
            for record in everything
            if record.error is not None
        ],
        'unfinished': [video for video in run.videos if video not in seen],
        'warnings': [
            {'video': record.video, 'through': record.through, 'warning': warning}
            for record in everything
            for warning in record.warnings
        ],
        **{
            through: {
                **_side(records, skip_ends),
                **({'promise': _promise(run, records)} if judged else {}),
            }
            for through, records in videos.items()
        },
        'baselines': {name: _side(records, skip_ends) for name, records in baselines.items()},
        'node_minus_tracker': shared_frames_difference(
            _good(videos['tracker']), _good(videos['node']), skip_ends
        )
        if len(videos) == len(THROUGH)
        else None,
    }


def skips_ends(run: RunRecord) -> bool:
    """Whether the first and the last frame of every object are left out of the scores."""
    return bool(run.settings.get('skip_ends', True))


def _side(records: Sequence[VideoRecord], skip_ends: bool) -> dict[str, Any]:
    """Summarise all videos that went through one of tracker and node."""
    good = _good(records)
    videos = [_video(record, skip_ends) for record in good]
    objects = [entry for video in videos for entry in video['by_object']]
    terms = [term for record in good for term in frame_overlaps(record, skip_ends)]
    return {
        'videos': len(videos),
        'objects': len(objects),
        'frames': sum(video['frames'] for video in videos),
        'dropped': sum(video['dropped'] for video in videos),
        **_means(objects, terms),
        'identity': pooled_identity(record.identity_counts for record in good),
        'presence': pooled_presence([entry['presence'] for entry in objects]),
        'discovery': discovery_of(good),
        'inference_ms': percentiles(_known(time for r in good for time in r.inference_ms)),
        'live': _live(good),
        'by_video': videos,
    }


def _promise(run: RunRecord, records: Sequence[VideoRecord]) -> dict[str, Any]:
    """Judge all masks that were given out, also those of what was found and is no object."""
    tracks = [
        object_frames(entry)
        for record in _good(records)
        for entry in (*record.objects, *record.others)
    ]
    return judge(tracks, run.settings.get('tracker', {}))


def _video(record: VideoRecord, skip_ends: bool) -> dict[str, Any]:
    objects = [object_scores(entry, skip_ends, record.size) for entry in record.objects]
    return {
        'video': record.video,
        'frames': len(record.stems),
        'dropped': len(record.dropped),
        **_means(objects, frame_overlaps(record, skip_ends)),
        'identity': dict(record.identity),
        'presence': pooled_presence([entry['presence'] for entry in objects]),
        'discovery': discovery_of([record]),
        'inference_ms': percentiles(_known(record.inference_ms)),
        'live': dict(record.live),
        'by_object': objects,
    }


def _means(objects: Sequence[dict[str, Any]], terms: Sequence[float]) -> dict[str, float | None]:
    """Average over objects, each counting once, and CIoU over frames."""
    return {
        **{key: mean_of(objects, key) for key in SCORES},
        'CIoU': float(np.mean(terms)) if len(terms) else None,
        'J_missing_as_0': mean_of(objects, 'J_missing_as_0'),
    }


def _live(records: Sequence[VideoRecord]) -> dict[str, float | None]:
    if not any(record.live for record in records):
        return {}
    latencies = _known(time for record in records for time in record.latency_ms or [])
    pooled = percentiles(latencies)
    live: dict[str, float | None] = {
        'MEAN_LATENCY': float(np.mean(latencies)) if latencies else None,
        'MAX_LATENCY': pooled['max'],
        **{f'LATENCY_{key.upper()}': pooled[key] for key in ('p50', 'p95', 'p99')},
    }
    for key, combine in _LIVE.items():
        values = _known(record.live.get(key) for record in records)
        live[key] = float(combine(values)) if values else None
    return live


def _good(records: Sequence[VideoRecord]) -> list[VideoRecord]:
    return [record for record in records if record.error is None]


def _known(values: Any) -> list[float]:
    return [value for value in values if value is not None]
