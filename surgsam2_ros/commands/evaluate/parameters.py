# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What --set changes: parameters of the node, by their one schema, and fields of the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from surgsam2_ros.commands import CommandError

NETWORK = 'network.'
DISCOVERY = ('discovery.', 'model.detector')
"""How names begin of what decides how instruments are found."""

Value = bool | int | float | str | None


def network_changes(entries: Sequence[str]) -> dict[str, Value]:
    """Return the fields of the network among KEY=VALUE entries, without their prefix."""
    found = _read(entries)
    return {n.removeprefix(NETWORK): v for n, v in found.items() if n.startswith(NETWORK)}


def tracker_changes(entries: Sequence[str]) -> dict[str, Value]:
    """Return the parameters of the tracker among KEY=VALUE entries."""
    return {n: v for n, v in _read(entries).items() if not n.startswith((NETWORK, *DISCOVERY))}


def discovery_changes(entries: Sequence[str]) -> dict[str, Value]:
    """Return the parameters of discovery among KEY=VALUE entries, and the detector."""
    return {n: v for n, v in _read(entries).items() if n.startswith(DISCOVERY)}


def node_schema() -> dict[str, dict[str, Any]]:
    """Return the node's parameters as parameters.yaml has them, without ROS."""
    import yaml

    import surgsam2_ros

    schema = Path(surgsam2_ros.__file__).parent / 'nodes' / 'tracker' / 'parameters.yaml'
    return yaml.safe_load(schema.read_text(encoding='utf-8'))


def checked(name: str, value: Value, entry: Mapping[str, Any]) -> Value:
    """Return a value of the type that a parameter has in the schema.

    Args:
        name, value: of the parameter.
        entry: of the schema.

    Raises:
        CommandError: naming the value and what is allowed.
    """
    kind, default = entry['type'], entry['default']
    if kind == 'double' and type(value) is int:
        value = float(value)
    if value is False and 'off' in entry.get('choices', ()):  # as YAML reads the word
        value = 'off'
    if type(value) is not type(default):
        raise CommandError(f'--set {name} is {value!r}, but its type is {kind}')
    low, high = entry.get('range', (None, None))
    if low is not None and not low <= value <= high:
        raise CommandError(f'--set {name} is {value!r}; give {low:g} to {high:g}')
    if value not in entry.get('choices', (value,)):
        raise CommandError(f'--set {name} is {value!r}; use {", ".join(entry["choices"])}')
    return value


def _read(entries: Sequence[str]) -> dict[str, Value]:
    """Read KEY=VALUE entries; the last one of a name counts."""
    found = {}
    for entry in entries:
        name, equals, text = entry.partition('=')
        if not equals or '.' not in name:
            raise CommandError(
                f'--set {entry} is not KEY=VALUE; for example --set memory.num_frame_to_prune=0'
            )
        found[name] = _read_value(entry, text)
    return found


def _read_value(entry: str, text: str) -> Value:
    import yaml

    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = [text]
    if isinstance(value, (list, dict)):
        raise CommandError(
            f'--set {entry} has no plain value; give a number, a word, true or false'
        )
    return value
