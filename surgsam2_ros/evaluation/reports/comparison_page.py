# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Fills compare.html: the runs, their differences with intervals, objects, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from surgsam2_ros.evaluation.reports.columns import RUNS, cells
from surgsam2_ros.evaluation.reports.difference_charts import (
    MOST_OBJECTS,
    interval_chart,
    object_chart,
)
from surgsam2_ros.evaluation.reports.difference_pictures import NOTICEABLE, DifferencePictures
from surgsam2_ros.evaluation.reports.formatting import fine_digits, plural, signed, written
from surgsam2_ros.evaluation.reports.pages import fill

FEW_VIDEOS = 6  # that fewer all go one way has a chance of 1 in 16 or more for equal runs
_LISTED = 12


def comparison_page(comparison: Mapping[str, Any], pictures: Sequence[DifferencePictures]) -> str:
    """Return the page.

    Args:
        comparison: see `compare`.
        pictures: one per comparison.
    """
    runs = comparison['runs']
    pairs = zip(comparison['comparisons'], pictures, strict=True)
    return fill(
        'comparison.html',
        comparison=comparison,
        names=[run['name'] for run in runs],
        run_head=('Run', *(column.title for column in RUNS)),
        run_rows=[[run['name'], *cells(RUNS, run)] for run in runs],
        setting_rows=[
            [_named(key), *('–' if value is None else written(value) for value in values)]
            for key, values in comparison['settings_that_differ'].items()
        ],
        pairs=[_pair(comparison, pair, shown) for pair, shown in pairs],
        most_objects=MOST_OBJECTS,
        noticeable=NOTICEABLE,
        few_videos=FEW_VIDEOS,
    )


def _pair(
    comparison: Mapping[str, Any], pair: Mapping[str, Any], pictures: DifferencePictures
) -> dict[str, Any]:
    """Return what the page says of one run beside the first."""
    title = f'{pair["run"]} against {pair["first"]}'
    charted = {k: v for k, v in pair['differences'].items() if k != 'J_missing_as_0'}
    judged = pair['videos'] >= FEW_VIDEOS
    change, verdict = _verdict(comparison, pair)
    objects = pair['by_object']
    return {
        'title': title,
        'first': pair['first'],
        'run': pair['run'],
        'left_out': _left_out(pair),
        'change': change,
        'verdict': verdict,
        'intervals': interval_chart(charted, f'differences, {title}', judged=judged),
        'shares': [
            (pair['losses'], 'lost', 'down'),
            (pair['ties'], 'even', 'even'),
            (pair['wins'], 'won', 'up'),
        ],
        'objects': len(objects),
        'chart': object_chart(objects, comparison['tie'], f'J&F by object, {title}'),
        'pictures': pictures,
    }


def _left_out(pair: Mapping[str, Any]) -> list[str]:
    lines = [f'only in {name}: {_listed(keys)}' for name, keys in pair['unpaired'].items() if keys]
    if pair['truth_differs']:
        lines.append(f'of another truth in each run: {_listed(pair["truth_differs"])}')
    return lines


def _verdict(comparison: Mapping[str, Any], pair: Mapping[str, Any]) -> tuple[str, str]:
    """Write the mean difference in J&F, and what is to be thought of it."""
    entry = pair['differences']['J&F']
    level = f'{comparison["bootstrap"]["level"]:.0%}'.replace('%', ' %')
    interval = entry['over_videos'] or entry['over_objects']
    digits = fine_digits(entry['mean'], *(interval or ()))
    change = signed(entry['mean'], digits)
    if interval is None:
        return change, ' on a single object: no interval can be given.'
    unit = plural(pair['objects'], 'object')
    unit += ' of one video' if not entry['over_videos'] else f' of {pair["videos"]} videos'
    low, high = (signed(value, digits) for value in interval)
    span = f' on {unit} ({level} interval: {low} to {high}). '
    one_sided = interval[0] > 0 or interval[1] < 0
    direction = 'better' if entry['mean'] > 0 else 'worse'
    if not one_sided:
        judged = 'The interval includes no difference: these videos do not tell them apart.'
    elif pair['videos'] < FEW_VIDEOS:
        judged = f'{plural(pair["videos"], "video")} are too few to call that {direction}.'
    elif abs(entry['mean']) <= comparison['tie']:
        judged = f'{pair["run"]} is {direction}, by less than {comparison["tie"]:g}.'
    else:
        judged = f'{pair["run"]} is {direction}.'
    return change, f'{span}{judged}{_missing_frames(pair)}'


def _missing_frames(pair: Mapping[str, Any]) -> str:
    """Say what frames without a result cost, where there are any."""
    change = pair['differences']['J_missing_as_0']['mean']
    if change == pair['differences']['J']['mean']:
        return ''
    return f' With frames without a result as 0, J differs by {signed(change)}.'


def _listed(keys: Sequence[str]) -> str:
    more = len(keys) - _LISTED
    return ', '.join(keys[:_LISTED]) + (f' and {more} more' if more > 0 else '')


def _named(key: str) -> str:
    return key.removeprefix('settings.').replace('.', ' ', 1)
