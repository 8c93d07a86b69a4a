# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Efficient frame pruning: which memories an object attends to (SurgSAM2, arXiv 2408.07931).

Of the memories selected for a frame, those most similar to the newest one are left out, since they
add least. It is a choice at reading time: nothing is deleted from the bank, and a memory left out
now may be read for the next frame. The choice is made per object and stays on the device.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F


def count_pruned(entries: int, num_maskmem: int, num_frame_to_prune: int, candidates: int) -> int:
    """How many of an object's memories are left out.

    Args:
        entries: memories selected before pruning, prompted and recent ones.
        num_maskmem: memories in the steady state without pruning.
        num_frame_to_prune: how many fewer there are with it; 0 switches pruning off.
        candidates: memories that are not protected.

    Returns:
        So many that num_maskmem - num_frame_to_prune stay, as far as there are candidates.
    """
    if num_frame_to_prune == 0:
        return 0
    return min(max(entries + num_frame_to_prune - num_maskmem, 0), candidates)


def similarity_to_newest(features: torch.Tensor, newest: torch.Tensor) -> torch.Tensor:
    """Cosine similarity over channels, summed over the tokens of a memory.

    Args:
        features: [N, E, L, Dm] memory features without any position encoding.
        newest: int64 [N], which entry is the newest memory of each object.

    Returns:
        float32 [N, E].
    """
    features = features.float()
    rows = torch.arange(features.shape[0], device=features.device)
    reference = F.normalize(features[rows, newest], dim=-1)[:, None]  # [N, 1, L, Dm]
    cosine = torch.linalg.vecdot(features, reference) / features.norm(dim=-1).clamp(min=1e-8)
    return cosine.sum(-1)


def surviving_entries(
    similarity: torch.Tensor, candidate: torch.Tensor, pruned: torch.Tensor, survivors: int
) -> torch.Tensor:
    """Choose the memories that stay and return their indices in the old order.

    The candidates of highest similarity go; of equal ones the earlier goes first.

    Args:
        similarity: float32 [N, E].
        candidate: bool [N, E], False for protected memories and padding.
        pruned: int64 [N], how many go from each object, at most its candidates.
        survivors: the largest number of memories that any object keeps, K.

    Returns:
        int64 [N, K]; an object that keeps fewer than K is padded at the end with what it does not
        read.
    """
    similarity = similarity.masked_fill(~candidate, -torch.inf)
    # Ranks by comparing all pairs: a sort that keeps the order of equals is a slow operation, and
    # one that other runtimes do not know.
    entries = similarity.shape[1]
    index = torch.arange(entries, device=similarity.device)
    mine, others = similarity[:, :, None], similarity[:, None, :]
    before = (others > mine) | ((others == mine) & (index < index[:, None]))
    goes = before.sum(dim=2) < pruned[:, None]
    # Distinct keys: what stays comes first, both in the old order.
    key = torch.where(goes, index + entries, index)
    return key.topk(survivors, dim=1, largest=False, sorted=True).indices
