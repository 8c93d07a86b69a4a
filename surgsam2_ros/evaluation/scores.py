# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which frames of a record count, and the scores of an object and a video over them.

Reports, boards, model cards and the demo score their runs by this module alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from surgsam2_ros.evaluation.measures import FRAME_MEASURES, SCORES, with_mean
from surgsam2_ros.evaluation.metrics.discovery import discovery_scores
from surgsam2_ros.evaluation.metrics.presence import presence_scores
from surgsam2_ros.evaluation.records import ObjectRecord, VideoRecord


def scored_frames(record: ObjectRecord, skip_ends: bool = True) -> list[int]:
    """Return the frames over which an object is scored, as the authors' evaluator takes them.

    These are the frames with a result and a truth, without the first (it was prompted) and the last
    of them, beginning where the object is in the truth or in the prediction.

    Args:
        record: of the object.
        skip_ends: leave out the first and the last frame.

    Returns:
        indices of frames, rising; empty when there is nothing to score.
    """
    return _counted(
        record, [index for index, value in enumerate(record.iou) if value is not None], skip_ends
    )


def later_frames(record: ObjectRecord) -> list[int]:
    """Return all frames with a result and a truth after the one that was first prompted.

    Boards, model cards and the demo count these.

    Returns:
        indices of frames, rising; none for an object that was never prompted.
    """
    if record.first_frame is None:
        return []
    known = (index for index, value in enumerate(record.iou) if value is not None)
    return [index for index in known if index > record.first_frame]


def mean_scores(record: ObjectRecord, frames: Sequence[int]) -> dict[str, float | None]:
    """Average the scores of an object over frames.

    Args:
        record: of the object.
        frames: indices of frames that have a result and a truth.

    Returns:
        by the keys of SCORES; None without frames.
    """
    means = {}
    for measure in FRAME_MEASURES:
        values = record.measures[measure.field]
        means[measure.key] = mean([values[index] for index in frames if values[index] is not None])
    return with_mean(means)


def object_scores(
    record: ObjectRecord, skip_ends: bool = True, size: tuple[int, int] | None = None
) -> dict[str, Any]:
    """Score one object.

    Args:
        record: of the object.
        skip_ends: see `scored_frames`.
        size: see `presence_of`.

    Returns:
        'object', 'name', 'first_frame', 'frames' (scored), 'missing' (frames that would count if
        they had a result), the keys of SCORES (means over the scored frames, None without
        any), 'J_missing_as_0' (J over the frames that would be scored if all had a result, 0 for
        those that have none), 'worst_J', 'worst_frame', 'presence' (see `presence_of`), 'states'
        (number of frames by state) and 'discovery' (see `ObjectRecord`).
    """
    frames = scored_frames(record, skip_ends)
    means = mean_scores(record, frames)
    expected = _expected_frames(record, skip_ends)
    found = [record.iou[index] for index in expected]
    worst = min(frames, key=lambda index: record.iou[index], default=None)
    return {
        'object': record.object_id,
        'name': record.name,
        'first_frame': record.first_frame,
        'frames': len(frames),
        'missing': found.count(None),
        **means,
        'J_missing_as_0': mean([value or 0.0 for value in found]),
        'worst_J': None if worst is None else record.iou[worst],
        'worst_frame': worst,
        'presence': presence_of(record, size),
        'states': dict(sorted(Counter(state for state in record.state if state).items())),
        'discovery': dict(record.discovery),
    }


def frame_overlaps(record: VideoRecord, skip_ends: bool = True) -> list[float]:
    """Mean IoU of the objects in every frame's truth: the terms of CIoU on instances.

    The SurgSAM2 paper (arXiv:2408.07931, section 4) averages the IoU over the instruments that are
    in the truth of a frame, and then over the frames.

    Args:
        record: of the video.
        skip_ends: see `scored_frames`.

    Returns:
        one value in [0, 1] for each frame with a scored object in its truth.
    """
    by_frame: dict[int, list[float]] = {}
    for entry in record.objects:
        for index in scored_frames(entry, skip_ends):
            if entry.truth_area[index]:
                by_frame.setdefault(index, []).append(entry.iou[index])
    return [sum(by_frame[index]) / len(by_frame[index]) for index in sorted(by_frame)]


