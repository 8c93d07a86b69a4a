# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What moved between two frames, for networks that take the moved masks as hints."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import torch

from surgsam2_ros.network.motion import backward_flow, grey_image

if TYPE_CHECKING:
    from surgsam2_ros.network import SurgSAM2


class Motion:
    """Optical flow from frame to frame, where it is of use.

    Args:
        network: it is of use to those that were trained with hints.
        wanted: whether the user wants hints.

    Attributes:
        on: whether it is of use.
    """

    def __init__(self, network: SurgSAM2, wanted: bool) -> None:
        self.on = wanted and network.config.motion_hint
        self._side = 4 * network.feature_size
        self._newest_expected: torch.Tensor | None = None
        self._estimated: deque[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = deque(maxlen=4)

    def expect(self, image: torch.Tensor) -> None:
        """Estimate ahead the flow to an image from the one that was expected before it.

        May be called on another thread than `flow`, which then has nothing left to do.

        Args:
            image: uint8 [1, 3, S, S] on the CPU.
        """
        older, self._newest_expected = self._newest_expected, image
        if self.on and older is not None:
            self._estimated.append((image, older, _backward_flow(image, older)))

    def flow(
        self, newer: torch.Tensor, older: torch.Tensor | None, *, same_region: bool = True
    ) -> torch.Tensor | None:
        """Estimate the flow back from an image to the one before.

        Args:
            newer, older: uint8 [1, 3, S, S] on the CPU; older is None for the first frame.
            same_region: whether both show the same region of the camera's image.

        Returns:
            float32 [1, 2, S/4, S/4]; None where it is of no use, and between different regions.
        """
        if not self.on:
            return None
        if older is None:
            return torch.zeros((1, 2, self._side, self._side))
        if not same_region:
            return None
        for expected, before, flow in tuple(self._estimated):
            if expected is newer and before is older:
                return flow
        return _backward_flow(newer, older)


def _backward_flow(newer: torch.Tensor, older: torch.Tensor) -> torch.Tensor:
    return backward_flow(grey_image(newer[0]), grey_image(older[0]))
