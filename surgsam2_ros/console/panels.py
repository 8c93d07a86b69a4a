# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Parts of the page that one mode has and the other has not, each built where its mode lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Place(Enum):
    """Where on the page a panel is."""

    SIDE = 'side'
    BELOW = 'below'


@dataclass(frozen=True)
class Operator:
    """One open page.

    Attributes:
        name: who it is, as notices name the author.
        camera: returns the camera that is looked at.
        tell: shows a sentence to this operator alone; `is_problem` says how.
    """

    name: str
    camera: Callable[[], str]
    tell: Callable[..., None]


@dataclass(frozen=True)
class Panel:
    """A part of the page.

    Attributes:
        title: its heading.
        place: beside the picture or below it.
        build: makes its NiceGUI elements within the element that is current when it is called,
            once for each page that is opened.
        keys: (key, what it does) of each key that it listens to, for the page's help.
    """

    title: str
    place: Place
    build: Callable[[Operator], None]
    keys: tuple[tuple[str, str], ...] = ()
