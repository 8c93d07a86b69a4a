# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 evaluate --prompt none`: what goes with it, and how instruments are found then."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from surgsam2_ros.commands import CommandError
from surgsam2_ros.commands.evaluate.parameters import checked, discovery_changes, node_schema

if TYPE_CHECKING:
    from surgsam2_ros.evaluation.runs.settings import Discovery, NetworkChoice

NO_PROMPT = 'none'
_SOURCE, _DETECTOR = 'discovery.source', 'model.detector'
_IMPOSSIBLE = {
    'baselines': 'baselines start from first masks',
    'correct_every': 'a correction is a prompt',
    'objects': 'which objects are found is the question',
    'one_at_a_time': 'what is found is tracked together',
}
"""Arguments that make no sense where nothing is prompted, and why."""


def check_promptless(options: argparse.Namespace) -> None:
    """Refuse what makes no sense with --prompt none, and what makes none without it.

    Raises:
        CommandError: naming the argument and the remedy.
    """
    if options.prompt != NO_PROMPT:
        for name in discovery_changes(options.set):
            raise CommandError(
                f'--set {name} has no effect with --prompt {options.prompt}; leave it out, or give '
                '--prompt none'
            )
        return
    for name, why in _IMPOSSIBLE.items():
        value = getattr(options, name)
        if not value:
            continue
        given = f'--{name.replace("_", "-")}'
        if value is not True:
            given += f' {" ".join(map(str, value)) if isinstance(value, list) else value}'
        raise CommandError(
            f'{given} makes no sense with --prompt none: {why}; leave it out, or give --prompt mask'
        )


def choose_discovery(options: argparse.Namespace, network: NetworkChoice) -> Discovery | None:
    """Return how instruments are found: the parameters' defaults, changed by --set.

    Args:
        options: of the command.
        network: whose own detector is taken, unless --set names another file.

    Returns:
        None where objects are prompted.

    Raises:
        CommandError: when a name or value is wrong, there is no detector, or scipy is missing.
    """
    if options.prompt != NO_PROMPT:
        return None
    from surgsam2_ros.discovery.settings import OFF, OWN, DiscoverySettings
    from surgsam2_ros.evaluation.metrics.discovery import MissingScipyError, load_assignment
    from surgsam2_ros.evaluation.runs.settings import Discovery

    schema, changes = node_schema(), discovery_changes(options.set)
    known = [name for name in schema if name.startswith('discovery.')]
    values = {name: schema[name]['default'] for name in (*known, _DETECTOR)}
    for name, value in changes.items():
        if name not in values:
            raise CommandError(
                f'--set: there is no parameter {name!r}; there are {", ".join(known)}'
            )
        values[name] = checked(name, value, schema[name])
    if values[_SOURCE] not in (OFF, OWN) or (values[_SOURCE] == OFF and _SOURCE in changes):
        raise CommandError(
            f'--set {_SOURCE} is {values[_SOURCE]!r}, but a recording has no detections, so that '
            "--prompt none takes those of the network's own detector; leave it out"
        )
    values[_SOURCE] = OWN
    detector = _find_detector(values.pop(_DETECTOR), network.config)
    settings = DiscoverySettings(**{n.partition('.')[2]: value for n, value in values.items()})
    try:
        settings.check()
        load_assignment()
    except ValueError as error:
        raise CommandError(f'--set: {error}') from error
    except MissingScipyError as error:
        raise CommandError(f'--prompt none: {error}') from error
    return Discovery(settings, detector)


def _find_detector(name: str, config: Path) -> Path:
    from surgsam2_ros.network.instrument_detector import detector_beside
    from surgsam2_ros.share import share_file

    if name in ('', 'auto'):
        path = detector_beside(config)
        if path.is_file():
            return path
        raise CommandError(
            f'--prompt none needs a detector of the network, but {path} does not exist; take the '
            f'default network, train one (docs/detector.md), or name it by --set {_DETECTOR}=FILE'
        )
    path = Path(name).expanduser()
    if path.is_file():
        return path
    try:
        return share_file(name)
    except FileNotFoundError:
        raise CommandError(f'--set {_DETECTOR}: {name} does not exist; name a file') from None
