# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pruning in space: which tokens of a memory are attended to, as frame pruning chooses frames.

The choice is made per object when a memory is written and stays on the device; the number of tokens
is fixed, so that shapes do not depend on the masks.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

LATTICE_SIDE = 4
"""Cells of the sparse rest per side: 4 x 4, whatever the size of the map."""
_FAR = 1e4  # squared cells; more than any map is wide


def choose_cells(logits: torch.Tensor, tokens: int, side: int) -> torch.Tensor:
    """Choose a regular lattice of cells and those nearest to the object, its own first.

    Args:
        logits: [N, 1, S/4, S/4] mask logits.
        tokens: T, cells to choose.
        side: cells per side, S / 16.

    Returns:
        int64 [N, T], the best first; of cells equally far those of the coarser lattice come first.
    """
    on_object = cells_on_object(logits, side)
    step = torch.arange(side, device=logits.device)
    step = torch.where(step > 0, step & -step, side)  # largest power of two that divides it
    stride = torch.minimum(step[:, None], step).clamp(max=side // 2)  # [side, side]
    # Squared distances are whole numbers, so that the stride decides between equal ones alone.
    score = stride / (4 * side) - squared_distance(on_object)
    on_lattice = stride >= max(side // LATTICE_SIDE, 1)
    score = torch.where(on_lattice, score + 4 * _FAR, score)
    return score.flatten(1).topk(tokens, dim=1).indices


def cells_on_object(logits: torch.Tensor, side: int) -> torch.Tensor:
    """Return which cells hold a pixel of the object, bool [N, side, side]."""
    return F.max_pool2d(logits.float(), logits.shape[-1] // side)[:, 0] > 0


def squared_distance(inside: torch.Tensor) -> torch.Tensor:
    """Squared distance from each cell to the nearest True one.

    Rows first, then columns, each by looking at all offsets (Felzenszwalb and Huttenlocher,
    Distance Transforms of Sampled Functions, 2012, without its parabolas: maps are small).

    Args:
        inside: bool [N, h, w].

    Returns:
        float32 [N, h, w]; where nothing is True at least 10 000.
    """
    height, width = inside.shape[-2:]
    y = torch.arange(height, device=inside.device, dtype=torch.float32)
    x = torch.arange(width, device=inside.device, dtype=torch.float32)
    cost = torch.where(inside, 0.0, _FAR)
    cost = (cost[:, None] + (y[:, None] - y).square()[None, :, :, None]).amin(2)  # [N, y, x]
    return (cost[:, :, None] + (x[:, None] - x).square()[None, None]).amin(3)
