# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the measures of a report mean, for a reader who has not met them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from surgsam2_ros.evaluation.measures import FRAME_MEASURES

_MEASURES = (
    *((measure.title, measure.meaning) for measure in FRAME_MEASURES),
    ('J&F', 'Mean of J and F.'),
    (
        'CIoU, on instances',
        'Mean J of the objects in the truth of a frame, averaged over frames (SurgSAM2, '
        'arXiv:2408.07931).',
    ),
)
_IDENTITY = (
    (
        'HOTA, DetA, AssA, LocA',
        'Higher order tracking accuracy, the geometric mean of detection and association accuracy '
        'over mask IoU thresholds; LocA is the mean IoU of the matches (Luiten et al., IJCV 2021; '
        'TrackEval), of all videos as one.',
    ),
    (
        'IDF1, id switches, fragmentations',
        'F1 of identities over a video, the harmonic mean of their precision IDP and recall IDR '
        '(Ristani et al., 2016); how often a true object changes its '
        'predicted id; how often its track is interrupted. Counts are sums over videos.',
    ),
)
_PRESENCE = (
    (
        'Presence',
        'Is an object said to be visible exactly when it is? Averaged over objects, from the frame '
        'after the prompted one. An object returns once a thousandth of the picture shows it '
        'again; that is taken up when IoU reaches 0.5 again.',
    ),
    (
        'Frames on another object',
        'Frames in which a track has an IoU of 0.5 or more with another object of the truth.',
    ),
)
_DISCOVERY = (
    (
        'Scores without prompts',
        'Tracks are paired with the objects of the truth over the whole video, so that the sum of '
        'their IoUs is largest (Hungarian method). An object without a track is missed in every '
        'frame that shows it, and counts from the first that does.',
    ),
    (
        'Instruments found, frames until found',
        'Objects that a track came to lie on with an IoU of 0.5 or more, and the frames from when '
        'they covered a thousandth of the picture until then.',
    ),
    (
        'False instruments, second tracks',
        'Tracks most of which lies on no object in most of their frames; others that are paired '
        'with no object, since another one is.',
    ),
    (
        'IoU, instrument or background',
        'J of all tracks together with all objects together, averaged over frames.',
    ),
)
_LIVE = (
    (
        'Latency, jitter, missed frames',
        'From publishing an image to the arrival of its result; change between the intervals of '
        'results; images without a result. Names as in ros2_benchmark.',
    ),
    (
        'J, missing frames as 0',
        'J when a frame without a result counts as 0. The other mask measures are those of the '
        'frames that got a result.',
    ),
)


def definitions(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the names of the measures that a summary has, and what each means.

    Args:
        summary: see `summarise`.
    """
    sides = [summary[side] for side in ('tracker', 'node') if side in summary]
    entries = list(_MEASURES)
    if any(side['identity'] for side in sides):
        entries += _IDENTITY
    entries += _PRESENCE
    if any(side['discovery'] for side in sides):
        entries += _DISCOVERY
    if any(side['live'] for side in sides):
        entries += _LIVE
    return entries
