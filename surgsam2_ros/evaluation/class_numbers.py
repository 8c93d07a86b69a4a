# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the values of label images stand for where classes are compared: classes, or objects of one.

Where objects are numbered, `classes.json` (see `datasets.vos_folder`) has the name of each one's
class; objects of the same name are of one class, in all videos. As in ISINet, which scores types of
instruments, what EndoVis 2018 labels besides instruments is background.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from surgsam2_ros.datasets.endovis18 import OTHERS
from surgsam2_ros.datasets.vos_folder import read_classes
from surgsam2_ros.evaluation.metrics.isinet import CLASSES
from surgsam2_ros.sources import SourceError

FILE = 'classes.json'
UNTYPED = 'instrument'
"""What an instrument is called whose type is not known: EndoVis 2018 labels parts, not types."""


@dataclass(frozen=True)
class ClassNumbers:
    """Which class a value of a label image stands for.

    Attributes:
        names: number of a class -> its name in the scores.
        values: video -> value -> name of its class; those of every video under None.
        file: where the names of objects were found; None where values are classes themselves.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    values: Mapping[str | None, Mapping[int, str]] = field(default_factory=dict)
    file: Path | None = None

    def table(self, video: str, shown: Collection[int], counted: Collection[int]) -> np.ndarray:
        """Say what class each value is in a video.

        Args:
            video: its name.
            shown: values of the truth that count, each of which must have a class.
            counted: values that are not to be taken for background.

        Returns:
            uint8 [256], 0 where a value is of no class.

        Raises:
            SourceError: naming objects of the truth without a class or a type.
        """
        own = {**self.values.get(None, {}), **self.values.get(video, {})}
        if self.file is not None and (unknown := sorted(set(shown) - set(own))):
            raise SourceError(
                f'{self.file} does not tell the class of object {unknown[0]} of {video}; add it, '
                'name the objects that count (--objects), or say that values are classes '
                '(--classes 7)'
            )
        if self.file is not None and UNTYPED in (own[value] for value in shown):
            raise SourceError(
                f"{self.file} tells of the instruments of {video} that they are '{UNTYPED}', not "
                'of which type: the labels of EndoVis 2018 have parts alone; score against '
                "ISINet's type annotations (--classes 7), or name the type of each object there"
            )
        numbers = {name: number for number, name in self.names.items()}
        table = np.zeros(256, np.uint8)
        for value in own.keys() & set(counted):
            table[value] = numbers.get(own[value], 0)
        return table


def classes_by_value(values: Collection[int] = CLASSES) -> ClassNumbers:
    """Take the values of label images for classes; only those given count."""
    names = {value: str(value) for value in values}
    return ClassNumbers(names, {None: names})


def classes_by_name(file: Path) -> ClassNumbers:
    """Take the values of label images for objects, whose classes a classes.json names.

    Raises:
        SourceError: when it is missing or not as expected.
    """
    if file.name != FILE or not file.is_file():
        raise SourceError(f'{file} is not there or not called {FILE}; name a file called so')
    values = read_classes(file.parent)
    names = sorted({name for own in values.values() for name in own.values()} - set(OTHERS))
    if not 0 < len(names) < 256:
        raise SourceError(f'{file} names {len(names)} classes; expected 1 to 255')
    return ClassNumbers(dict(enumerate(names, start=1)), values, file)


def find_classes(truth: Path) -> ClassNumbers:
    """Take the classes.json that belongs to a truth, beside it or up to two folders above.

    Returns:
        The classes that it names; values 1 to 7 as classes when there is none.

    Raises:
        SourceError: when the file is not as expected.
    """
    folder = truth.resolve()
    files = [place / FILE for place in (folder, *folder.parents[:3])]
    file = next((file for file in files if file.is_file()), None)
    return classes_by_value() if file is None else classes_by_name(file)
