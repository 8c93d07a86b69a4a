# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a tracker knows, as numbers and tensors that another process can go on from.

Past images that a late prompt could name are not in it, nor prompts that wait for a frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from surgsam2_ros.network.appearance_model import APPEARANCE_TENSORS, Appearance
from surgsam2_ros.tracking.config import MOST_INSTANCES
from surgsam2_ros.tracking.memory_bank import STORED_DTYPE, MemoryBank
from surgsam2_ros.tracking.prompts import Prompt, check_object_id
from surgsam2_ros.tracking.view import Region

if TYPE_CHECKING:
    from surgsam2_ros.tracking.memory_selection import ObjectMemory
    from surgsam2_ros.tracking.tracked_object import TrackedObject
    from surgsam2_ros.tracking.tracker import StreamingTracker

_MOST_FRAMES = 2**63  # indices beyond are not those of a stream


class SnapshotError(ValueError):
    """A snapshot that is not that of a tracker like this one."""


@dataclass(frozen=True, eq=False)
class TrackerSnapshot:
    """The objects of a tracker and all that its next frame depends on.

    Attributes:
        state: what JSON can hold: 'layout' says which trackers it fits, 'objects' are in order.
        tensors: 'memories' bfloat16 [M, L, Dm] and 'pointers' [P, D] of all objects one after the
            other, prompted frames first; with `memory_tokens` 'cells' int64 [M, T] and
            'seen_cells' [N, T]; for a network that takes hints 'image' uint8 [1, 3, S, S],
            'logits' [N, 1, S/4, S/4] and 'presence' [N] of the newest frame; with an appearance
            model 'given' and 'seen' [N, D, D + 1], 'weights' [N, D], 'quality' and 'prompted' [N]
            of `Appearance`.
    """

    state: dict[str, Any]
    tensors: dict[str, torch.Tensor]

    @property
    def objects(self) -> tuple[tuple[str, int], ...]:
        """Id and instance of each object."""
        return tuple((one['object_id'], one['instance']) for one in self.state['objects'])


@dataclass(frozen=True)
class _Stored:
    """One object of a snapshot; frames are indices, oldest first, prompted ones as prompted."""

    object_id: str
    instance: int
    class_name: str
    confirmed: bool
    frames_since_seen: int
    first_frame: int
    prompted: Sequence[int]
    recent: Sequence[int]
    pointers: Sequence[int]
    scores: Sequence[float]
    poor: bool
    learned_frames: int
    sure: bool

    def check(self, frame_index: int, bank: MemoryBank) -> None:
        """Raise ValueError for what no tracker could have stored before this frame."""
        shape = bank.shape
        check_object_id(self.object_id)
        (self.object_id + self.class_name).encode()  # what JSON has as text need not be such
        if not all(type(flag) is bool for flag in (self.confirmed, self.poor, self.sure)):
            raise ValueError(f'{self.object_id!r} has states that are none')
        if not _is_index(self.instance, MOST_INSTANCES + 1) or self.instance == 0:
            raise ValueError(f'{self.object_id!r} has instance {self.instance!r}')
        for frame in (self.first_frame, *self.prompted, *self.recent, *self.pointers):
            if not _is_index(frame, frame_index):
                raise ValueError(f'{self.object_id!r} remembers frame {frame!r} of {frame_index}')
        if not _is_index(self.frames_since_seen, _MOST_FRAMES):
            raise ValueError(f'{self.object_id!r} was seen {self.frames_since_seen!r} frames ago')
        if not _is_index(self.learned_frames, _MOST_FRAMES):
            raise ValueError(f'{self.object_id!r} was learned from {self.learned_frames!r} frames')
        if not 0 < len(set(self.prompted)) == len(self.prompted) <= shape.prompted:
            raise ValueError(f'{self.object_id!r} has {len(self.prompted)} prompted frames')
        most = {'recent': shape.num_maskmem - 1, 'pointers': shape.max_pointers - 1}
        for name, limit in most.items():
            frames = getattr(self, name)
            if len(frames) > limit or list(frames) != sorted(set(frames)):
                raise ValueError(f'{self.object_id!r} has {name} of the frames {list(frames)}')
        if not all(type(score) is float and 0.0 <= score <= 1.0 for score in self.scores):
            raise ValueError(f'{self.object_id!r} has the scores {list(self.scores)}')


