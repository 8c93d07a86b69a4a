# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the word of a tracker is worth: the states that it reports, the overlap that it predicts.

TRACKED is a promise. It is broken where the mask has an IoU below 0.5, and kept where a good mask,
of an IoU of 0.75 or more, is TRACKED. The threshold `min_quality` trades one for the other, and can
be tried on recorded scores: masks and scores do not depend on it, states alone do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from surgsam2_ros.evaluation.records import ObjectRecord

BROKEN_BELOW = 0.5
GOOD_FROM = 0.75
MOST_BROKEN = 0.04
"""Share of broken promises that `choose_threshold` allows."""
THRESHOLDS = (0.0, *(step / 100 for step in range(30, 96)))
BINS = 10
_TRACKED = 'TRACKED'


@dataclass(frozen=True)
class ObjectFrame:
    """An object in a frame for which there is a result.

    Attributes:
        score: predicted IoU, 0 to 1.
        presence: probability of being visible, 0 to 1.
        seen: whether it has a mask.
        state: name of the track state.
        iou: with the truth, 0 to 1; None where the frame does not count: up to the one in which
            the object was first prompted, and without a truth.
        visible: whether the truth shows the object.
        overlap: largest share of its mask that another object's covers, 0 to 1; 0 where unknown.
    """

    score: float
    presence: float
    seen: bool
    state: str
    iou: float | None
    visible: bool
    overlap: float = 0.0


def object_frames(record: ObjectRecord) -> list[ObjectFrame]:
    """Return the frames of an object that have a result, in their order."""
    if record.first_frame is None:
        return []
    return [
        ObjectFrame(
            score=record.score[index],
            presence=record.presence[index],
            seen=bool(record.area[index]),
            state=record.state[index],
            iou=record.iou[index] if index > record.first_frame else None,
            visible=bool(record.truth_area[index]),
            overlap=record.overlap[index] if record.overlap else 0.0,
        )
        for index in range(record.first_frame, len(record.state))
        if None not in (record.state[index], record.score[index], record.presence[index])
    ]


def promise(tracks: Iterable[Sequence[ObjectFrame]]) -> dict[str, float | int | None]:
    """Count what became of the promise of the state over the frames of some objects.

    Args:
        tracks: frames of each object, see `object_frames`.

    Returns:
        'frames': object-frames that count; 'tracked': those that are TRACKED; 'broken': of these,
        those with an IoU below 0.5, and 'broken_share'; 'good': those in which the object is
        visible with an IoU of at least 0.75; 'kept': of these, those that are TRACKED, and
        'kept_share'. Shares are None where there is nothing to share.
    """
    frames = [frame for track in tracks for frame in track if frame.iou is not None]
    tracked = [frame for frame in frames if frame.state == _TRACKED]
    good = [frame for frame in frames if frame.visible and frame.iou >= GOOD_FROM]
    broken = sum(frame.iou < BROKEN_BELOW for frame in tracked)
    kept = sum(frame.state == _TRACKED for frame in good)
    return {
        'frames': len(frames),
        'tracked': len(tracked),
        'broken': broken,
        'broken_share': _share(broken, len(tracked)),
        'good': len(good),
        'kept': kept,
        'kept_share': _share(kept, len(good)),
    }


def sweep(
    tracks: Iterable[Sequence[ObjectFrame]],
    settings: Mapping[str, Any],
    thresholds: Sequence[float] = THRESHOLDS,
) -> list[dict[str, float | int | None]]:
    """Tell what the promise would be worth with other values of `min_quality`.

    Args:
        tracks: frames of each object, see `object_frames`.
        settings: of the tracker, by the names of TrackerConfig; those of the states count.
        thresholds: values of `min_quality`, 0 to 1.

    Returns:
        per threshold 'min_quality' and what `promise` returns.
    """
    tracks = [list(track) for track in tracks]
    return [
        {
            'min_quality': threshold,
            **promise(replay(track, {**settings, 'min_quality': threshold}) for track in tracks),
        }
        for threshold in thresholds
    ]


def choose_threshold(
    swept: Sequence[Mapping[str, Any]], most_broken: float = MOST_BROKEN
) -> Mapping[str, Any] | None:
    """Return the entry of a sweep with the lowest threshold that breaks few enough promises.

    Args:
        swept: see `sweep`, thresholds rising.
        most_broken: share of the TRACKED object-frames that may be broken.

    Returns:
        None where no threshold does it while anything is TRACKED.
    """
    for entry in swept:
        if entry['broken_share'] is not None and entry['broken_share'] <= most_broken:
            return entry
    return None


