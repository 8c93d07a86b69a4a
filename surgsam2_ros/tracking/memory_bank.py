# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The memories of all objects in preallocated rings, read as one batch whatever the objects' age.

The tensors grow with the number of objects only, never with time. Reading and writing upload a few
integers and never wait for the device.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from surgsam2_ros.network import MemoryTokens, NetworkConfig, SurgSAM2
from surgsam2_ros.tracking.config import TrackerConfig
from surgsam2_ros.tracking.frame_pruning import (
    count_pruned,
    similarity_to_newest,
    surviving_entries,
)
from surgsam2_ros.tracking.memory_index import MemoryShape, ObjectMemory, Reading

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
        features: bfloat16 [slots, places, L, Dm] spatial memories; L = (S/16)^2 tokens.
        pointers: [slots, pointer places, D] object pointers in the network's dtype.
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
        self._most_slots = config.max_objects
        weight = network.no_mem_embed
        self._dtype, self._device = weight.dtype, weight.device
        self.clear()

    def clear(self) -> None:
        """Give back all slots and their memory."""
        network, shape = self._network, self.shape
        tokens, width = network.feature_size**2, network.config.memory_dim
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
        self._free_slots: list[int] = []

    def add_object(self) -> ObjectMemory:
        """Take a slot for a new object, making room in the tensors when all are taken."""
        if not self._free_slots:
            self._grow(min(max(1, 2 * len(self.features)), self._most_slots))
        return ObjectMemory(self._free_slots.pop(), self.shape)

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
        prompted: Sequence[bool],
    ) -> None:
        """Store one frame's memory of several objects.

        Args:
            memories: the N objects.
            frame: index of the frame, not earlier than any stored one of a tracked frame.
            features: [N, Dm, S/16, S/16] of the memory encoder.
            pointers: [N, D] object pointers.
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
        _scatter(self.features, places, tokens, rows)
        _scatter(self.pointers, pointer_places, pointers.to(self._dtype), pointer_rows)

    def read(self, memories: Sequence[ObjectMemory], frame: int) -> MemoryTokens:
        """Gather what each object attends to at `frame`, pruned, with its encodings.

        Objects that attend to fewer memories than others are padded, and only then is there a
        key mask.
        """
        readings = [memory.reading(frame) for memory in memories]
        entries = max(len(reading.memories) for reading in readings)
        pointers = max(len(reading.pointers) for reading in readings)
        pruned = [self._count_pruned(reading) for reading in readings]
        plan = self._upload(memories, readings, pruned, entries, pointers)
        place, encoding, candidate, pointer_place, age, newest, goes = plan.split(
            [entries, entries, entries, pointers, pointers, 1, 1], dim=1
        )
        kept = [
            len(reading.memories) - gone for reading, gone in zip(readings, pruned, strict=True)
        ]
        features = self._gather(self.features, place).to(self._dtype)  # [N, E, L, Dm]
        if any(pruned):
            similarity = similarity_to_newest(features, newest[:, 0])
            stays = surviving_entries(similarity, candidate > 0, goes[:, 0], max(kept))  # [N, K]
            features = features[torch.arange(len(memories), device=self._device)[:, None], stays]
            encoding = encoding.gather(1, stays)
        temporal = self._network.maskmem_tpos_enc.flatten(1)[encoding]  # [N, K, Dm]
        position = self._network.memory_position() + temporal[:, :, None]  # [N, K, L, Dm]

        tokens, token_position = self._network.pointer_tokens(
            self._gather(self.pointers, pointer_place),
            age.to(torch.float32),
            self.shape.max_pointers - 1,
        )
        return MemoryTokens(
            features=torch.cat([features.flatten(1, 2), tokens], dim=1),
            position=torch.cat([position.flatten(1, 2), token_position], dim=1),
            num_pointer_tokens=tokens.shape[1],
            key_mask=self._key_mask(
                kept, [len(reading.pointers) for reading in readings], tokens.shape[1]
            ),
        )

    def _count_pruned(self, reading: Reading) -> int:
        return count_pruned(
            len(reading.memories),
            self.shape.num_maskmem,
            self._prune,
            sum(self._candidates(reading)),
        )

    def _candidates(self, reading: Reading) -> list[bool]:
        """Which memories pruning may leave out: not the first prompted one, not the newest."""
        protected = reading.prompted if self._protect_prompted else 1
        last = len(reading.memories) - 1
        return [protected <= entry < last for entry in range(last + 1)]

    def _upload(
        self,
        memories: Sequence[ObjectMemory],
        readings: Sequence[Reading],
        pruned: Sequence[int],
        entries: int,
        pointers: int,
    ) -> torch.Tensor:
        """Pack all integers of a reading, so that one small copy brings them to the device."""
        rows = []
        for memory, reading, gone in zip(memories, readings, pruned, strict=True):
            base = memory.slot * self.features.shape[1]
            pointer_base = memory.slot * self.pointers.shape[1]
            padding = [0] * (entries - len(reading.memories))
            pointer_padding = [0] * (pointers - len(reading.pointers))
            rows.append(
                [base + place for place, _ in reading.memories]
                + [base] * len(padding)
                + [encoding for _, encoding in reading.memories]
                + padding
                + [int(candidate) for candidate in self._candidates(reading)]
                + padding
                + [pointer_base + place for place, _ in reading.pointers]
                + [pointer_base] * len(pointer_padding)
                + [age for _, age in reading.pointers]
                + pointer_padding
                + [len(reading.memories) - 1, gone]
            )
        return torch.tensor(rows).to(self._device, non_blocking=True)

    def _gather(self, bank: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
        """Take [N, E, …] by flat places [N, E]."""
        flat = bank.flatten(0, 1).index_select(0, place.flatten())
        return flat.unflatten(0, place.shape)

    def _key_mask(
        self, kept: Sequence[int], pointers: Sequence[int], pointer_tokens: int
    ) -> torch.Tensor | None:
        """Mask the padding; None when every object has the same number of keys."""
        if len(set(kept)) == 1 and len(set(pointers)) == 1:
            return None
        tokens = self.features.shape[2]
        parts = pointer_tokens // max(pointers)
        keys = torch.arange(max(kept) * tokens + pointer_tokens)
        limits = torch.tensor([[count * tokens, 0] for count in kept])
        spatial = keys < limits[:, :1]
        first_pointer = max(kept) * tokens
        ends = torch.tensor([[first_pointer + count * parts] for count in pointers])
        mask = spatial | ((keys >= first_pointer) & (keys < ends))
        return mask.to(self._device, non_blocking=True)

    def _grow(self, slots: int) -> None:
        """Enlarge the tensors to so many slots and keep what is stored."""
        taken = len(self.features)
        self.features = _enlarged(self.features, slots)
        self.pointers = _enlarged(self.pointers, slots)
        self._free_slots += list(range(taken, slots))[::-1]


def _enlarged(bank: torch.Tensor, slots: int) -> torch.Tensor:
    larger = bank.new_zeros((slots, *bank.shape[1:]))
    larger[: len(bank)] = bank
    return larger


def _scatter(
    bank: torch.Tensor, places: Sequence[int], values: torch.Tensor, rows: Sequence[int]
) -> None:
    """Write the given rows of `values` to flat places of the bank."""
    if not places:
        return
    if len(rows) < len(values):
        values = values[list(rows)]
    index = torch.tensor(places).to(bank.device, non_blocking=True)
    bank.flatten(0, 1).index_copy_(0, index, values)
