# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which faults come in which order: the same for the same seed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

Item = TypeVar('Item')


@dataclass(frozen=True)
class Planned(Generic[Item]):
    """One fault of a plan.

    Attributes:
        index: its place; with the seed it repeats the fault.
        item: the fault.
        seed: of the fault's own random generator.
    """

    index: int
    item: Item
    seed: tuple[int, int]

    def random(self) -> np.random.Generator:
        """Return the generator that the fault draws from."""
        return np.random.default_rng(self.seed)


def plan(items: Sequence[Item], seed: int) -> Iterator[Planned[Item]]:
    """Yield faults without end: each once, in random order, then each once again, and so on."""
    rng = np.random.default_rng(seed)
    index = itertools.count()
    while True:
        for place in rng.permutation(len(items)):
            number = next(index)
            yield Planned(number, items[place], (seed, number))
