# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Names and colours of instrument classes, read from one file by the node and the console."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml

from surgsam2_ros.drawing import instance_colour
from surgsam2_ros.share import share_file

LONGEST_CLASS_NAME = 256
_EXAMPLE = 'write lines as "needle_driver: [86, 180, 233]", as config/classes.yaml does'

Colour = tuple[int, int, int]


class ClassesError(ValueError):
    """A file of classes that cannot be used; the message says why and what to do."""


class Classed(Protocol):
    """What has a class and a colour: a track, or an instrument of the console.

    Attributes:
        class_name: may be empty, or that of no known class.
        instance: value in label images, 1 to 254.
    """

    class_name: str
    instance: int


@dataclass(frozen=True)
class InstrumentClasses:
    """The known classes, in the order of their file.

    Attributes:
        colours: by name of the class, RGB; None where its instruments have colours of their own.
    """

    colours: Mapping[str, Colour | None] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(self.colours)

    def colour_of(self, instrument: Classed) -> Colour:
        """Return the RGB colour of an instrument: that of its class, or else of its instance."""
        colour = self.colours.get(instrument.class_name)
        return instance_colour(instrument.instance) if colour is None else colour


NO_CLASSES = InstrumentClasses()


def read_classes(name: str | Path) -> InstrumentClasses:
    """Read a file of classes: YAML, `name: [red, green, blue]` in each line, 0 to 255.

    A name without a colour is a class whose instruments have colours of their own.

    Args:
        name: path of the file, or its name below the package's share folder; empty: no classes.

    Raises:
        ClassesError: naming the file, what is wrong with it, and what to write.

    Example:
        >>> read_classes('config/classes.yaml').names[0]
        'bipolar_forceps'
    """
    if not str(name):
        return NO_CLASSES
    path = _find(name)
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = ' '.join(str(error).split())
        raise ClassesError(f'classes {path} cannot be read ({reason}); {_EXAMPLE}') from error
    if not isinstance(content, dict) or not content:
        raise ClassesError(f'classes {path} has no names with colours; {_EXAMPLE}')
    return InstrumentClasses(
        {_name(path, entry): _colour(path, entry, value) for entry, value in content.items()}
    )


def _find(name: str | Path) -> Path:
    path = Path(name).expanduser()
    if path.is_file() or path.is_absolute():
        return path
    try:
        return share_file(name)
    except FileNotFoundError:
        raise ClassesError(
            f'classes {name} does not exist, neither from {Path.cwd()} nor in the package; name a '
            'YAML file, as config/classes.yaml, or leave it empty'
        ) from None


def _name(path: Path, entry: Any) -> str:
    if not isinstance(entry, str) or not entry.strip():
        raise ClassesError(f'classes {path}: {entry!r} is no name of a class; write it in quotes')
    if not entry.isprintable() or len(entry) > LONGEST_CLASS_NAME:
        raise ClassesError(
            f'classes {path}: the name {entry[:40]!r} is not printable, or longer than '
            f'{LONGEST_CLASS_NAME} characters; shorten it'
        )
    return entry


def _colour(path: Path, name: str, value: Any) -> Colour | None:
    if value is None:
        return None
    parts = value if isinstance(value, list) else []
    if len(parts) != 3 or not all(type(part) is int and 0 <= part <= 255 for part in parts):
        raise ClassesError(
            f'classes {path}: the colour of {name} is {value!r}; give red, green and blue from 0 '
            f'to 255, as [86, 180, 233], or nothing'
        )
    return tuple(parts)
