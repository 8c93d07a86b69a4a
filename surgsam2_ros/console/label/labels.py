# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a labelling has come to: instruments, prompts and verdicts, made of journal entries."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

import numpy as np


class Verdict(IntEnum):
    """What an operator thinks of the masks of a frame."""

    NONE = 0
    ACCEPTED = 1
    REJECTED = 2


@dataclass(frozen=True)
class LabelledObject:
    """An instrument of the recording; see `console.desk.Instrument`."""

    object_id: str
    instance: int
    name: str
    class_name: str = ''
    locked: bool = False


@dataclass
class Labels:
    """Instruments, prompts and verdicts. Not thread-safe.

    Attributes:
        verdicts: uint8 [N], a Verdict for each frame.
        objects: by id, in the order in which they were added.
        prompts: by frame, the ids of the objects that were prompted in it.
    """

    verdicts: np.ndarray
    objects: dict[str, LabelledObject] = field(default_factory=dict)
    prompts: dict[int, set[str]] = field(default_factory=dict)

    @staticmethod
    def of(entries: Iterable[dict[str, Any]], frames: int) -> Labels:
        """Apply entries, in order, to a recording of so many frames; those undone are left out."""
        entries = list(entries)
        undone = {entry['of'] for entry in entries if entry['do'] == 'undo'}
        labels = Labels(np.zeros(frames, np.uint8))
        for entry in entries:
            if entry['serial'] not in undone:
                labels.apply(entry)
        return labels

    @property
    def instances(self) -> frozenset[int]:
        """Those of the instruments there are."""
        return frozenset(one.instance for one in self.objects.values())

    def apply(self, entry: dict[str, Any]) -> None:
        """Account for one entry."""
        kind, object_id = entry['do'], entry.get('object', '')
        if kind == 'give':
            self._give(entry, object_id)
        elif kind == 'remove':
            self.objects.pop(object_id, None)
            for prompted in self.prompts.values():
                prompted.discard(object_id)
        elif kind == 'describe' and object_id in self.objects:
            self.objects[object_id] = replace(self.objects[object_id], **entry['changes'])
        elif kind in VERDICTS:
            frames = slice(entry['first'], entry['last'] + 1)
            self.verdicts[frames][_spread(entry)] = VERDICTS[kind]

    def is_prompted(self, frame: int) -> bool:
        """Tell whether a prompt was given in a frame."""
        return bool(self.prompts.get(frame))

    def _give(self, entry: dict[str, Any], object_id: str) -> None:
        if object_id not in self.objects:
            self.objects[object_id] = LabelledObject(object_id, entry['instance'], object_id)
        if entry['class_name']:
            known = self.objects[object_id]
            self.objects[object_id] = replace(known, class_name=entry['class_name'])
        self.prompts.setdefault(entry['frame'], set()).add(object_id)


VERDICTS = {'accept': Verdict.ACCEPTED, 'reject': Verdict.REJECTED, 'clear': Verdict.NONE}


def _spread(entry: dict[str, Any]) -> np.ndarray:
    """Tell which frames from first to last an entry is about, bool [last - first + 1]."""
    chosen = np.ones(entry['last'] - entry['first'] + 1, bool)
    for first, last in entry.get('except', ()):
        chosen[first - entry['first'] : last - entry['first'] + 1] = False
    return chosen


def runs_of(values: np.ndarray) -> list[tuple[int, int, int]]:
    """Return the runs of equal values as (first, last, value)."""
    if not len(values):
        return []
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return [(a, b - 1, int(values[a])) for a, b in itertools.pairwise(edges)]
