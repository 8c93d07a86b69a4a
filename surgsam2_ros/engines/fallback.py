# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What happens when an engine fails while it is at work: the next slower one takes over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import torch

from surgsam2_ros.network import Decoded, ImageFeatures, MaskHint
from surgsam2_ros.network.device_errors import is_device_lost
from surgsam2_ros.network.instrument_detector import DetectorMaps
from surgsam2_ros.tracking.engines import EngineError, first_line
from surgsam2_ros.tracking.memory_bank import MemoryBank
from surgsam2_ros.tracking.memory_selection import ObjectMemory


class FirstThatWorks:
    """An encoder, stepper or head made of several: one that failed is not asked again.

    Args:
        choices: fastest first; errors of the last one are raised.
        on_failure: called once for each that fails, with a sentence for people.
    """

    def __init__(self, choices: Sequence[Any], on_failure: Callable[[str], None]) -> None:
        self._choices = list(choices)
        self._on_failure = on_failure
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Name of the one in use."""
        return self._choices[0].name

    def encode(self, image: torch.Tensor) -> ImageFeatures:
        """Encode an image."""
        return self._call('encode', image)

    def track(
        self,
        features: ImageFeatures,
        bank: MemoryBank,
        memories: Sequence[ObjectMemory],
        frame: int,
        hint: MaskHint | None = None,
    ) -> tuple[Decoded, torch.Tensor]:
        """Track N objects; a failure leaves the bank as it was, so that the next one can."""
        return self._call('track', features, bank, memories, frame, hint)

    def look(self, features: ImageFeatures) -> DetectorMaps:
        """Run the head of a detector."""
        return self._call('look', features)

    @property
    def batches(self) -> bool:
        """Whether the encoder in use takes several images at once."""
        return getattr(self._choices[0], 'batches', False)

    @property
    def needs_warm_up(self) -> bool:
        """Whether the one in use has something to make ready."""
        return getattr(self._choices[0], 'needs_warm_up', False)

    def warm_up(self, *arguments: Any) -> None:
        """Let it do so; where that fails the next one has its turn."""
        self._call('warm_up', *arguments)

    def _call(self, function: str, *arguments: Any) -> Any:
        while len(self._choices) > 1:
            first = self._choices[0]
            try:
                return getattr(first, function, _nothing)(*arguments)
            except Exception as error:
                if is_device_lost(error):  # no other way has another device
                    raise
                with self._lock:  # two threads may find it broken at once
                    if self._choices[0] is not first:
                        continue
                    del self._choices[0]
                self._on_failure(
                    f'{first.name} failed, {self.name} takes over: '
                    f'{type(error).__name__}: {first_line(error)}'
                )
        return getattr(self._choices[0], function, _nothing)(*arguments)


def _nothing(*_: Any) -> None:
    """Stand for the warm-up of those that need none."""


def reason(error: Exception) -> str:
    """Say why a way cannot be taken; errors of our own say it themselves."""
    if isinstance(error, EngineError):
        return str(error)
    return f'{type(error).__name__}: {first_line(error)}'