@torch.inference_mode()
def take_snapshot(tracker: StreamingTracker) -> TrackerSnapshot:
    """Copy what a tracker knows after a frame, without waiting for the device.

    To be called on the thread that owns the tracker; what comes of it belongs to the caller.
    Objects that have been in no frame yet are left out.
    """
    tracker.remember()
    bank = tracker._bank
    objects = [one for one in tracker._objects.values() if one.first_frame is not None]
    stored = [_store(tracked, bank, tracker.frame_index) for tracked in objects]
    state = {
        'layout': _layout(tracker),
        'frame_index': tracker.frame_index,
        'newest_instance': tracker._newest_instance,
        'view': _to_list(tracker._view.known),
        'region': _to_list(tracker._region),
        'objects': [vars(one).copy() for one in stored],
    }
    if not objects:
        return TrackerSnapshot(state, {})
    places, pointer_places = [], []
    for tracked, one in zip(objects, stored, strict=True):
        memory = tracked.memory
        prompted = [memory.prompted[frame] for frame in one.prompted]
        recent = [memory.recent.places[frame] for frame in one.recent]
        pointers = [memory.pointers.places[frame] for frame in one.pointers]
        first, first_pointer = _first_places(memory, bank)
        places += [first + place for place in prompted + recent]
        pointer_places += [first_pointer + place for place in prompted + pointers]
    index = _to_index(places, bank)
    tensors = {
        'memories': _rows(bank.features, index),
        'pointers': _rows(bank.pointers, _to_index(pointer_places, bank)),
    }
    if bank.cells is not None:
        slots = _to_index([tracked.memory.slot for tracked in objects], bank)
        tensors['cells'] = _rows(bank.cells, index)
        tensors['seen_cells'] = bank.seen_cells.index_select(0, slots)
    if tracker._motion.on and tracker._newest_image is not None:
        tensors['image'] = tracker._newest_image  # nobody writes to it
        tensors['logits'] = torch.stack([tracked.newest[1] for tracked in objects]).float()
        tensors['presence'] = torch.stack([tracked.newest[2] for tracked in objects]).float()
    if tracker._appearance.on:
        looks = [tracked.appearance_before(tracker.frame_index) for tracked in objects]
        for name in APPEARANCE_TENSORS:
            tensors[name] = torch.stack([getattr(look, name) for look in looks])
    return TrackerSnapshot(state, tensors)


@torch.inference_mode()
def restore_snapshot(tracker: StreamingTracker, snapshot: TrackerSnapshot) -> None:
    """Have a tracker go on where another one was; what it knew itself is forgotten.

    The masks of the next frame are those that the other tracker would have found. The states are
    not: until they are seen, objects are LOST, or TENTATIVE where they had never been confirmed.

    Raises:
        SnapshotError: when the snapshot does not fit this tracker or makes no sense; the tracker
            has no objects then.
    """
    tracker.reset()
    try:
        stored = _check(tracker, snapshot)
        _put_in(tracker, snapshot, stored)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        tracker.reset()
        if isinstance(error, SnapshotError):
            raise
        raise SnapshotError(f'it makes no sense: {error}') from error


