# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What was found is compared with the truth honestly: each id once, what nobody found is missed."""

from __future__ import annotations

import numpy as np

from surgsam2_ros.live.demo_discovery import name_found, overlaps_of
from surgsam2_ros.nodes.replay.bag_replay import ScheduledPrompts
from surgsam2_ros.sources import FilePrompt

TRUTH = np.zeros((4, 10), np.uint8)
TRUTH[:, :4], TRUTH[:, 6:8], TRUTH[0, 9] = 1, 2, 255


def box(left: int, right: int) -> np.ndarray:
    mask = np.zeros(TRUTH.shape, bool)
    mask[:, left:right] = True
    return mask


def names(*frames) -> dict[int, str]:
    wanted = [
        ScheduledPrompts(1, 'camera', (FilePrompt('instrument_1', 1),)),
        ScheduledPrompts(2, 'camera', (FilePrompt('instrument_2', 2),)),
    ]
    found = name_found(wanted, overlaps_of(frames))
    assert [due.stamp_ns for due in found] == [1, 2], 'it counts from the image that shows it'
    return {prompt.label: prompt.object_id for due in found for prompt in due.prompts}


def test_pixels_are_counted_by_object_and_value_over_all_images():
    objects = [('a', box(2, 7)), ('b', box(8, 10))]
    assert overlaps_of([(TRUTH, objects), (TRUTH, objects)]) == {('a', 1): 16, ('a', 2): 8}


def test_each_has_the_object_that_covers_most_of_it():
    assert names((TRUTH, [('a', box(6, 8)), ('b', box(0, 3))])) == {1: 'b', 2: 'a'}


def test_no_object_stands_for_two_instruments():
    everything = [('a', box(0, 10))]
    assert names((TRUTH, everything)) == {1: 'a', 2: 'instrument_2'}


def test_what_changes_its_id_has_the_id_that_covered_it_for_longer():
    first, later = [('a', box(0, 4))], [('b', box(0, 4))]
    assert names((TRUTH, first), (TRUTH, later), (TRUTH, later))[1] == 'b'


def test_what_nobody_found_keeps_its_name():
    assert names((TRUTH, [])) == {1: 'instrument_1', 2: 'instrument_2'}
