# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How a node that was killed again and again is judged: its ids, its first result, its masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any

MOST_DIFFERENCE = 0.02
"""How far the mean IoU may be from that of the undisturbed run."""
MOST_IMAGES_PASSED = 1
"""Images without a result after the node was ready; the next one must have one."""
SOONEST_MS = 1000.0
"""Within so long after it was ready the first result must be there."""


def compare(
    run: Mapping[int, dict[str, float]],
    undisturbed: Mapping[int, dict[str, float]],
    first_after_ns: int | None,
) -> dict[str, Any]:
    """Return mean overlaps of two runs over the images that both answered.

    Args:
        run, undisturbed: stamp of each image [ns] -> IoU by object id.
        first_after_ns: stamp of the first image that was answered after the return; None for none.
    """
    figures: dict[str, Any] = {}
    for name, first_ns in (('', 0), ('_after', first_after_ns)):
        pairs = [
            (overlap, undisturbed[stamp_ns][object_id])
            for stamp_ns, overlaps in run.items()
            if first_ns is not None and stamp_ns >= first_ns and stamp_ns in undisturbed
            for object_id, overlap in overlaps.items()
            if object_id in undisturbed[stamp_ns]
        ]
        mine, others = zip(*pairs, strict=True) if pairs else ((), ())
        figures[f'compared{name}'] = len(pairs)
        figures[f'mean_iou{name}'] = round(fmean(mine), 4) if pairs else None
        figures[f'undisturbed{name}'] = round(fmean(others), 4) if pairs else None
    return figures


def summarise(trials: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of all trials with those that count."""
    waits = [t['first_result_ms'] for t in trials if t['first_result_ms'] is not None]
    passed = [t['images_passed'] for t in trials if t['images_passed'] is not None]
    summary: dict[str, Any] = {
        'kills': len(trials),
        'ids_kept': sum(t['ids_kept'] for t in trials),
        'tracked_at_once': sum(t['tracked_at_once'] for t in trials),
        'first_result_ms': {
            'p50': round(median(waits), 1) if waits else None,
            'max': round(max(waits), 1) if waits else None,
        },
        'within_1_s': sum(wait <= SOONEST_MS for wait in waits),
        'images_passed': max(passed, default=None),
    }
    for name in ('', '_after'):
        weighted = [t for t in trials if t[f'compared{name}']]
        total = sum(t[f'compared{name}'] for t in weighted)
        for figure in ('mean_iou', 'undisturbed'):
            key = f'{figure}{name}'
            mean = sum(t[key] * t[f'compared{name}'] for t in weighted) / total if total else None
            summary[key] = mean if mean is None else round(mean, 4)
    for name in ('', '_after'):
        mine, other = summary[f'mean_iou{name}'], summary[f'undisturbed{name}']
        summary[f'difference{name}'] = None if mine is None else round(mine - other, 4)
    worst = [t['mean_iou_after'] - t['undisturbed_after'] for t in trials if t['compared_after']]
    summary['worst_difference_after'] = round(min(worst), 4) if worst else None
    summary['missed'] = _missed(summary, len(trials), len(passed))
    summary['passed'] = not summary['missed']
    return {**summary, 'trials': list(trials)}


def _missed(summary: Mapping[str, Any], kills: int, returned: int) -> list[str]:
    """Return which bars were missed, in words."""
    difference, most = summary['difference'], summary['images_passed']
    bars = {
        'nothing was measured': kills > 0,
        'ids were lost': summary['ids_kept'] == kills,
        'an object was TRACKED unseen': not summary['tracked_at_once'],
        f'the mean IoU differs by more than {MOST_DIFFERENCE}': difference is not None
        and abs(difference) <= MOST_DIFFERENCE,
        f'a first result came later than {SOONEST_MS:g} ms after ready': summary['within_1_s']
        == kills,
        f'more than {MOST_IMAGES_PASSED} image after ready had no result': returned == kills
        and (most or 0) <= MOST_IMAGES_PASSED,
    }
    return [bar for bar, held in bars.items() if not held]
