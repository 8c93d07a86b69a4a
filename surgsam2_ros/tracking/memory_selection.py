# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which frames an object remembers, which of them it reads in a frame, and what a batch reads.

Everything on the host is Python integers, uploaded in one small copy: nothing waits for the device,
and with a `FixedSize` all tensors have the same shapes in every frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from surgsam2_ros.network import MemoryTokens, SurgSAM2
from surgsam2_ros.tracking.frame_pruning import similarity_to_newest, surviving_entries

_COUNTS = 4


class FrameRing:
    """Which frames lie in which places of a ring; the oldest makes room for the newest."""

    def __init__(self, first_place: int, length: int) -> None:
        """Lay the ring over the places first_place … first_place + length - 1."""
        self.places: dict[int, int] = {}  # frame index -> place, oldest first
        self._free = list(range(first_place, first_place + length))[::-1]

    def write(self, frame: int) -> int | None:
        """Return the place for a frame newer than all others; None when the ring has no place."""
        if frame in self.places:
            return self.places[frame]
        if not self._free:
            if not self.places:
                return None
            self.drop(next(iter(self.places)))
        place = self._free.pop()
        self.places[frame] = place
        return place

    def drop(self, frame: int) -> None:
        """Forget a frame."""
        self._free.append(self.places.pop(frame))

    def rewind(self, frame: int) -> None:
        """Forget this frame and all later ones."""
        for later in [known for known in self.places if known >= frame]:
            self.drop(later)


@dataclass(frozen=True)
class MemoryShape:
    """How many places an object has, and how far back it reads.

    Attributes:
        prompted: places of prompted frames, the first ones.
        recent: places of the spatial memories of tracked frames.
        pointers: places of the object pointers of tracked frames.
        num_maskmem: spatial memories read, the prompted frame included.
        max_pointers: object pointers read, the prompted frame's included.
        prompted_encoding: index of the temporal encoding of prompted frames.
        by_rank: number recent memories by rank instead of by age, because some may be missing.
    """

    prompted: int
    recent: int
    pointers: int
    num_maskmem: int
    max_pointers: int
    prompted_encoding: int
    by_rank: bool


@dataclass(frozen=True)
class Reading:
    """What one object attends to at one frame.

    Attributes:
        memories: (place, index of the temporal encoding) of prompted frames in the order of their
            prompts, then of tracked frames, oldest first.
        prompted: how many of them are prompted frames.
        pointers: (place, frames ago) of prompted frames, then of tracked ones, newest first.
    """

    memories: list[tuple[int, int]]
    prompted: int
    pointers: list[tuple[int, int]]


class ObjectMemory:
    """Where one object's memories lie in its slot of the memory bank."""

    def __init__(self, slot: int, shape: MemoryShape) -> None:
        """Start without any memory."""
        self.slot = slot
        self.prompted: dict[int, int] = {}  # frame index -> place, in the order of the prompts
        self.recent = FrameRing(shape.prompted, shape.recent)
        self.pointers = FrameRing(shape.prompted, shape.pointers)
        self._free = list(range(shape.prompted))[::-1]
        self._shape = shape

    def write_prompted(self, frame: int) -> int:
        """Return the place for a prompted frame; beyond the cap the second oldest makes room."""
        if frame in self.prompted:
            return self.prompted[frame]
        if not self._free:
            kept_first = list(self.prompted)
            self.drop_prompted(kept_first[min(1, len(kept_first) - 1)])
        self.prompted[frame] = self._free.pop()
        return self.prompted[frame]

    def drop_prompted(self, frame: int) -> None:
        """Forget one prompted frame."""
        self._free.append(self.prompted.pop(frame))

    def rewind(self, frame: int) -> None:
        """Forget the tracked frames from this one on; prompted frames stay."""
        self.recent.rewind(frame)
        self.pointers.rewind(frame)

    def reading(self, frame: int) -> Reading:
        """Choose what the object attends to at `frame`, before any pruning.

        All other prompted frames, and of the num_maskmem - 1 frames before this one those that are
        remembered; pointers of prompted frames that lie in the past and of the max_pointers - 1
        frames before.
        """
        shape = self._shape
        prompted = {known: place for known, place in self.prompted.items() if known != frame}
        memories = [(place, shape.prompted_encoding) for place in prompted.values()]
        past = [(known, place) for known, place in self.recent.places.items() if known < frame]
        for rank, (known, place) in enumerate(past):
            age = len(past) - rank if shape.by_rank else frame - known
            if age < shape.num_maskmem:
                memories.append((place, age - 1))
        pointers = [(place, frame - known) for known, place in prompted.items() if known < frame]
        for known, place in reversed(self.pointers.places.items()):
            if 0 < frame - known < shape.max_pointers:
                pointers.append((place, frame - known))
        return Reading(memories, len(prompted), pointers)


