# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a batch of objects attends to in a frame, as tensors of places in the memory bank.

Everything on the host is Python integers, uploaded in one small copy: nothing waits for the device,
and with a `FixedSize` all tensors have the same shapes in every frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from surgsam2_ros.network.device_transfer import upload
from surgsam2_ros.network.memory_assembly import (
    MemoryCounts,
    MemorySelection,
    MemoryTable,
)


@dataclass(frozen=True)
class FixedSize:
    """Least sizes of what is read; what is smaller is padded and masked.

    Attributes:
        objects: rows.
        memories: spatial memories of a row before pruning.
        pointers: object pointers of a row.
        survivors: spatial memories of a row after pruning.
    """

    objects: int
    memories: int
    pointers: int
    survivors: int


@dataclass(frozen=True)
class PlannedObject:
    """One object's part of a plan.

    Attributes:
        slot: of the bank, where its memories lie.
        selection: what it attends to before pruning.
        candidates: which of its memory frames may be pruned.
        pruned: how many are.
        destinations: flat places in the bank that its new spatial memory and object pointer will
            have; -1 for none.
    """

    slot: int
    selection: MemorySelection
    candidates: Sequence[bool]
    pruned: int
    destinations: tuple[int, int] = (-1, -1)

    @property
    def kept(self) -> int:
        """Memory frames that it attends to after pruning."""
        return len(self.selection.memory_frames) - self.pruned


@dataclass(frozen=True, eq=False)
class MemoryPlan:
    """What N objects read at a frame.

    Attributes:
        places: int64 [N, E], flat places of spatial memories in the bank.
        pointer_places: int64 [N, P], flat places of object pointers.
        encoding, candidate, age, counts: see `MemoryTable`.
        destinations: int64 [N, 3], where the new spatial memory and object pointer will lie, and
            the slot: it is uploaded with the rest, so that writing needs no upload of its own.
        survivors: K, memories that any object keeps at most.
        masked: whether some rows are padded.
    """

    places: Tensor
    pointer_places: Tensor
    encoding: Tensor
    candidate: Tensor
    age: Tensor
    counts: Tensor
    destinations: Tensor
    survivors: int
    masked: bool

    @property
    def table(self) -> MemoryTable:
        """What is to be known about these memories and pointers."""
        return MemoryTable(self.encoding, self.candidate, self.age, self.counts)


def plan_memories(
    planned: Sequence[PlannedObject],
    places_per_slot: int,
    pointers_per_slot: int,
    device: torch.device,
    least: FixedSize | None = None,
) -> MemoryPlan:
    """Pack what objects read into one table of integers and bring it to the device.

    Args:
        planned: one per object.
        places_per_slot: spatial memories of a slot of the bank.
        pointers_per_slot: object pointers of a slot.
        device: of the bank.
        least: sizes that the plan is padded to; objects that need more get more. Rows of nobody
            read what the first object does.
    """
    rows = list(planned)
    size = FixedSize(
        objects=len(rows),
        memories=max(len(row.selection.memory_frames) for row in rows),
        pointers=max(len(row.selection.pointers) for row in rows),
        survivors=max(row.kept for row in rows),
    )
    if least is not None:
        size = FixedSize(
            objects=max(size.objects, least.objects),
            memories=max(size.memories, least.memories, least.survivors),
            pointers=max(size.pointers, least.pointers),
            survivors=max(size.survivors, least.survivors),
        )
        rows += rows[:1] * (size.objects - len(rows))
    kept = {row.kept for row in rows} | {size.survivors}
    pointers = {len(row.selection.pointers) for row in rows} | {size.pointers}
    columns = [_columns(row, size, places_per_slot, pointers_per_slot) for row in rows]
    widths = {name: len(column) for name, column in columns[0].items()}
    table = torch.tensor([[n for column in row.values() for n in column] for row in columns])
    uploaded = upload(table, device).split(list(widths.values()), dim=1)
    return MemoryPlan(
        **dict(zip(widths, uploaded, strict=True)),
        survivors=size.survivors,
        masked=len(kept) > 1 or len(pointers) > 1,
    )


def _columns(
    row: PlannedObject, size: FixedSize, places_per_slot: int, pointers_per_slot: int
) -> dict[str, list[int]]:
    """Return one object's row of the plan's tensors, by their names."""
    frames, pointers = row.selection.memory_frames, row.selection.pointers
    first, first_pointer = row.slot * places_per_slot, row.slot * pointers_per_slot
    padding = [0] * (size.memories - len(frames))
    pointer_padding = [0] * (size.pointers - len(pointers))
    counts = MemoryCounts(
        newest=len(frames) - 1, pruned=row.pruned, kept=row.kept, pointers=len(pointers)
    )
    return {
        'places': [first + place for place in [one.memory for one in frames] + padding],
        'pointer_places': [
            first_pointer + place for place in [one.memory for one in pointers] + pointer_padding
        ],
        'encoding': [one.encoding for one in frames] + padding,
        'candidate': [int(candidate) for candidate in row.candidates] + padding,
        'age': [one.age for one in pointers] + pointer_padding,
        'counts': list(counts),
        'destinations': [*row.destinations, row.slot],
    }


def gather(bank: Tensor, places: Tensor) -> Tensor:
    """Take [N, E, …] from a bank [slots, places, …] by flat places [N, E]."""
    flat = bank.flatten(0, 1).index_select(0, places.flatten())
    return flat.unflatten(0, places.shape)
