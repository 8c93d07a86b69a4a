# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings of a training: read from YAML, overridden from the command line, made dataclasses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

_FIELDS = 'docs/training.md tells the fields'


class TrainingConfigError(ValueError):
    """A training configuration with an unknown field or an impossible value."""


class _Loader(yaml.SafeLoader):
    """Reads 5e-5 as a number, like everybody else; for YAML 1.1 it is a text without a point."""


_Loader.add_implicit_resolver(
    'tag:yaml.org,2002:float', re.compile(r'[-+]?\d+[eE][-+]?\d+$'), list('-+0123456789')
)


def read_settings(path: str | Path, overrides: Iterable[str] = ()) -> tuple[dict[str, Any], Path]:
    """Read a YAML mapping and override values in it.

    Args:
        path: YAML file.
        overrides: `key=value` strings, values in YAML; dots enter mappings (`loss.dice=2`) and
            lists (`data.0.path=/data/endovis18/train`).

    Returns:
        The mapping, and the folder that relative paths in it start from.

    Raises:
        TrainingConfigError: for an unreadable file or an override that fits nothing.
    """
    path = Path(path)
    try:
        values = _read_yaml(path.read_text(encoding='utf-8'))
    except (OSError, yaml.YAMLError) as error:
        raise TrainingConfigError(f'training config {path} cannot be read: {error}') from error
    if not isinstance(values, dict):
        raise TrainingConfigError(f'training config {path} must be a mapping of fields to values')
    for override in overrides:
        _override(values, override)
    folders = path.resolve().parents
    return values, folders[2] if len(folders) > 2 else folders[0]


def build_settings(cls: type, values: Mapping[str, Any]) -> Any:
    """Make a dataclass, and those in its fields, of nested mappings and lists.

    Raises:
        TrainingConfigError: for unknown or missing fields and impossible values; it names them all.
    """
    text = json.dumps(values, default=str)  # as JSON, lists become tuples and nothing else changes
    try:
        return TypeAdapter(cls).validate_json(text, strict=True, extra='forbid')
    except ValidationError as error:
        raise TrainingConfigError('; '.join(map(_describe, error.errors()))) from error


def _describe(mistake: Mapping[str, Any]) -> str:
    """Say in a line what is wrong, places written as in overrides."""
    *parents, last = map(str, mistake['loc'] or ('',))
    within = '.'.join(parents) or 'the training config'
    if mistake['type'] == 'unexpected_keyword_argument':
        return f'{within}: unknown field {last!r}; {_FIELDS}'
    if mistake['type'] == 'missing':
        return f'{within}: the field {last!r} is missing; {_FIELDS}'
    place = '.'.join([*parents, last]) or within
    if mistake['type'] == 'value_error':  # what the dataclass itself says
        return f'{place}: {mistake["ctx"]["error"]}'
    return f'{place} is {mistake["input"]!r}; {mistake["msg"].replace("Input", "it")}'


def _read_yaml(text: str) -> Any:
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _override(values: dict[str, Any], override: str) -> None:
    """Set one value of nested mappings and lists."""
    key, separator, text = override.partition('=')
    if not separator:
        raise TrainingConfigError(f'override {override!r} must look like key=value')
    *parents, last = key.split('.')
    target: Any = values
    for parent in parents:
        if isinstance(target, list):
            target = target[_place(target, parent, key)]
        else:
            if target.get(parent) is None:
                target[parent] = {}
            target = target[parent]
        if not isinstance(target, (dict, list)):
            raise TrainingConfigError(f'override {key}: {parent} is a value and has no fields')
    try:
        value = _read_yaml(text)
    except yaml.YAMLError as error:
        raise TrainingConfigError(f'override {override!r} is no YAML: {error}') from error
    if isinstance(target, list):
        target[_place(target, last, key)] = value
    else:
        target[last] = value


def _place(values: list, text: str, key: str) -> int:
    if not text.isdecimal() or int(text) >= len(values):
        raise TrainingConfigError(
            f'override {key}: {text!r} is no entry of the list; its entries are 0 to '
            f'{len(values) - 1}'
        )
    return int(text)