def replay(track: Sequence[ObjectFrame], settings: Mapping[str, Any]) -> list[ObjectFrame]:
    """Return the frames of an object with the states that other settings would have given.

    Args:
        track: see `object_frames`.
        settings: of the tracker, by the names of TrackerConfig; its defaults for what is not there.
            Records made while LOST was counted in frames have `lost_after_frames` in place of
            `lost_after_s`. Every frame counts 1/30 s, as in an evaluation.
    """
    # Here, not above: tracking loads torch, without which records can be compared.
    from surgsam2_ros.tracking.config import TrackerConfig
    from surgsam2_ros.tracking.states import FRAME_NS, Lifecycle, MaskQuality

    if 'lost_after_frames' in settings:
        settings = {**settings, 'lost_after_s': settings['lost_after_frames'] * FRAME_NS / 1e9}
    settings = {**asdict(TrackerConfig()), **settings}
    lifecycle = Lifecycle(settings['tentative_frames'], settings['lost_after_s'])
    quality = MaskQuality(settings['min_quality'], settings['quality_frames'])
    replayed = []
    for frame in track:
        poor = frame.presence > settings['presence_threshold'] and quality.update(frame.score)
        poor |= frame.overlap > settings['max_overlap']
        replayed.append(replace(frame, state=lifecycle.update(frame.seen, poor).name))
    return replayed


def reliability(tracks: Iterable[Sequence[ObjectFrame]], bins: int = BINS) -> dict[str, Any]:
    """Compare predicted and true IoU over the object-frames that have a mask and a truth.

    Args:
        tracks: frames of each object, see `object_frames`.
        bins: of equal width, of the predicted IoU.

    Returns:
        'frames'; 'predicted' and 'true', the mean IoUs; 'correlation' (Pearson), None where one of
        them never changes; 'calibration_error', the mean distance of predicted and true IoU over
        the bins, weighted by their frames (expected calibration error, Guo et al., ICML 2017, of
        an overlap instead of an accuracy); 'bins', those with frames: 'low', 'high', 'frames',
        'predicted', 'true'. Means are None without frames.
    """
    frames = [f for track in tracks for f in track if f.iou is not None and f.seen]
    scores = np.array([frame.score for frame in frames], float)
    overlaps = np.array([frame.iou for frame in frames], float)
    places = np.clip((scores * bins).astype(int), 0, bins - 1)
    found = [
        {
            'low': place / bins,
            'high': (place + 1) / bins,
            'frames': int(inside.sum()),
            'predicted': float(scores[inside].mean()),
            'true': float(overlaps[inside].mean()),
        }
        for place in range(bins)
        if (inside := places == place).any()
    ]
    distance = sum(entry['frames'] * abs(entry['predicted'] - entry['true']) for entry in found)
    varied = len(frames) > 1 and scores.std() > 0 and overlaps.std() > 0
    return {
        'frames': len(frames),
        'predicted': float(scores.mean()) if frames else None,
        'true': float(overlaps.mean()) if frames else None,
        'correlation': float(np.corrcoef(scores, overlaps)[0, 1]) if varied else None,
        'calibration_error': distance / len(frames) if frames else None,
        'bins': found,
    }


def judge(tracks: Iterable[Sequence[ObjectFrame]], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return all figures of this module for some objects.

    Args:
        tracks: frames of each object, see `object_frames`.
        settings: of the tracker, by the names of TrackerConfig.

    Returns:
        what `promise` returns; 'at_most_broken', the share that is allowed, and 'choice', the entry
        of the sweep that `choose_threshold` takes, or None; 'sweep', in steps of 0.05;
        'reliability'.
    """
    tracks = [list(track) for track in tracks]
    swept = sweep(tracks, settings)
    return {
        **promise(tracks),
        'at_most_broken': MOST_BROKEN,
        'choice': choose_threshold(swept),
        'sweep': [entry for entry in swept if round(100 * entry['min_quality']) % 5 == 0],
        'reliability': reliability(tracks),
    }


def _share(count: int, total: int) -> float | None:
    return count / total if total else None
