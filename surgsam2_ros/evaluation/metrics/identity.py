# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How well identities are kept through a video: HOTA, IDF1, switches and fragments by TrackEval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def identity_scores(
    truth: Sequence[np.ndarray], predicted: Sequence[np.ndarray]
) -> dict[str, float | int]:
    """Compare the labels of two label videos as identities, whatever their values.

    Args:
        truth, predicted: uint8 [H, W] label images of the same frames.

    Returns:
        'HOTA', 'DetA', 'AssA', 'IDF1', 'MOTA' (fractions), 'IDSW', 'Frag' (counts).

    Raises:
        ValueError: when shapes or numbers of frames differ.
    """
    raise NotImplementedError
