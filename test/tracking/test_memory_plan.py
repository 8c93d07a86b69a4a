# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a batch of objects reads, as one table of integers."""

import dataclasses

import torch

from surgsam2_ros.network.memory_assembly import MemoryFrame, MemorySelection, PointerFrame
from surgsam2_ros.tracking.memory_plan import FixedSize, PlannedObject, plan_memories

OLD = PlannedObject(
    slot=2,
    selection=MemorySelection(
        [MemoryFrame(0, 6), MemoryFrame(4, 1), MemoryFrame(5, 0)],
        1,
        [PointerFrame(0, 9), PointerFrame(8, 1)],
    ),
    candidates=[False, True, False],
    pruned=1,
)
YOUNG = PlannedObject(
    slot=0,
    selection=MemorySelection([MemoryFrame(1, 6)], 1, [PointerFrame(1, 3)]),
    candidates=[False],
    pruned=0,
)


def plan(*planned, least=None):
    return plan_memories(planned, 10, 20, torch.device('cpu'), least)


def test_each_tensor_has_what_its_name_says():
    planned = plan(OLD)
    assert planned.places.tolist() == [[20, 24, 25]]
    assert planned.pointer_places.tolist() == [[40, 48]]
    assert planned.encoding.tolist() == [[6, 1, 0]]
    assert planned.candidate.tolist() == [[0, 1, 0]]
    assert planned.age.tolist() == [[9, 1]]
    assert planned.counts.tolist() == [[2, 1, 2, 2]], 'newest, pruned, kept, pointers'
    assert (planned.survivors, planned.masked) == (2, False)


def test_what_is_shorter_is_padded_with_places_of_its_own_slot_and_masked():
    planned = plan(OLD, YOUNG)
    assert planned.places.tolist() == [[20, 24, 25], [1, 0, 0]]
    assert planned.pointer_places.tolist() == [[40, 48], [1, 0]]
    assert planned.counts.tolist() == [[2, 1, 2, 2], [0, 0, 1, 1]]
    assert planned.masked


def test_with_a_fixed_size_rows_that_read_what_the_first_does_fill_the_batch():
    planned = plan(YOUNG, least=FixedSize(objects=2, memories=4, pointers=3, survivors=2))
    assert planned.places.shape == (2, 4)
    assert planned.pointer_places.shape == (2, 3)
    assert planned.counts.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1]]
    assert planned.places.tolist() == [[1, 0, 0, 0]] * 2
    assert (planned.survivors, planned.masked) == (2, True)


def test_a_batch_that_is_full_needs_no_mask_whatever_its_fixed_size():
    full = FixedSize(objects=4, memories=3, pointers=2, survivors=2)
    assert not plan(OLD, least=full).masked
    assert plan(OLD, YOUNG, least=full).masked


def test_what_is_written_later_is_uploaded_along():
    planned = plan(dataclasses.replace(OLD, destinations=(26, 49)))
    assert planned.destinations.tolist() == [[26, 49, 2]]
