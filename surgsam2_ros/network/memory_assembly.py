# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which memories a frame attends to, and how they become the tokens of the memory attention.

Tracking and training share both; where memories are kept is left to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from surgsam2_ros.network.frame_pruning import similarity_to_newest, surviving_entries
from surgsam2_ros.network.frame_tensors import MemoryTokens
from surgsam2_ros.network.surgsam2 import SurgSAM2


class MemoryFrame(NamedTuple):
    """A frame whose spatial memory is attended to.

    Attributes:
        memory: what is kept of it: its place in a bank, or tensors.
        encoding: index of its temporal encoding.
    """

    memory: Any
    encoding: int


class PointerFrame(NamedTuple):
    """A frame whose object pointer is attended to.

    Attributes:
        memory: what is kept of it.
        age: frames that it lies back.
    """

    memory: Any
    age: int


@dataclass(frozen=True)
class MemorySelection:
    """What one object attends to in one frame, before any pruning.

    Attributes:
        memory_frames: prompted frames in the order of their prompts, then tracked ones, oldest
            first.
        prompted: how many of them are prompted frames.
        pointers: of prompted frames, then of tracked ones.
    """

    memory_frames: list[MemoryFrame]
    prompted: int
    pointers: list[PointerFrame]


def select_memories(
    frame: int,
    prompted: Mapping[int, Any],
    tracked: Mapping[int, Any],
    pointers: Mapping[int, Any],
    *,
    num_maskmem: int,
    max_pointers: int,
    prompted_encoding: int,
    by_rank: bool = False,
    pointers_ahead: bool = False,
) -> MemorySelection:
    """Choose what an object attends to in a frame, as the official predictor does.

    All other prompted frames, and of the num_maskmem - 1 frames before this one those that are
    remembered; the pointers of prompted frames that lie in the past and of the max_pointers - 1
    frames before.

    Args:
        frame: index of the frame.
        prompted: what is kept of prompted frames, by their index, in the order of the prompts.
        tracked: what is kept of the spatial memories of tracked frames, oldest first.
        pointers: the same of their object pointers; those chosen stay in this order.
        num_maskmem: spatial memories read, the prompted frame included.
        max_pointers: object pointers read, the prompted frame's included.
        prompted_encoding: index of the temporal encoding of prompted frames; a frame k steps ago
            has k - 1.
        by_rank: number tracked frames by rank instead of by age, because some may be missing.
        pointers_ahead: whether pointers of prompted frames that are still to come count too.
    """
    others = {known: kept for known, kept in prompted.items() if known != frame}
    memory_frames = [MemoryFrame(kept, prompted_encoding) for kept in others.values()]
    past = [(known, kept) for known, kept in tracked.items() if known < frame]
    for rank, (known, kept) in enumerate(past):
        age = len(past) - rank if by_rank else frame - known
        if age < num_maskmem:
            memory_frames.append(MemoryFrame(kept, age - 1))
    chosen = [
        PointerFrame(kept, frame - known)
        for known, kept in others.items()
        if pointers_ahead or known < frame
    ]
    for known, kept in pointers.items():
        if 0 < frame - known < max_pointers:
            chosen.append(PointerFrame(kept, frame - known))
    return MemorySelection(memory_frames, len(others), chosen)


class MemoryCounts(NamedTuple):
    """How many memories of an object there are; numbers, or one tensor int64 [N] each.

    Attributes:
        newest: which entry is its newest memory.
        pruned: memories that are left out.
        kept: memories that stay.
        pointers: object pointers.
    """

    newest: int | Tensor
    pruned: int | Tensor
    kept: int | Tensor
    pointers: int | Tensor


class MemoryTable(NamedTuple):
    """What is to be known about the E memories and P pointers of N objects.

    Attributes:
        encoding: int64 [N, E], index of the temporal encoding of each memory.
        candidate: int64 [N, E], 1 where it may be pruned; not needed where nothing is.
        age: [N, P], frames since each pointer.
        counts: int64 [N, 4], the columns of `MemoryCounts`; not needed where nothing is pruned or
            padded.
    """

    encoding: Tensor
    candidate: Tensor | None
    age: Tensor
    counts: Tensor | None


def assemble_memory(
    network: SurgSAM2,
    features: Tensor,
    pointers: Tensor,
    table: MemoryTable,
    cells: Tensor | None = None,
    *,
    survivors: int,
    prunes: bool = False,
    masked: bool = False,
    max_time: int | None = None,
) -> MemoryTokens:
    """Prune the memories of N objects and give them their encodings.

    Args:
        network: whose encodings they get.
        features: [N, E, L, Dm] spatial memories.
        pointers: [N, P, D] object pointers.
        table: what they are.
        cells: int64 [N, E, T], the tokens of each memory that are attended to; all when None.
        survivors: K, memories that stay in a row, padding included.
        prunes: whether any memory is pruned; with False the first K stay.
        masked: whether padding must be masked.
        max_time: age of a pointer that is encoded as 1; None takes that of the released networks.
    """
    entries, count = features.shape[1], pointers.shape[1]
    encoding, candidate, age, counts = table
    if prunes or masked:
        numbers = MemoryCounts(*counts.unbind(1))
    if prunes:
        similarity = similarity_to_newest(features, numbers.newest)
        stays = surviving_entries(similarity, candidate > 0, numbers.pruned, survivors)  # [N, K]
        rows = torch.arange(features.shape[0], device=features.device)[:, None]
        features, encoding = features[rows, stays], encoding.gather(1, stays)
        cells = None if cells is None else cells[rows, stays]
    elif survivors < entries:
        features, encoding = features[:, :survivors], encoding[:, :survivors]
        cells = None if cells is None else cells[:, :survivors]
    temporal = network.temporal_encoding.flatten(1)[encoding]  # [N, K, Dm]
    position = network.memory_position()  # [L, Dm]
    if cells is not None:
        objects, kept_memories, length = features.shape[:3]
        first = length * torch.arange(objects * kept_memories, device=features.device)
        first = first.unflatten(0, (objects, kept_memories))[..., None]
        features = features.flatten(0, 2)[first + cells]  # [N, K, T, Dm]
        position = position[cells]  # [N, K, T, Dm]
    position = position + temporal[:, :, None]  # [N, K, T, Dm]
    if max_time is None:
        max_time = network.config.max_object_pointers - 1
    tokens, token_position = network.pointer_tokens(pointers, age.to(torch.float32), max_time)
    if tokens.dtype != features.dtype:  # else both would become float32
        tokens = tokens.to(features.dtype)
    mask = None
    if masked:
        length, parts = features.shape[2], tokens.shape[1] // count
        spatial = torch.arange(survivors * length, device=age.device)
        pointer = torch.arange(count * parts, device=age.device)
        mask = torch.cat(
            [
                spatial < length * numbers.kept[:, None],
                pointer < parts * numbers.pointers[:, None],
            ],
            dim=1,
        )
    return MemoryTokens(
        features=torch.cat([features.flatten(1, 2), tokens], dim=1),
        position=torch.cat([position.flatten(1, 2), token_position], dim=1),
        num_pointer_tokens=tokens.shape[1],
        key_mask=mask,
        cells=None if cells is None else cells.flatten(1),
    )
