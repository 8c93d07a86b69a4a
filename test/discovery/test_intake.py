# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a detector says is kept where it makes sense for the image, and named where it does not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surgsam2_ros.discovery.intake import MOST_DETECTIONS, sound_proposals
from surgsam2_ros.tracking.proposal import Proposal

SIZE = 120, 160
GOOD = Proposal((10.0, 20.0, 50.0, 60.0), 0.9, class_name='scissors')


def test_what_makes_sense_passes_as_it_is():
    assert sound_proposals([GOOD], SIZE) == ([GOOD], '')


def test_a_box_is_cut_to_the_image():
    (cut,), fault = sound_proposals([Proposal((-5.0, 100.0, 170.0, 130.0), 0.5)], SIZE)
    assert (cut.box, fault) == ((0.0, 100.0, 160.0, 120.0), '')


@pytest.mark.parametrize(
    ('bad', 'fault'),
    [
        (Proposal((math.nan, 0.0, 5.0, 5.0), 0.9), 'box (nan, 0, 5, 5) with score 0.9 is not'),
        (Proposal((0.0, 0.0, math.inf, 5.0), 0.9), 'is not finite'),
        (Proposal((0.0, 0.0, 5.0, 5.0), math.nan), 'score nan is not finite'),
        (Proposal((0.0, 0.0, 5.0, 5.0), 3.5), 'score 3.5 is not in 0 to 1'),
        (Proposal((0.0, 0.0, 5.0, 5.0), -0.5), 'score -0.5 is not in 0 to 1'),
        (Proposal((9.0, 0.0, 5.0, 5.0), 0.9), 'box (9, 0, 5, 5) has no area'),
        (Proposal((200.0, 0.0, 250.0, 5.0), 0.9), 'holds nothing of the 160x120 image'),
        (Proposal((0.0, 0.0, 5.0, 5.0), 0.9, class_name='a\nb'), "class 'a\\nb' is not printable"),
        (Proposal((0.0, 0.0, 5.0, 5.0), 0.9, class_name='x' * 300), 'too long'),
    ],
)
def test_what_makes_no_sense_is_left_out_and_named(bad, fault):
    sound, text = sound_proposals([bad, GOOD], SIZE)
    assert sound == [GOOD]
    assert text.startswith('1 of 2 detections were left out: ') and fault in text


def test_of_a_flood_the_surest_are_kept():
    flood = [Proposal((10.0, 10.0, 30.0, 30.0), number / 999) for number in range(1000)]
    sound, text = sound_proposals(flood, SIZE)
    assert len(sound) == MOST_DETECTIONS
    assert min(one.score for one in sound) == pytest.approx((1000 - MOST_DETECTIONS) / 999)
    assert text.startswith(f'{1000 - MOST_DETECTIONS} of 1000 detections were left out')


NUMBERS = st.floats(width=32)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS), max_size=20))
def test_whatever_comes_only_boxes_within_the_image_pass(values):
    sound, _ = sound_proposals([Proposal(tuple(v[:4]), v[4]) for v in values], SIZE)
    for one in sound:
        left, top, right, bottom = one.box
        assert 0 <= left < right <= 160 and 0 <= top < bottom <= 120 and 0 <= one.score <= 1
