# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Puts compare.html together: the runs, their differences with intervals, objects, pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from surgsam2_ros.evaluation.reports.difference_charts import (
    MOST_OBJECTS,
    interval_chart,
    object_chart,
)
from surgsam2_ros.evaluation.reports.markup import (
    Markup,
    element,
    fine_digits,
    fraction,
    join,
    page,
    plural,
    quantity,
    signed,
    table,
)
from surgsam2_ros.evaluation.reports.provenance import written

FEW_VIDEOS = 6  # that fewer all go one way has a chance of 1 in 16 or more for equal runs
_LISTED = 12


def comparison_page(comparison: Mapping[str, Any], pictures: Sequence[Markup]) -> Markup:
    """Return the page.

    Args:
        comparison: see `compare`.
        pictures: one piece of markup per comparison.
    """
    names = [run['name'] for run in comparison['runs']]
    pairs = zip(comparison['comparisons'], pictures, strict=True)
    return page(
        f'{" / ".join(names)} – comparison',
        element(
            'header',
            element('div', 'Comparison of evaluations', class_='eyebrow'),
            element(
                'h1', ', '.join(names[1:]), element('span', ' against ', class_='muted'), names[0]
            ),
        ),
        element('section', element('h2', 'Runs'), _runs(comparison)),
        _settings(comparison),
        *(_pair(comparison, pair, markup) for pair, markup in pairs),
        element('section', element('h2', 'How to read this'), _method(comparison)),
        element('section', element('h2', 'Commands'), _commands(comparison)),
        element('footer', 'surgsam2 compare. Research software, not for clinical use.'),
    )


def _runs(comparison: Mapping[str, Any]) -> Markup:
    head = ('Run', 'Model', 'Through', 'J&F', 'J', 'F', 'Dice', 'CIoU', 'HOTA', 'IDF1', 'Switches')
    head += ('ms per frame', 'Dropped', 'Objects')
    rows = [
        [
            run['name'],
            run['model'] or '–',
            run['through'],
            *(fraction(run[key]) for key in ('J&F', 'J', 'F', 'Dice', 'CIoU', 'HOTA', 'IDF1')),
            quantity(run['IDSW']),
            quantity(run['inference_ms_p50']),
            f'{run["dropped"]:,}',
            f'{run["objects"]:,}',
        ]
        for run in comparison['runs']
    ]
    note = 'Everything that a run scored; below, only what two runs have in common.'
    return join([table(head, rows, text_columns=3), element('p', note, class_='note')])


def _settings(comparison: Mapping[str, Any]) -> Markup | None:
    differing = comparison['settings_that_differ']
    if not differing:
        return None
    names = [run['name'] for run in comparison['runs']]
    rows = [
        [_named(key), *('–' if value is None else written(value) for value in values)]
        for key, values in differing.items()
    ]
    return element(
        'section',
        element('h2', 'What was done differently'),
        table(('', *names), rows, text_columns=1 + len(names)),
    )


def _pair(comparison: Mapping[str, Any], pair: Mapping[str, Any], pictures: Markup) -> Markup:
    title = f'{pair["run"]} against {pair["first"]}'
    charted = {k: v for k, v in pair['differences'].items() if k != 'J_missing_as_0'}
    judged = pair['videos'] >= FEW_VIDEOS
    chart = interval_chart(charted, f'differences, {title}', judged=judged)
    objects = pair['by_object']
    note = f'J&F of every object: ring {pair["first"]}, dot {pair["run"]}; the largest loss on top.'
    if len(objects) > MOST_OBJECTS:
        note += f' The {MOST_OBJECTS} that differ most of {len(objects)}; compare.json has all.'
    return element(
        'section',
        element('h2', title),
        _warnings(pair),
        _verdict(comparison, pair),
        element('h3', 'Mean differences'),
        chart,
        element('h3', 'Object by object'),
        _share_bar(pair),
        element('p', note, class_='note'),
        object_chart(objects, comparison['tie'], f'J&F by object, {title}'),
        element('h3', 'Where they differ most'),
        pictures,
    )


def _verdict(comparison: Mapping[str, Any], pair: Mapping[str, Any]) -> Markup:
    entry = pair['differences']['J&F']
    level = f'{comparison["bootstrap"]["level"]:.0%}'.replace('%', ' %')
    interval = entry['over_videos'] or entry['over_objects']
    digits = fine_digits(entry['mean'], *(interval or ()))
    change = element('b', f'{signed(entry["mean"], digits)} J&F')
    if interval is None:
        return element('p', change, ' on a single object: no interval can be given.')
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
    return element('p', change, span, judged, _missing_frames(pair))


def _missing_frames(pair: Mapping[str, Any]) -> str:
    """Say what frames without a result cost, where there are any."""
    change = pair['differences']['J_missing_as_0']['mean']
    if change == pair['differences']['J']['mean']:
        return ''
    return f' With frames without a result as 0, J differs by {signed(change)}.'


def _share_bar(pair: Mapping[str, Any]) -> Markup:
    """Draw wins, ties and losses as one bar."""
    parts = [
        element(
            'div', element('b', str(pair[key])), f' {word}', class_=kind, style=f'flex:{pair[key]}'
        )
        for key, word, kind in (
            ('losses', 'lost', 'down'),
            ('ties', 'even', 'even'),
            ('wins', 'won', 'up'),
        )
        if pair[key]
    ]
    return element('div', *parts, class_='shares')


def _warnings(pair: Mapping[str, Any]) -> Markup | None:
    lines = [
        element('li', f'only in {name}: {_listed(keys)}')
        for name, keys in pair['unpaired'].items()
        if keys
    ]
    if pair['truth_differs']:
        text = f'of another truth in each run: {_listed(pair["truth_differs"])}'
        lines.append(element('li', text))
    if not lines:
        return None
    title = element('h3', 'Left out of the comparison')
    return element('div', title, element('ul', *lines), class_='callout')


def _method(comparison: Mapping[str, Any]) -> Markup:
    bootstrap = comparison['bootstrap']
    points = (
        'Differences are paired: the same object of the same video in both runs, over the frames '
        'that both scored. CIoU, HOTA and IDF1 are measured per video, over the frames that each '
        'run answered.',
        f'An interval holds the middle {100 * bootstrap["level"]:g} % of the means of '
        f'{bootstrap["resamples"]:,} random draws with replacement (percentile bootstrap, seed '
        f'{bootstrap["seed"]}). The thick bar draws whole videos, because objects of one video '
        'share its light, smoke and motion. The thin bar draws objects as if they were '
        'independent: believe the thick one.',
        f'Coloured differences leave zero out, on {FEW_VIDEOS} videos or more. Intervals of few '
        'videos are too narrow: of six, nominal 95 % hold the true mean about 87 times in 100. '
        'With many runs and measures some leave zero out by chance.',
        f'A difference in J&F of at most {comparison["tie"]:g} is neither won nor lost.',
    )
    return element('ul', *(element('li', point) for point in points), class_='points')


def _commands(comparison: Mapping[str, Any]) -> Markup:
    return join(
        [
            join([element('h3', run['name']), element('pre', run['command'])])
            for run in comparison['runs']
        ]
    )


def _listed(keys: Sequence[str]) -> str:
    more = len(keys) - _LISTED
    return ', '.join(keys[:_LISTED]) + (f' and {more} more' if more > 0 else '')


def _named(key: str) -> str:
    return key.removeprefix('settings.').replace('.', ' ', 1)