def _store(tracked: TrackedObject, bank: MemoryBank, frame_index: int) -> _Stored:
    """Note what belongs to an object; of its memories those that a coming frame can read."""
    memory, shape = tracked.memory, bank.shape
    look = tracked.appearance_before(frame_index)
    recent = [frame for frame in memory.recent.places if frame < frame_index]
    pointers = [frame for frame in memory.pointers.places if frame < frame_index]
    return _Stored(
        object_id=tracked.object_id,
        instance=tracked.instance,
        class_name=tracked.class_name,
        confirmed=tracked.lifecycle.confirmed,
        frames_since_seen=tracked.lifecycle.frames_since_seen,
        first_frame=tracked.first_frame,
        prompted=list(memory.prompted),
        recent=recent[max(len(recent) - shape.num_maskmem + 1, 0) :],
        pointers=pointers[max(len(pointers) - shape.max_pointers + 1, 0) :],
        scores=list(tracked.quality.scores),
        poor=tracked.quality.poor,
        learned_frames=0 if look is None else look.frames,
        sure=look is not None and look.sure,
    )


def _layout(tracker: StreamingTracker) -> dict[str, Any]:
    """Say what two trackers must share to go on from each other's memories."""
    bank, network = tracker._bank, tracker._network
    return {
        'image_size': network.image_size,
        'memory': [*bank.features.shape[2:]],
        'pointer': [*bank.pointers.shape[2:]],
        'dtype': str(bank.pointers.dtype),
        'num_maskmem': bank.shape.num_maskmem,
        'by_rank': bank.shape.by_rank,
        'memory_tokens': bank.memory_tokens,
        'motion_hint': tracker._motion.on,
        'appearance_model': tracker._appearance.on,
    }


def _check(tracker: StreamingTracker, snapshot: TrackerSnapshot) -> list[_Stored]:
    """Return the objects of a snapshot, once all of it is such as a tracker like this makes."""
    state, bank = snapshot.state, tracker._bank
    for name, own in _layout(tracker).items():
        if (other := state['layout'].get(name)) != own:
            raise SnapshotError(f'its tracker has {name} {other!r}, this one {own!r}')
    frame_index = state['frame_index']
    if not _is_index(frame_index, _MOST_FRAMES):
        raise ValueError(f'its frame index is {frame_index!r}')
    if not _is_index(state['newest_instance'], MOST_INSTANCES + 1):
        raise ValueError(f'its newest instance is {state["newest_instance"]!r}')
    stored = [_Stored(**entry) for entry in state['objects']]
    if len(stored) > tracker.config.max_objects:
        raise SnapshotError(
            f'it has {len(stored)} objects, and this tracker takes {tracker.config.max_objects}'
        )
    for one in stored:
        one.check(frame_index, bank)
    if len({one.object_id for one in stored}) + len({one.instance for one in stored}) != 2 * len(
        stored
    ):
        raise ValueError('two of its objects share an id or an instance')
    expected = _expected(tracker, stored)
    found = {name: (tuple(t.shape), t.dtype) for name, t in snapshot.tensors.items()}
    if found != expected:
        raise ValueError('its tensors are not those of its objects')
    for name, tensor in snapshot.tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise ValueError(f'{name} has values that are not finite')
        if name.endswith('cells') and not _within(tensor, bank.features.shape[2]):
            raise ValueError(f'{name} name tokens that are not there')
    return stored


def _expected(
    tracker: StreamingTracker, stored: Sequence[_Stored]
) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """Return shape and dtype of each tensor that belongs to these objects."""
    if not stored:
        return {}
    bank, network = tracker._bank, tracker._network
    memories = sum(len(one.prompted) + len(one.recent) for one in stored)
    pointers = sum(len(one.prompted) + len(one.pointers) for one in stored)
    expected = {
        'memories': ((memories, *bank.features.shape[2:]), STORED_DTYPE),
        'pointers': ((pointers, *bank.pointers.shape[2:]), bank.pointers.dtype),
    }
    if bank.cells is not None:
        expected['cells'] = (memories, bank.memory_tokens), torch.int64
        expected['seen_cells'] = (len(stored), bank.memory_tokens), torch.int64
    if tracker._motion.on:
        side, size = 4 * network.feature_size, network.image_size
        expected['image'] = (1, 3, size, size), torch.uint8
        expected['logits'] = (len(stored), 1, side, side), torch.float32
        expected['presence'] = (len(stored),), torch.float32
    if tracker._appearance.on:
        for name, shape in tracker._appearance.shapes.items():
            expected[name] = (len(stored), *shape), torch.float32
    return expected


