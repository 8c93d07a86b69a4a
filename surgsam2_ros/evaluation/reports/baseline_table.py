# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The table that puts trackers without learning beside the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from surgsam2_ros.evaluation.measures import SCORES
from surgsam2_ros.evaluation.reports.markup import (
    Markup,
    element,
    fraction,
    join,
    quantity,
    table,
)

_HEAD = ('Followed by', *SCORES, 'CIoU', 'HOTA', 'Presence right', 'On another object')
_HEAD += ('Returns', 'Taken up', 'Objects', 'ms per frame')


def baseline_table(summary: Mapping[str, Any], sides: Sequence[str]) -> Markup:
    """Return the table; nothing where no baseline was evaluated.

    Args:
        summary: see `summarise`.
        sides: 'tracker', 'node' or both.
    """
    baselines = summary['baselines']
    if not baselines:
        return Markup('')
    network = summary['model'].get('name', 'the network')
    rows = [_row(f'{network}, through the {side}', summary[side]) for side in sides]
    rows += [_row(name, entry) for name, entry in baselines.items()]
    note = 'A network is worth its weight where it beats trackers that have learnt nothing. These '
    note += 'start from the first mask of every object, whatever the network was prompted by.'
    return join([element('p', note, class_='note'), table(_HEAD, rows, sortable=True)])


def _row(name: str, side: Mapping[str, Any]) -> list[str]:
    presence = side['presence']
    return [
        name,
        *(fraction(side[key]) for key in (*SCORES, 'CIoU')),
        fraction(side['identity'].get('HOTA')),
        fraction(presence['accuracy']),
        *(quantity(presence[key]) for key in ('on_another', 'returns', 'taken_up')),
        f'{side["objects"]:,}',
        quantity(side['inference_ms']['p50']),
    ]