_NOTHING = Reading(memories=[(0, 0)], prompted=1, pointers=[(0, 1)])


@dataclass(frozen=True)
class FixedSize:
    """Least sizes of what is read; smaller readings are padded and masked.

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


@dataclass(frozen=True, eq=False)
class ReadingPlan:
    """What N objects read at a frame.

    Attributes:
        places: int64 [N, E], flat places of spatial memories in the bank.
        pointer_places: int64 [N, P], flat places of object pointers.
        encoding: int64 [N, E], index of the temporal encoding of each memory.
        candidate: int64 [N, E], 1 where it may be pruned.
        age: int64 [N, P], frames since each pointer.
        counts: int64 [N, 4], which memory is the newest, how many are pruned, how many stay, and
            how many pointers there are.
        survivors: K, memories that any object keeps at most.
        masked: whether some rows are padded.
    """

    places: Tensor
    pointer_places: Tensor
    encoding: Tensor
    candidate: Tensor
    age: Tensor
    counts: Tensor
    survivors: int
    masked: bool

    @property
    def table(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Encoding, candidate, age and counts, as `assemble_memory` takes them."""
        return self.encoding, self.candidate, self.age, self.counts


@dataclass(frozen=True)
class PlannedObject:
    """One object's part of a plan.

    Attributes:
        memory: where its memories lie.
        reading: what it attends to before pruning.
        candidates: which of these memories may be pruned.
        pruned: how many are.
    """

    memory: ObjectMemory | None
    reading: Reading
    candidates: Sequence[bool]
    pruned: int

    @property
    def kept(self) -> int:
        """Memories that it attends to after pruning."""
        return len(self.reading.memories) - self.pruned


def plan_reading(
    planned: Sequence[PlannedObject],
    places_per_slot: int,
    pointers_per_slot: int,
    device: torch.device,
    least: FixedSize | None = None,
) -> ReadingPlan:
    """Pack what objects read into one table of integers and bring it to the device.

    Args:
        planned: one per object.
        places_per_slot: spatial memories of a slot of the bank.
        pointers_per_slot: object pointers of a slot.
        device: of the bank.
        least: sizes that the plan is padded to; objects that need more get more.
    """
    nothing = PlannedObject(None, _NOTHING, [False], 0)
    rows = list(planned)
    size = FixedSize(
        objects=len(rows),
        memories=max(len(row.reading.memories) for row in rows),
        pointers=max(len(row.reading.pointers) for row in rows),
        survivors=max(row.kept for row in rows),
    )
    if least is not None:
        size = FixedSize(
            objects=max(size.objects, least.objects),
            memories=max(size.memories, least.memories, least.survivors),
            pointers=max(size.pointers, least.pointers),
            survivors=max(size.survivors, least.survivors),
        )
        rows += [nothing] * (size.objects - len(rows))
    table = []
    for row in rows:
        slot = 0 if row.memory is None else row.memory.slot
        base, pointer_base = slot * places_per_slot, slot * pointers_per_slot
        memories, pointers = row.reading.memories, row.reading.pointers
        padding = [0] * (size.memories - len(memories))
        pointer_padding = [0] * (size.pointers - len(pointers))
        table.append(
            [base + place for place, _ in memories]
            + [base] * len(padding)
            + [pointer_base + place for place, _ in pointers]
            + [pointer_base] * len(pointer_padding)
            + [encoding for _, encoding in memories]
            + padding
            + [int(candidate) for candidate in row.candidates]
            + padding
            + [age for _, age in pointers]
            + pointer_padding
            + [len(memories) - 1, row.pruned, row.kept, len(pointers)]
        )
    uploaded = torch.tensor(table).to(device, non_blocking=True)
    widths = [size.memories, size.pointers, size.memories, size.memories, size.pointers, _COUNTS]
    columns = uploaded.split(widths, dim=1)
    kept = {row.kept for row in rows} | {size.survivors}
    counts = {len(row.reading.pointers) for row in rows} | {size.pointers}
    masked = least is not None or len(kept) > 1 or len(counts) > 1
    return ReadingPlan(*columns, survivors=size.survivors, masked=masked)


