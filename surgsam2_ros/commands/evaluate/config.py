# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads the arguments of a command from a YAML file, through the parser of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, NoReturn

from surgsam2_ros.commands import CommandError


def read_config(
    path: Path,
    add_arguments: Callable[[argparse.ArgumentParser], None],
    known: Collection[str],
) -> dict[str, Any]:
    """Read arguments from a YAML file, whose keys are their names.

    Lists stand for arguments with several values, true and false for those with none, and `set`
    holds a mapping. The values pass through the same checks as those of the command line.

    Args:
        path: as it stands, or below the package's share folder.
        add_arguments: adds the arguments of the command to a parser.
        known: names of the arguments that a file may give.

    Raises:
        CommandError: naming the file and what is wrong with it.
    """
    import yaml

    from surgsam2_ros.share import share_file

    if not path.is_file():
        try:
            path = share_file(path)
        except FileNotFoundError:
            raise CommandError(f'--config {path} does not exist') from None
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8')) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandError(f'{path} is no YAML file: {error}') from error
    if not isinstance(content, dict):
        raise CommandError(f'{path} must hold "argument: value" lines')
    unknown = sorted(set(map(str, content)) - set(known))
    if unknown:
        raise CommandError(
            f"{path}: there is no argument '{unknown[0]}'; there are {', '.join(sorted(known))}"
        )
    parser = _FileParser(path)
    add_arguments(parser)
    return vars(parser.parse_args([token for item in content.items() for token in _tokens(*item)]))


class _FileParser(argparse.ArgumentParser):
    """Parses what a file says, and names the file when that is wrong."""

    def __init__(self, path: Path) -> None:
        super().__init__(argument_default=argparse.SUPPRESS, add_help=False, allow_abbrev=False)
        self._path = path

    def error(self, message: str) -> NoReturn:
        raise CommandError(f'{self._path}: {message}')


def _tokens(name: str, value: Any) -> Iterable[str]:
    option = f'--{name.replace("_", "-")}'
    if value is None:
        return []
    if isinstance(value, bool):
        return [option if value else f'--no-{option[2:]}']
    if isinstance(value, dict):
        return [f'{option}={key}={_scalar(entry)}' for key, entry in value.items()]
    if isinstance(value, list) and name == 'set':
        return [f'{option}={entry}' for entry in value]
    if isinstance(value, list):
        return [option, *map(str, value)]
    return [f'{option}={value}']


def _scalar(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
