# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A camera without faults, for tests that look at one thing alone."""

from __future__ import annotations

import numpy as np

from surgsam2_ros.synthesis.optics import Optics, gamma_table


def plain_optics(shape: tuple[int, int], frames: int) -> Optics:
    """Return a camera that changes nothing."""
    return Optics(
        falloff=np.ones(shape, np.float32),
        view=None,
        exposure=np.ones(frames),
        white_balance=np.ones(3, np.float32),
        saturation=1.0,
        tone=gamma_table(1.0),
        blur=0.0,
        shake=np.zeros((frames, 2)),
        grain=0.0,
        grain_softness=0.0,
        grain_offsets=np.zeros((frames, 2), int),
    )
