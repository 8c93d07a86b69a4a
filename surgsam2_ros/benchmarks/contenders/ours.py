# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""This project's tracker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from surgsam2_ros.benchmarks.contenders.contender import STAGES, Box, Contender
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking import StreamingTracker, TrackerConfig


class Ours(Contender):
    """This project's tracker.

    Args:
        network: in evaluation mode.
        clip: uint8 [T, H, W, 3].
        boxes: of the objects in frame 0, (x0, y0, x1, y1).
        config: of the tracker; its default when None.
    """

    def __init__(
        self,
        network: SurgSAM2,
        clip: np.ndarray,
        boxes: Sequence[Box],
        config: TrackerConfig | None = None,
    ) -> None:
        self._frames = iter(clip)
        self._tracker = StreamingTracker(network, config)
        for number, box in enumerate(boxes):
            self._tracker.add_object(str(number), box=box)
        self.stages = dict(
            zip(
                STAGES,
                ((network, f) for f in ('encode_image', 'condition', 'decode', 'encode_memory')),
                strict=True,
            )
        )

    def step(self) -> None:
        """Take the next frame."""
        self._result = self._tracker.track(next(self._frames))

    def logits(self) -> torch.Tensor:
        """Mask logits of the newest frame."""
        return torch.stack([track.logits for track in self._result.tracks]).float().cpu()