def shared_frames_difference(
    first: Sequence[VideoRecord], other: Sequence[VideoRecord], skip_ends: bool = True
) -> dict[str, Any]:
    """Compare two sides over the frames of an object that both scored.

    A node that drops frames is asked fewer questions, often easier ones; over the frames that it
    answered it can be held against the tracker.

    Args:
        first, other: records of the same videos.
        skip_ends: see `scored_frames`.

    Returns:
        the keys of SCORES: other minus first, averaged over frames and then over objects, None
        without a common frame; 'frames': how many were compared, each object's counting.
    """
    rivals = {(r.video, entry.object_id): entry for r in first for entry in r.objects}
    changes, count = [], 0
    for video, entry in ((r.video, entry) for r in other for entry in r.objects):
        rival = rivals.get((video, entry.object_id))
        if rival is None:
            continue
        both = set(scored_frames(entry, skip_ends)) & set(scored_frames(rival, skip_ends))
        if both:
            count += len(both)
            ours, theirs = (mean_scores(side, sorted(both)) for side in (entry, rival))
            changes.append(
                {
                    key: ours[key] - theirs[key]
                    for key in SCORES
                    if None not in (ours[key], theirs[key])
                }
            )
    return {**{key: mean_of(changes, key) for key in SCORES}, 'frames': count}


def discovery_of(records: Sequence[VideoRecord]) -> dict[str, float | int | None]:
    """Score how the instruments of some videos were found, as if these were one.

    Args:
        records: of videos; those whose objects were prompted do not count.

    Returns:
        see `discovery_scores`; empty where all were prompted.
    """
    found = [record for record in records if record.discovery]
    if not found:
        return {}
    return discovery_scores(
        [frames for record in found for frames in record.discovery['until_found']],
        *(sum(record.discovery[key] for record in found) for key in ('tracks', 'extra', 'false')),
        [iou for record in found for iou in record.binary_iou if iou is not None],
    )


def mean_of(entries: Sequence[dict[str, Any]], key: str) -> float | None:
    """Mean of a value over the entries in which it is known; None when it is in none."""
    return mean([entry[key] for entry in entries if entry.get(key) is not None])


def pooled_presence(objects: Sequence[dict[str, Any]]) -> dict[str, float | int | None]:
    """Sum returns and average the rest over objects; see `presence_scores` for the keys.

    Args:
        objects: what `presence_of` said of each.
    """
    taken = [entry for entry in objects if entry.get('taken_up')]
    count = sum(entry['taken_up'] for entry in taken)
    waited = sum(entry['frames_until_taken_up'] * entry['taken_up'] for entry in taken)
    return {
        **{key: mean_of(objects, key) for key in ('precision', 'recall', 'accuracy')},
        'returns': sum(entry.get('returns') or 0 for entry in objects),
        'taken_up': count,
        'frames_until_taken_up': waited / count if count else None,
        'most_frames_until_taken_up': max(
            (entry['most_frames_until_taken_up'] for entry in taken), default=None
        ),
        'on_another': sum(entry.get('on_another') or 0 for entry in objects),
    }


def presence_of(record: ObjectRecord, size: tuple[int, int] | None = None) -> dict[str, Any]:
    """Judge visibility after the frame in which the object was prompted.

    Args:
        record: of the object.
        size: (H, W) of the images; without it every visible pixel is enough for a return.

    Returns:
        see `presence_scores`; besides 'on_another', the number of frames in which the track lies on
        another object. Empty for an object that was never prompted.
    """
    first = record.first_frame
    if first is None:
        return {}
    pixels = size[0] * size[1] if size else 1
    shares = [None if area is None else area / pixels for area in record.truth_area[first:]]
    predicted = [None if area is None else area > 0 for area in record.area[first:]]
    predicted[:1] = [None]  # where it was shown to the tracker is no achievement
    scores = presence_scores(shares, predicted, record.iou[first:])
    return {**scores, 'on_another': sum(map(bool, record.on_another[first + 1 :]))}


def _expected_frames(record: ObjectRecord, skip_ends: bool) -> list[int]:
    """Return the frames that would be scored if every frame had a result.

    They begin where the truth first shows the object: a node that has not taken its prompt by then
    misses it.
    """
    begins = (index for index, area in enumerate(record.truth_area) if area)
    first = next(begins, len(record.truth_area))
    if record.first_frame is not None:
        first = min(first, record.first_frame)
    known = range(first, len(record.truth_area))
    return _counted(record, [i for i in known if record.truth_area[i] is not None], skip_ends)


def _counted(record: ObjectRecord, frames: list[int], skip_ends: bool) -> list[int]:
    """Leave out the ends, and what is before the object is in the truth or in the prediction."""
    if skip_ends:
        frames = frames[1:-1]
    for position, index in enumerate(frames):
        if record.truth_area[index] or record.area[index]:
            return frames[position:]
    return []


def mean(values: Sequence[float]) -> float | None:
    """Average values; None without any."""
    return float(np.mean(values)) if len(values) else None
