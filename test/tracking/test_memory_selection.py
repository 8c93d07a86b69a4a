# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which frames an object remembers and reads."""

from dataclasses import replace

import pytest

from surgsam2_ros.tracking.memory_selection import FrameRing, MemoryShape, ObjectMemory

SHAPE = MemoryShape(
    prompted=3,
    recent=6,
    pointers=15,
    num_maskmem=7,
    max_pointers=16,
    prompted_encoding=6,
    by_rank=False,
)


def tracked_object(frames, prompted=(0,), shape=SHAPE):
    memory = ObjectMemory(0, shape)
    for frame in range(frames):
        if frame in prompted:
            memory.write_prompted(frame)
        else:
            memory.recent.write(frame)
            memory.pointers.write(frame)
    return memory


def ages(memory, frame):
    """Frames behind the recent memories that are read, oldest first, by their encoding."""
    tracked = memory.select(frame).memory_frames[len(memory.prompted) :]
    return [one.encoding + 1 for one in tracked]


def test_a_ring_forgets_the_oldest_frame():
    ring = FrameRing(10, 3)
    for frame in range(5):
        ring.write(frame)
    assert list(ring.places) == [2, 3, 4]
    assert sorted(ring.places.values()) == [10, 11, 12]


def test_a_ring_without_places_stores_nothing():
    assert FrameRing(0, 0).write(1) is None


def test_a_frame_written_twice_keeps_its_place():
    ring = FrameRing(0, 3)
    assert ring.write(5) == ring.write(5)
    assert len(ring.places) == 1


def test_rewinding_forgets_the_frame_and_what_follows():
    memory = tracked_object(10)
    memory.rewind(7)
    assert list(memory.recent.places) == [4, 5, 6]
    assert list(memory.pointers.places) == [1, 2, 3, 4, 5, 6]
    assert list(memory.prompted) == [0]


def test_the_prompted_frame_and_the_six_frames_before_are_read():
    selection = tracked_object(20).select(20)
    assert selection.prompted == 1
    assert [one.encoding for one in selection.memory_frames] == [6, 5, 4, 3, 2, 1, 0]


def test_every_memory_read_lies_in_another_place():
    places = [one.memory for one in tracked_object(20).select(20).memory_frames]
    assert len(set(places)) == 7


def test_a_young_object_reads_what_there_is():
    assert ages(tracked_object(3), 3) == [2, 1]
    assert ages(tracked_object(1), 1) == []


def test_a_prompted_frame_between_leaves_a_gap():
    assert ages(tracked_object(20, prompted=(0, 17)), 20) == [6, 5, 4, 2, 1]


def test_sixteen_pointers_are_read_newest_first_after_the_prompted_one():
    pointers = tracked_object(40).select(40).pointers
    assert [one.age for one in pointers] == [40, *range(1, 16)]


def test_prompted_frames_of_the_future_give_memories_but_no_pointers():
    memory = tracked_object(5, prompted=(0,))
    memory.write_prompted(9)
    selection = memory.select(5)
    assert selection.prompted == 2
    assert [one.age for one in selection.pointers] == [5, 1, 2, 3, 4]


def test_a_prompted_frame_is_not_read_by_itself():
    assert tracked_object(6, prompted=(0, 3)).select(3).prompted == 1


@pytest.mark.parametrize('frames', [4, 5, 12])
def test_beyond_the_cap_the_first_and_the_newest_prompted_frames_stay(frames):
    memory = tracked_object(frames, prompted=range(frames))
    assert list(memory.prompted) == [0, frames - 2, frames - 1]


def test_with_gaps_recent_memories_are_numbered_by_rank():
    memory = tracked_object(30, shape=replace(SHAPE, by_rank=True, recent=7))
    for frame in (27, 28, 29):
        memory.recent.drop(frame)
    assert ages(memory, 40) == [4, 3, 2, 1]
    memory.recent.write(40)
    assert ages(memory, 41) == [5, 4, 3, 2, 1]
