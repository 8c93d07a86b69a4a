# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is found without prompts: pairs, waits and false instruments, worked out by hand."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgsam2_ros.evaluation.metrics.discovery import (
    DiscoveryTally,
    MissingScipyError,
    best_pairs,
    discovery_scores,
)

SIZE = (10, 100)  # RETURNED, a thousandth of it, is 1 pixel


def strip(start: int, stop: int) -> np.ndarray:
    """Return a mask of whole columns."""
    mask = np.zeros(SIZE, bool)
    mask[:, start:stop] = True
    return mask


def labels(**columns: tuple[int, int]) -> np.ndarray:
    """Return a label image: o3=(10, 20) is object 3 in these columns."""
    image = np.zeros(SIZE, np.uint8)
    for name, (start, stop) in columns.items():
        image[:, start:stop] = int(name[1:])
    return image


def tally_of(*frames) -> DiscoveryTally:
    tally = DiscoveryTally(SIZE)
    for frame, (truth, masks) in enumerate(frames):
        tally.add(frame, truth, masks)
    return tally


# Pairs


def test_the_best_pairs_are_not_the_greedy_ones():
    """Greedy takes 0.9 and leaves 0.1; the other pairing has 0.8 + 0.7."""
    overlap = {(1, 5): 0.9, (1, 6): 0.8, (2, 5): 0.7, (2, 6): 0.1}
    assert best_pairs(overlap) == {1: 6, 2: 5}


def test_what_overlaps_nothing_is_not_paired():
    assert best_pairs({}) == {}
    assert best_pairs({(1, 5): 2.0, (2, 5): 1.0}) == {1: 5}


@given(
    st.dictionaries(
        st.tuples(st.integers(1, 4), st.integers(0, 3)), st.floats(0.01, 50.0), max_size=12
    )
)
def test_no_other_pairing_has_a_larger_sum(overlap):
    pairs = best_pairs(overlap)
    assert len(set(pairs.values())) == len(pairs)
    chosen = sum(overlap[pair] for pair in pairs.items())
    for tracks in itertools.permutations([0, 1, 2, 3]):
        other = sum(overlap.get(pair, 0.0) for pair in zip((1, 2, 3, 4), tracks, strict=True))
        assert chosen >= other - 1e-9


def test_a_missing_scipy_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, 'scipy.optimize', None)
    with pytest.raises(MissingScipyError, match=r'pip install --no-deps .*scipy=='):
        best_pairs({(1, 1): 1.0})


# Frame by frame


def test_overlaps_are_summed_over_frames():
    """Columns 10-20 against 10-20 and 15-25: IoU 1 and 5/15."""
    truth = labels(o3=(10, 20))
    tally = tally_of((truth, {0: strip(10, 20)}), (truth, {0: strip(15, 25)}))
    assert tally.overlap == {(3, 0): pytest.approx(1 + 1 / 3)}


def test_an_instrument_is_found_when_any_track_lies_on_half_of_it():
    """It comes in frame 1; a track touches it in frame 2 (IoU 0.4), another has it in frame 4."""
    truth = labels(o3=(10, 20))
    frames = [
        (labels(), {}),
        (truth, {}),
        (truth, {0: strip(16, 20)}),
        (truth, None),
        (truth, {0: strip(18, 20), 1: strip(10, 15)}),
        (truth, {0: strip(10, 20)}),
    ]
    tally = tally_of(*frames)
    assert tally.frames_until_found() == {3: 3}
    assert tally.first_seen == {3: 1}


def test_what_is_never_found_waits_for_ever_and_what_was_found_before_does_not_wait():
    small = np.zeros((100, 100), np.uint8)  # RETURNED is 10 pixels
    small[0, :5] = 7
    large = small.copy()
    large[:4, :5] = 7
    large[50, 50:70] = 9
    tally = DiscoveryTally((100, 100))
    tally.add(0, small, {0: small == 7})
    tally.add(1, large, {})
    assert tally.frames_until_found() == {7: 0, 9: None}


def test_an_object_that_never_covers_a_thousandth_is_none_to_be_found():
    truth = np.zeros((100, 100), np.uint8)
    truth[0, :9] = 7
    tally = DiscoveryTally((100, 100))
    tally.add(0, truth, {})
    assert tally.frames_until_found() == {} and tally.first_seen == {7: 0}


def test_a_track_is_false_when_most_of_it_lies_on_nothing_in_most_frames():
    truth = labels(o3=(0, 10), o4=(20, 30))
    on, half, off = strip(0, 10), strip(5, 15), strip(12, 20)
    across = strip(6, 26)  # 4 of 20 columns on one instrument, 6 on the other
    frames = [
        (truth, {0: on, 1: off, 2: on, 3: half, 4: across}),
        (truth, {0: on, 1: on, 2: off, 3: half, 4: across}),
        (truth, {0: off, 1: off, 2: off & on, 3: off & on}),
    ]
    tally = tally_of(*frames)
    assert tally.tracks == [0, 1, 2, 3, 4]
    assert tally.false_tracks == {1}, '0 in one of three frames, 2 in one of two'


def test_pixels_of_no_object_speak_neither_for_nor_against_a_track():
    truth = labels(o255=(0, 10), o3=(10, 20))
    tally = tally_of((truth, {0: strip(0, 8), 1: strip(0, 12), 2: strip(0, 25)}))
    assert tally.tracks == [1, 2]
    assert tally.false_tracks == set(), 'track 2 has 10 of its 15 other columns on the object'
    assert tally.binary == {0: pytest.approx(10 / 15)}


def test_instrument_against_background_is_one_mask_against_another():
    """The tracks cover columns 5-25, the objects 0-10 and 20-30: 10 are common, 30 in either."""
    truth = labels(o3=(0, 10), o4=(20, 30))
    tally = tally_of((truth, {0: strip(5, 10), 1: strip(8, 25)}), (labels(), {}), (truth, None))
    assert tally.binary == {0: pytest.approx(10 / 30), 1: 1.0}


def test_a_mask_of_another_size_is_named():
    with pytest.raises(ValueError, match='both must have the size'):
        tally_of((labels(), {0: np.zeros((3, 3), bool)}))


def test_scores_of_several_videos_are_means_over_instruments_and_frames():
    assert discovery_scores([3, None, 7], 4, 1, 2, [1.0, 0.5, 0.0]) == {
        'instruments': 3,
        'found': 2,
        'frames_until_found': 5.0,
        'most_frames_until_found': 7,
        'tracks': 4,
        'extra': 1,
        'false': 2,
        'binary_IoU': 0.5,
    }
    nothing = discovery_scores([], 0, 0, 0, [])
    assert (nothing['frames_until_found'], nothing['binary_IoU']) == (None, None)