def gather(bank: Tensor, places: Tensor) -> Tensor:
    """Take [N, E, …] from a bank [slots, places, …] by flat places [N, E]."""
    flat = bank.flatten(0, 1).index_select(0, places.flatten())
    return flat.unflatten(0, places.shape)


def assemble_memory(
    network: SurgSAM2,
    features: Tensor,
    pointers: Tensor,
    encoding: Tensor,
    candidate: Tensor,
    age: Tensor,
    counts: Tensor,
    cells: Tensor | None = None,
    *,
    survivors: int,
    prunes: bool,
    masked: bool,
) -> MemoryTokens:
    """Prune the memories of N objects and give them their encodings.

    Args:
        network: whose encodings they get.
        features: [N, E, L, Dm] spatial memories.
        pointers: [N, P, D] object pointers.
        encoding, candidate, age, counts: of a `ReadingPlan`.
        cells: int64 [N, E, T], the tokens of each memory that are attended to; all when None.
        survivors: K, memories that stay in a row, padding included.
        prunes: whether any memory is pruned; with False the first K stay.
        masked: whether padding must be masked.
    """
    entries, count = features.shape[1], pointers.shape[1]
    newest, pruned, kept, num_pointers = counts.unbind(1)
    if prunes:
        similarity = similarity_to_newest(features, newest)
        stays = surviving_entries(similarity, candidate > 0, pruned, survivors)  # [N, K]
        rows = torch.arange(features.shape[0], device=features.device)[:, None]
        features, encoding = features[rows, stays], encoding.gather(1, stays)
        cells = None if cells is None else cells[rows, stays]
    elif survivors < entries:
        features, encoding = features[:, :survivors], encoding[:, :survivors]
        cells = None if cells is None else cells[:, :survivors]
    temporal = network.maskmem_tpos_enc.flatten(1)[encoding]  # [N, K, Dm]
    position = network.memory_position()  # [L, Dm]
    if cells is not None:
        objects, kept_memories, length = features.shape[:3]
        first = length * torch.arange(objects * kept_memories, device=features.device)
        first = first.unflatten(0, (objects, kept_memories))[..., None]
        features = features.flatten(0, 2)[first + cells]  # [N, K, T, Dm]
        position = position[cells]  # [N, K, T, Dm]
    position = position + temporal[:, :, None]  # [N, K, T, Dm]
    tokens, token_position = network.pointer_tokens(
        pointers, age.to(torch.float32), network.config.max_object_pointers - 1
    )
    mask = None
    if masked:
        length, parts = features.shape[2], tokens.shape[1] // count
        spatial = torch.arange(survivors * length, device=age.device) < length * kept[:, None]
        pointer = torch.arange(count * parts, device=age.device) < parts * num_pointers[:, None]
        mask = torch.cat([spatial, pointer], dim=1)
    return MemoryTokens(
        features=torch.cat([features.flatten(1, 2), tokens], dim=1),
        position=torch.cat([position.flatten(1, 2), token_position], dim=1),
        num_pointer_tokens=tokens.shape[1],
        key_mask=mask,
        cells=None if cells is None else cells.flatten(1),
    )