def _put_in(
    tracker: StreamingTracker, snapshot: TrackerSnapshot, stored: Sequence[_Stored]
) -> None:
    """Give a tracker without objects those of a checked snapshot."""
    state, bank = snapshot.state, tracker._bank
    tensors = {
        name: tensor if name == 'image' else tensor.to(bank.features.device)
        for name, tensor in snapshot.tensors.items()
    }
    places, pointer_places, slots = [], [], []
    for row, one in enumerate(stored):
        tracked = tracker._new_object(Prompt(one.object_id, class_name=one.class_name))
        tracked.instance, tracked.first_frame = one.instance, one.first_frame
        tracked.lifecycle.come_back(
            confirmed=one.confirmed, frames_since_seen=one.frames_since_seen
        )
        tracked.quality.scores.extend(one.scores)
        tracked.quality.poor = one.poor
        if 'logits' in tensors:
            newest = tensors['logits'][row], tensors['presence'][row]
            tracked.newest = (state['frame_index'] - 1, *newest)
        if 'weights' in tensors:
            learned = {name: tensors[name][row] for name in APPEARANCE_TENSORS}
            tracked.appearances[state['frame_index'] - 1] = Appearance(
                frames=one.learned_frames, sure=one.sure, **learned
            )
        tracker._objects[one.object_id] = tracked
        memory = tracked.memory
        prompted = [memory.write_prompted(frame) for frame in one.prompted]
        recent = [memory.recent.write(frame) for frame in one.recent]
        pointers = [memory.pointers.write(frame) for frame in one.pointers]
        first, first_pointer = _first_places(memory, bank)
        places += [first + place for place in prompted + recent]
        pointer_places += [first_pointer + place for place in prompted + pointers]
        slots.append(memory.slot)
    if stored:
        index = _to_index(places, bank)
        bank.features.flatten(0, 1).index_copy_(0, index, tensors['memories'])
        pointer_index = _to_index(pointer_places, bank)
        bank.pointers.flatten(0, 1).index_copy_(0, pointer_index, tensors['pointers'])
        if bank.cells is not None:
            bank.cells.flatten(0, 1).index_copy_(0, index, tensors['cells'])
            bank.seen_cells.index_copy_(0, _to_index(slots, bank), tensors['seen_cells'])
    tracker._frame_index = state['frame_index']
    tracker._newest_instance = state['newest_instance']
    tracker._view.known = _to_region(state['view'])
    tracker._region = _to_region(state['region'])
    tracker._newest_image = tensors.get('image')


def _first_places(memory: ObjectMemory, bank: MemoryBank) -> tuple[int, int]:
    """Return the flat places at which an object's memories and its pointers begin."""
    return memory.slot * bank.features.shape[1], memory.slot * bank.pointers.shape[1]


def _to_index(places: Sequence[int], bank: MemoryBank) -> torch.Tensor:
    index = torch.tensor(places, dtype=torch.int64)
    return index.to(bank.features.device, non_blocking=True)


def _rows(stored: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    return stored.flatten(0, 1).index_select(0, index)


def _to_list(region: Region | None) -> list[int] | None:
    return None if region is None else [*region.image_size, *region[1:]]


def _to_region(values: Sequence[int] | None) -> Region | None:
    """Return the region that `_to_list` wrote down; ValueError when it is none."""
    if values is None:
        return None
    height, width, x, y, across, down = values
    if not all(_is_index(value, 1 << 20) for value in values):
        raise ValueError(f'it looks at {values}')
    if not (0 < across <= width - x and 0 < down <= height - y):
        raise ValueError(f'it looks at {values}, which is beyond the image')
    return Region((height, width), x, y, across, down)


def _is_index(value: Any, end: int) -> bool:
    return type(value) is int and 0 <= value < end


def _within(cells: torch.Tensor, tokens: int) -> bool:
    return bool(((cells >= 0) & (cells < tokens)).all())
