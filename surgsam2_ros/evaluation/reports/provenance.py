# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How a run was made: command, settings, model, versions and hardware, for repeating it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from surgsam2_ros.evaluation.records import RunRecord
from surgsam2_ros.evaluation.reports.flat_values import flattened
from surgsam2_ros.evaluation.reports.markup import Markup, element, join, plural


def subtitle(run: RunRecord, summary: Mapping[str, Any], sides: Sequence[str]) -> Markup:
    """Say in one line what was run.

    Args:
        run: the run.
        summary: see `summarise`.
        sides: 'tracker', 'node' or both.
    """
    model = run.model.get('name', '')
    prompt = run.settings.get('prompt', '')
    counted = summary[sides[-1]] if sides else {'videos': 0, 'objects': 0, 'frames': 0}
    facts = [
        f'{model} through the {" and the ".join(sides)}' if sides else model,
        f'prompt: {prompt}' if prompt else '',
        ', '.join(plural(counted[f'{noun}s'], noun) for noun in ('video', 'object', 'frame')),
        run.started.replace('T', ' ').split('.')[0].replace('+00:00', ' UTC'),
    ]
    return element('p', *(element('span', fact) for fact in facts if fact), class_='subtitle')


def provenance(run: RunRecord) -> Markup:
    """List everything that decides the results.

    Args:
        run: the run.
    """
    boxes = [
        ('Settings', run.settings),
        ('Model', run.model),
        ('Versions', run.versions),
        ('Hardware', run.hardware),
    ]
    lists = [
        element('div', element('h3', title), facts(values)) for title, values in boxes if values
    ]
    return join(
        [
            element('h3', 'Command'),
            element('pre', run.command),
            element('div', *lists, class_='boxes'),
        ]
    )


def facts(values: Mapping[str, Any]) -> Markup:
    """List names and values, those of groups one by one; what is not set is left out.

    Args:
        values: by name; may hold lists and groups.
    """
    lines: list[Markup] = []
    for name, value in flattened(values).items():
        if value not in (None, '', []):
            lines += [element('dt', name), element('dd', written(value))]
    return element('dl', *lines, class_='facts')


def written(value: Any) -> str:
    """Write a setting as people read it."""
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    if isinstance(value, (list, tuple)):
        return ', '.join(written(entry) for entry in value)
    return str(value)
