# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a detector believes to be an instrument, before anything tracks it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Proposal:
    """One instrument seen in one frame, without an identity.

    Attributes:
        box: x and y of the top left corner, x and y of the bottom right one, in pixels of the
            image; the corners lie within it.
        score: how sure the detector is, 0 to 1.
        mask: bool [H, W] of the image; None where the detector gives boxes alone.
        class_name: as in `classes.yaml`; empty where the detector does not tell.
        descriptor: float32 [D] of length 1, alike for pictures of one instrument; None where the
            detector gives none.
    """

    box: tuple[float, float, float, float]
    score: float
    mask: np.ndarray | None = None
    class_name: str = ''
    descriptor: np.ndarray | None = None
