# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The memories of all objects in preallocated rings, read as one batch whatever the objects' age.

The tensors grow with the number of objects only, never with time. Reading and writing upload a few
integers and never wait for the device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

from surgsam2_ros.network.device_transfer import upload_indices
from surgsam2_ros.network.frame_pruning import count_pruned
from surgsam2_ros.network.memory_assembly import (
    MemoryFrame,
    MemorySelection,
    PointerFrame,
    assemble_memory,
)
from surgsam2_ros.tracking.memory_plan import (
    FixedSize,
    MemoryPlan,
    PlannedObject,
    gather,
    plan_memories,
)
from surgsam2_ros.tracking.memory_selection import MemoryShape, ObjectMemory
from surgsam2_ros.tracking.token_pruning import choose_cells

if TYPE_CHECKING:
    from surgsam2_ros.network import MemoryTokens, NetworkConfig, SurgSAM2
    from surgsam2_ros.tracking.config import TrackerConfig

NewMemory = torch.Tensor | Callable[[], torch.Tensor]
"""The spatial memories [N, Dm, m, m] of a frame, or what makes them when they are wanted."""

STORED_DTYPE = torch.bfloat16
"""Spatial memories are stored in bfloat16 even in float32 runs, as the official predictor does."""


def memories_read(network: NetworkConfig, config: TrackerConfig) -> tuple[int, int]:
    """Say how many memories an object selects for a frame, and how many of these are pruned.

    Raises:
        ValueError: when the config asks for more memories than the network was trained with, or
            prunes so many that nothing but the protected ones would stay.
    """
    trained = network.num_maskmem
    num_maskmem = trained if config.num_maskmem is None else config.num_maskmem
    if num_maskmem > trained:
        raise ValueError(
            f'num_maskmem is {num_maskmem}; the network was trained with {trained}, '
            'which is the most that it can read'
        )
    prune = config.num_frame_to_prune
    if prune is None:
        prune = min(network.num_frame_to_prune, max(num_maskmem - 2, 0))
    if prune and prune > num_maskmem - 2:
        raise ValueError(
            f'num_frame_to_prune is {prune}; at most num_maskmem - 2 = {num_maskmem - 2} '
            'can go, since the prompted frame and the newest memory stay'
        )
    return num_maskmem, prune


