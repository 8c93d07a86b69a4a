# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The ranges of the tracker's settings."""

import pytest

from surgsam2_ros.tracking import TrackerConfig


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('num_maskmem', 0),
        ('num_frame_to_prune', -1),
        ('max_prompted_frames', 0),
        ('min_memory_score', 1.5),
        ('max_objects', 0),
        ('max_objects', 255),
        ('presence_threshold', 0.3),
        ('tentative_frames', 0),
        ('min_quality', -0.1),
        ('quality_frames', 0),
        ('max_overlap', 1.5),
        ('lost_after_s', 0.0),
        ('replay_frames', -1),
    ],
)
def test_a_value_out_of_range_is_named(name, value):
    with pytest.raises(ValueError, match=rf'{name} is {value}; it must be'):
        TrackerConfig(**{name: value})


def test_every_frame_is_remembered_by_default():
    assert not TrackerConfig().gates_memory
    assert TrackerConfig(write_memory_when_absent=False).gates_memory
    assert TrackerConfig(min_memory_score=0.2).gates_memory
    assert TrackerConfig(write_memory_when_uncertain=False, min_quality=0.5).gates_memory


def test_without_a_least_quality_nothing_is_uncertain_and_nothing_kept_out():
    assert not TrackerConfig(write_memory_when_uncertain=False).gates_memory
    assert not TrackerConfig(min_quality=0.5).gates_memory
