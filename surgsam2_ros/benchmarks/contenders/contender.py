# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a tracker offers in order to be measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch

Box = tuple[int, int, int, int]

STAGES = ('encoder', 'memory attention', 'decoder', 'memory encoder')
AFTER_ENCODER = 'all after the encoder'
"""Stage of trackers that do not come apart further."""


class ContenderError(RuntimeError):
    """A contender that cannot run here; the message says what it lacks."""


class Contender(ABC):
    """A tracker with its objects prompted, at frame 0 of a clip.

    Attributes:
        packages: names of the distributions that it comes from.
        has_our_weights: whether it computes what our network computes, pruning apart.
        pruned: memories that it leaves out of each frame by SurgSAM2's frame pruning.
        stages: owner and name of the function that does the work of each of `STAGES`.
    """

    packages: ClassVar[tuple[str, ...]] = ()
    has_our_weights: ClassVar[bool] = True
    pruned: int = 0
    stages: Mapping[str, tuple[Any, str]]

    @abstractmethod
    def step(self) -> None:
        """Take the next frame of the clip, masks at image size included.

        Raises:
            StopIteration: when the clip has ended.
        """

    def plain_step(self) -> None:
        """Take the next frame so that its operations can be counted."""
        self.step()

    @abstractmethod
    def logits(self) -> torch.Tensor:
        """Mask logits of all objects in the newest frame, float32 [N, S/4, S/4] on the CPU."""