class MemoryBank:
    """Spatial memories and object pointers of all objects.

    Attributes:
        features: bfloat16 [slots, places, L, Dm] spatial memories; L = m^2 tokens.
        pointers: [slots, pointer places, D] object pointers in the network's dtype.
        cells: int64 [slots, places, T], the tokens of each spatial memory that are read; None
            when all are.
        max_objects: most slots.
        seen_cells: int64 [slots, T], those of the newest memory with the object; with `cells` only.
    """

    def __init__(self, network: SurgSAM2, config: TrackerConfig) -> None:
        """Start without slots.

        Raises:
            ValueError: see `memories_read`.
        """
        num_maskmem, prune = memories_read(network.config, config)
        max_pointers = network.config.max_object_pointers
        recent = num_maskmem - 1 + config.replay_frames if num_maskmem > 1 else 0
        if recent and config.gates_memory:
            recent += 1  # a memory that is taken back again must not have displaced an older one
        self.shape = MemoryShape(
            prompted=config.max_prompted_frames,
            recent=recent,
            pointers=max_pointers - 1 + config.replay_frames,
            num_maskmem=num_maskmem,
            max_pointers=max_pointers,
            prompted_encoding=network.config.num_maskmem - 1,
            by_rank=config.gates_memory,
        )
        self._network = network
        self._prune = prune
        self._protect_prompted = config.protect_prompted_frames
        self.max_objects = config.max_objects
        self.memory_tokens = _checked_tokens(network, config.memory_tokens)
        weight = network.no_mem_embed
        self._dtype, self._device = weight.dtype, weight.device
        self.clear()

    def clear(self) -> None:
        """Give back all slots and their memory."""
        network, shape = self._network, self.shape
        tokens, width = network.memory_size**2, network.config.memory_dim
        self.features = torch.zeros(
            (0, shape.prompted + shape.recent, tokens, width),
            dtype=STORED_DTYPE,
            device=self._device,
        )
        self.pointers = torch.zeros(
            (0, shape.prompted + shape.pointers, network.config.hidden_dim),
            dtype=self._dtype,
            device=self._device,
        )
        self.cells = None
        if self.memory_tokens is not None:
            self.cells = torch.zeros(
                (0, shape.prompted + shape.recent, self.memory_tokens),
                dtype=torch.int64,
                device=self._device,
            )
            self.seen_cells = self.cells[:, 0].clone()
            side = self._network.memory_size
            nothing = torch.full((1, 1, 4 * side, 4 * side), -1.0, device=self._device)
            self._cells_of_nothing = choose_cells(nothing, self.memory_tokens, side)[0]
        self._free_slots: list[int] = []
        self._uploaded: dict[tuple[int, ...], torch.Tensor] = {}  # numbers that are there already

    def add_object(self) -> ObjectMemory:
        """Take a slot for a new object, making room in the tensors when all are taken."""
        if not self._free_slots:
            self._grow(min(max(1, 2 * len(self.features)), self.max_objects))
        slot = self._free_slots.pop()
        if self.cells is not None:
            self.seen_cells[slot] = self._cells_of_nothing
        return ObjectMemory(slot, self.shape)

    def remove_object(self, memory: ObjectMemory) -> None:
        """Give a slot back; its contents are overwritten by the next owner before they are read."""
        self._free_slots.append(memory.slot)

    def write(
        self,
        memories: Sequence[ObjectMemory],
        frame: int,
        features: torch.Tensor,
        pointers: torch.Tensor,
        *,
        logits: torch.Tensor,
        presence: torch.Tensor,
        prompted: Sequence[bool],
    ) -> None:
        """Store one frame's memory of several objects.

        Args:
            memories: the N objects.
            frame: index of the frame, not earlier than any stored one of a tracked frame.
            features: [N, Dm, m, m] of the memory encoder, m being the network's `memory_size`.
            pointers: [N, D] object pointers.
            logits: [N, 1, S/4, S/4] mask logits; they decide which tokens will be read.
            presence: [N] presence logits.
            prompted: for each object whether the frame is a prompted one.
        """
        rows, places, pointer_rows, pointer_places = [], [], [], []
        for row, (memory, as_prompted) in enumerate(zip(memories, prompted, strict=True)):
            if as_prompted:
                place = pointer_place = memory.write_prompted(frame)
            else:
                place, pointer_place = memory.recent.write(frame), memory.pointers.write(frame)
            if place is not None:
                rows.append(row)
                places.append(memory.slot * self.features.shape[1] + place)
            if pointer_place is not None:
                pointer_rows.append(row)
                pointer_places.append(memory.slot * self.pointers.shape[1] + pointer_place)
        tokens = features.flatten(2).transpose(1, 2).to(STORED_DTYPE)  # [N, L, Dm]
        self._scatter(self.features, places, tokens, rows)
        self._scatter(self.pointers, pointer_places, pointers.to(self._dtype), pointer_rows)
        if self.cells is not None:
            self._write_cells(memories, logits, presence, places, rows)

    def _write_cells(
        self,
        memories: Sequence[ObjectMemory],
        logits: torch.Tensor,
        presence: torch.Tensor,
        places: Sequence[int],
        rows: Sequence[int],
    ) -> None:
        """Choose the tokens of new memories; of an absent object those of when it was last seen."""
        cells = choose_cells(logits, self.memory_tokens, self._network.memory_size)
        slots = self._indices([memory.slot for memory in memories])
        before = self.seen_cells.index_select(0, slots)
        seen = (presence > 0) & (logits > 0).flatten(1).any(dim=1)
        cells = torch.where(seen[:, None], cells, before)
        self.seen_cells.index_copy_(0, slots, cells)
        self._scatter(self.cells, places, cells, rows)

    def _scatter(
        self,
        bank: torch.Tensor,
        places: Sequence[int],
        values: torch.Tensor,
        rows: Sequence[int],
    ) -> None:
        """Write the given rows of `values` to flat places of the bank."""
        if not places:
            return
        if len(rows) < len(values):
            values = values.index_select(0, self._indices(rows))
        bank.flatten(0, 1).index_copy_(0, self._indices(places), values)

    def read(self, memories: Sequence[ObjectMemory], frame: int) -> MemoryTokens:
        """Gather what each object attends to at `frame`, pruned, with its encodings.

        Objects that attend to fewer memories than others are padded, and only then is there a
        key mask.
        """
        plan, prunes = self.plan(memories, frame)
        features, pointers = self.gather(plan)
        return assemble_memory(
            self._network,
            features,
            pointers,
            plan.table,
            self.gather_cells(plan),
            survivors=plan.survivors,
            prunes=prunes,
            masked=plan.masked,
        )

    def plan(
        self, memories: Sequence[ObjectMemory], frame: int, least: FixedSize | None = None
    ) -> tuple[MemoryPlan, bool]:
        """Choose what each object attends to at `frame`.

        Args:
            memories: the N objects.
            frame: index of the frame.
            least: sizes that the plan is padded to.

        Returns:
            The plan, and whether any memory is pruned.
        """
        planned = []
        for memory in memories:
            selection = memory.select(frame)
            candidates = self._candidates(selection)
            pruned = count_pruned(
                len(candidates), self.shape.num_maskmem, self._prune, sum(candidates)
            )
            planned.append(
                PlannedObject(
                    memory.slot, selection, candidates, pruned, self._destinations(memory, frame)
                )
            )
        plan = plan_memories(
            planned, self.features.shape[1], self.pointers.shape[1], self._device, least
        )
        if self._device.type != 'cpu':
            self._note_uploaded(planned, plan)
        return plan, any(one.pruned for one in planned)

    def _destinations(self, memory: ObjectMemory, frame: int) -> tuple[int, int]:
        """Return the flat places where the memory of a tracked frame will lie."""
        place = memory.recent.next_place(frame)
        pointer_place = memory.pointers.next_place(frame)
        return (
            -1 if place is None else memory.slot * self.features.shape[1] + place,
            -1 if pointer_place is None else memory.slot * self.pointers.shape[1] + pointer_place,
        )

    def _note_uploaded(self, planned: Sequence[PlannedObject], plan: MemoryPlan) -> None:
        """Keep what the plan brought along for the writing."""
        numbers = [(*one.destinations, one.slot) for one in planned]
        columns = plan.destinations[: len(planned)].unbind(1)
        self._uploaded = dict(zip(zip(*numbers, strict=True), columns, strict=True))

    def _indices(self, numbers: Sequence[int]) -> torch.Tensor:
        """Return the numbers on the device, int64 [N]."""
        uploaded = self._uploaded.get(tuple(numbers))
        return upload_indices(numbers, self._device) if uploaded is None else uploaded

    def fixed_size(self, objects: int, prompted: int = 1) -> FixedSize:
        """Sizes of what so many objects read in the steady state.

        Args:
            objects: rows.
            prompted: prompted frames of each.
        """
        shape = self.shape
        memories = prompted + shape.num_maskmem - 1
        protected = prompted if self._protect_prompted else 1
        return FixedSize(
            objects=objects,
            memories=memories,
            pointers=prompted + shape.max_pointers - 1,
            survivors=memories
            - count_pruned(
                memories, shape.num_maskmem, self._prune, max(memories - protected - 1, 0)
            ),
        )

    def rehearsal(self, size: FixedSize, *, full: bool) -> MemoryPlan:
        """Return a plan of this size that reads places of slot 0; for what is made ready ahead.

        Args:
            size: of the plan.
            full: whether no row is padded.
        """
        memories, pointers = (size.memories, size.pointers) if full else (1, 1)
        selection = MemorySelection(
            [MemoryFrame(0, encoding=0)] * memories, 1, [PointerFrame(0, age=1)] * pointers
        )
        pruned = memories - size.survivors if full else 0
        candidates = [0 < entry < memories - 1 for entry in range(memories)]
        row = PlannedObject(0, selection, candidates, pruned)
        places = (self.features.shape[1], self.pointers.shape[1])
        return plan_memories([row] * size.objects, *places, self._device, size)

    @property
    def prunes(self) -> bool:
        """Whether frame pruning is on."""
        return self._prune > 0

    def gather(self, plan: MemoryPlan) -> tuple[torch.Tensor, torch.Tensor]:
        """Take the spatial memories [N, E, L, Dm] and pointers [N, P, D] that a plan names.

        Where the network computes in bfloat16 the memories stay as they are stored.
        """
        features = gather(self.features, plan.places).to(self._network.attention_dtype)
        return features, gather(self.pointers, plan.pointer_places)

    def gather_cells(self, plan: MemoryPlan) -> torch.Tensor | None:
        """Take the cells int64 [N, E, T] of the tokens that are read; None when all are."""
        return None if self.cells is None else gather(self.cells, plan.places)

    def contents(self, slots: Sequence[int]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Copy what lies in these slots; see `put_back`."""
        index = upload_indices(slots, self._device)
        return [(index, tensor.index_select(0, index)) for tensor in self._tensors]

    def put_back(self, contents: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Write what `contents` gave to where it lay."""
        for tensor, (index, values) in zip(self._tensors, contents, strict=True):
            tensor.index_copy_(0, index, values)

    @property
    def _tensors(self) -> tuple[torch.Tensor, ...]:
        """All that has a row for each slot."""
        stored = (self.features, self.pointers)
        return stored if self.cells is None else (*stored, self.cells, self.seen_cells)

    def _candidates(self, selection: MemorySelection) -> list[bool]:
        """Which memories pruning may leave out: not the first prompted one, not the newest."""
        protected = selection.prompted if self._protect_prompted else 1
        last = len(selection.memory_frames) - 1
        return [protected <= entry < last for entry in range(last + 1)]

    def _grow(self, slots: int) -> None:
        """Enlarge the tensors to so many slots and keep what is stored."""
        taken = len(self.features)
        self.features = _enlarged(self.features, slots)
        self.pointers = _enlarged(self.pointers, slots)
        if self.cells is not None:
            self.cells = _enlarged(self.cells, slots)
            self.seen_cells = _enlarged(self.seen_cells, slots)
        self._free_slots += list(range(taken, slots))[::-1]


def _checked_tokens(network: SurgSAM2, tokens: int | None) -> int | None:
    """Return how many tokens of a memory are read, None for all of them."""
    whole = network.memory_size**2
    return None if tokens is None or tokens >= whole else tokens


def _enlarged(bank: torch.Tensor, slots: int) -> torch.Tensor:
    larger = bank.new_zeros((slots, *bank.shape[1:]))
    larger[: len(bank)] = bank
    return larger
