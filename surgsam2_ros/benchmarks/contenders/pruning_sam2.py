# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""SurgSAM2 as its authors run it: the official predictor with a pruned memory.

The authors publish a copy of SAM 2 with their frame pruning in it. Here the pruning is put in front
of the memory attention of the `sam2` package instead, written anew after their rule: of the
memories of an object, the first and the newest stay, and of the others those go that are most
similar to the newest, until `num_maskmem - num_frame_to_prune` are left.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from surgsam2_ros.benchmarks.contenders.official_sam2 import OfficialSam2
from surgsam2_ros.network import SurgSAM2


class PruningSam2(OfficialSam2):
    """The video predictor of the `sam2` package with SurgSAM2's frame pruning.

    Args:
        network: whose weights it gets; also names the size, the device and how much is pruned.
        clip: uint8 [T, H, W, 3].
        boxes: of the objects in frame 0.

    Raises:
        ContenderError: when the package is not installed or has no such network.
    """

    def _prepare(self, predictor: Any, network: SurgSAM2) -> None:
        self.pruned = network.config.num_frame_to_prune
        attention = predictor.memory_attention
        attend, most = attention.forward, predictor.num_maskmem - self.pruned

        def attend_to_fewer(
            *,
            curr: list[torch.Tensor],
            memory: torch.Tensor,
            memory_pos: torch.Tensor,
            num_obj_ptr_tokens: int,
            **others: Any,
        ) -> torch.Tensor:
            length = curr[0].shape[0]  # tokens of a frame, and of its memory
            spatial = memory.shape[0] - num_obj_ptr_tokens
            kept = surviving_tokens(memory[:spatial].unflatten(0, (-1, length)), most)
            pointers = torch.arange(spatial, memory.shape[0], device=memory.device)
            rows = torch.cat([kept, pointers])
            return attend(
                curr=curr,
                memory=memory[rows],
                memory_pos=memory_pos[rows],
                num_obj_ptr_tokens=num_obj_ptr_tokens,
                **others,
            )

        attention.forward = attend_to_fewer


def surviving_tokens(memories: torch.Tensor, most: int) -> torch.Tensor:
    """Choose the memories that are attended to.

    Args:
        memories: [E, L, 1, Dm], the prompted frames, then the tracked ones, oldest first.
        most: memories that stay.

    Returns:
        int64 [K * L], the indices of their tokens among all E * L, in the old order.
    """
    entries, length = memories.shape[:2]
    index = torch.arange(entries, device=memories.device)
    if entries > most and entries > 2:
        cosine = F.cosine_similarity(memories[1:-1], memories[-1:], dim=-1)  # [E - 2, L, 1]
        goes = cosine.sum(1).mean(-1).topk(min(entries - most, entries - 2)).indices + 1
        stays = torch.ones(entries, dtype=torch.bool, device=memories.device)
        stays[goes] = False
        index = index[stays]  # waits for a GPU, as the authors' code does
    return (index[:, None] * length + torch.arange(length, device=memories.device)).flatten()
