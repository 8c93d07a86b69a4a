# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which frames an object remembers, in which places of the bank, and which it attends to."""

from __future__ import annotations

from dataclasses import dataclass

from surgsam2_ros.network.memory_assembly import MemorySelection, select_memories


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

    def next_place(self, frame: int) -> int | None:
        """Return the place that `write` will, and write nothing."""
        if frame in self.places:
            return self.places[frame]
        if self._free:
            return self._free[-1]
        return next(iter(self.places.values()), None)

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

    def select(self, frame: int) -> MemorySelection:
        """Choose what the object attends to at `frame`, before any pruning, by its places."""
        shape = self._shape
        return select_memories(
            frame,
            self.prompted,
            self.recent.places,
            dict(reversed(self.pointers.places.items())),
            num_maskmem=shape.num_maskmem,
            max_pointers=shape.max_pointers,
            prompted_encoding=shape.prompted_encoding,
            by_rank=shape.by_rank,
        )
