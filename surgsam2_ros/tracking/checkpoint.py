# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The state of the objects before a frame with prompts, to which they return when it fails."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy, deepcopy
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from surgsam2_ros.tracking.memory_bank import MemoryBank
    from surgsam2_ros.tracking.tracked_object import TrackedObject


class Checkpoint:
    """A copy of objects and of what lies in their slots of the bank; tensors are not waited for."""

    @torch.inference_mode()
    def __init__(self, objects: Iterable[TrackedObject], bank: MemoryBank) -> None:
        """Copy them."""
        self._objects = tuple(objects)
        self._states = [_state(tracked) for tracked in self._objects]
        self._bank = bank
        self._contents = bank.contents([tracked.memory.slot for tracked in self._objects])

    @torch.inference_mode()
    def restore(self) -> list[TrackedObject]:
        """Bring the objects back, without the prompts that waited.

        Returns:
            those that had not been in any frame: they came with these prompts.
        """
        self._bank.put_back(self._contents)
        for tracked, state in zip(self._objects, self._states, strict=True):
            vars(tracked).update(state, waiting=[])
        return [tracked for tracked in self._objects if tracked.first_frame is None]


def _state(tracked: TrackedObject) -> dict[str, object]:
    """Copy an object's fields; tensors among them are never written to."""
    state = {name: copy(value) for name, value in vars(tracked).items() if name != 'newest'}
    state['newest'] = tracked.newest
    for name in ('memory', 'lifecycle', 'quality'):
        state[name] = deepcopy(state[name])
    return state
