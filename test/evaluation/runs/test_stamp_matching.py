# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Label images belong to the image nearest in time, within a tolerance."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surgsam2_ros.evaluation.runs.stamp_matching import match_stamps, stamp_of_name


def test_equal_stamps_match_without_tolerance():
    matching = match_stamps([10, 20, 30], [20, 30], 0)
    assert matching.pairs == {1: 0, 2: 1}
    assert (matching.unmatched, matching.worst_ns, matching.nearest_ns) == (0, 0, 0)


def test_the_nearest_image_is_taken_within_the_tolerance():
    matching = match_stamps([100, 200, 300], [104, 251, 260], 50)
    assert matching.pairs == {0: 0, 2: 2}, '260 is nearer to 300 than 251 is'
    assert matching.unmatched == 1
    assert matching.worst_ns == 40


def test_nothing_matches_beyond_the_tolerance_and_the_distance_is_told():
    matching = match_stamps([100, 200], [150], 49)
    assert matching.pairs == {}
    assert matching.nearest_ns == 50


stamps = st.lists(st.integers(0, 60), min_size=1, max_size=8, unique=True)


@settings(deadline=None)
@given(images=stamps, labels=stamps, tolerance=st.integers(0, 20))
def test_every_pair_is_the_nearest_there_is(images, labels, tolerance):
    matching = match_stamps(images, labels, tolerance)
    for image, label in matching.pairs.items():
        distance = abs(images[image] - labels[label])
        assert distance <= tolerance
        assert distance == min(abs(other - labels[label]) for other in images)
    assert len(set(matching.pairs.values())) == len(matching.pairs)
    within = {
        min(range(len(images)), key=lambda i: (abs(images[i] - label), images[i]))
        for label in labels
        if min(abs(image - label) for image in images) <= tolerance
    }
    assert set(matching.pairs) == within
    nearest = min(abs(a - b) for a, b in itertools.product(images, labels))
    assert matching.nearest_ns == nearest


@pytest.mark.parametrize(
    ('name', 'stamp'),
    [
        ('1700000000123456789', 1_700_000_000_123_456_789),
        ('1700000000.123456789', 1_700_000_000_123_456_789),
        ('1700000000_123456789', 1_700_000_000_123_456_789),
        ('00012', None),
        ('frame_12', None),
        ('1700000000.5', None),
    ],
)
def test_file_names_that_are_times(name, stamp):
    assert stamp_of_name(name) == stamp
