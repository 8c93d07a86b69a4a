# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Efficient frame pruning written down step by step, to hold the fast one against.

The facts: of the memories that an object would attend to (prompted frames in the order of their
prompts, then tracked frames, oldest first) the first and the last always stay. Each of the others
is compared with the last: cosine over the channels of each token, summed over the tokens. Those of
the largest sum are left out until num_maskmem - num_frame_to_prune are left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def surviving_memories(
    memories: Sequence[np.ndarray], num_maskmem: int = 7, num_frame_to_prune: int = 2
) -> list[int]:
    """Return the indices of the memories that are attended to.

    Args:
        memories: float [L, Dm] each, in the order above.
        num_maskmem: memories attended to without pruning.
        num_frame_to_prune: how many fewer with it.
    """
    surplus = len(memories) + num_frame_to_prune - num_maskmem
    survivors = list(range(len(memories)))
    if surplus <= 0:
        return survivors
    sums = {
        index: similarity(memories[index], memories[-1]) for index in range(1, len(memories) - 1)
    }
    for _ in range(min(surplus, len(sums))):
        most_similar = max(sums, key=lambda index: (sums[index], -index))
        del sums[most_similar]
        survivors.remove(most_similar)
    return survivors


def similarity(memory: np.ndarray, newest: np.ndarray) -> float:
    """Sum of the cosine similarities of corresponding tokens."""
    total = 0.0
    for token, other in zip(memory.astype(np.float64), newest.astype(np.float64), strict=True):
        lengths = math.sqrt(float(token @ token)) * math.sqrt(float(other @ other))
        total += float(token @ other) / lengths
    return total
