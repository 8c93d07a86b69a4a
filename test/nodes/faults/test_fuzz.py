# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Random messages are those of their seed, and conversions read them or refuse them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy')
from hypothesis import given, settings
from hypothesis import strategies as st

from surgsam2_ros.nodes.faults import fuzz
from surgsam2_ros.nodes.faults.images import encode
from surgsam2_ros.nodes.messages.images import decode_compressed_message, decode_image_message
from surgsam2_ros.nodes.messages.prompts import prompts_from_message
from surgsam2_ros.sources.image_encodings import EncodingError
from surgsam2_ros.tracking import PromptError

ENCODED = [encode(np.full((40, 60, 3), 90, np.uint8), kind) for kind in ('.jpg', '.png')]
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
MAKERS = {
    'images': fuzz.random_image,
    'compressed': lambda rng: fuzz.random_compressed(rng, ENCODED),
    'prompts': fuzz.random_prompts,
}


@pytest.mark.parametrize('make', MAKERS.values(), ids=MAKERS)
def test_a_seed_gives_the_same_messages(make):
    def sequence(seed):
        rng = np.random.default_rng(seed)
        return [str(make(rng)) for _ in range(30)]

    assert sequence(4) == sequence(4)
    assert sequence(4) != sequence(5)


@pytest.mark.parametrize(
    ('make', 'decode'),
    [
        (MAKERS['images'], decode_image_message),
        (MAKERS['compressed'], decode_compressed_message),
    ],
    ids=['raw', 'compressed'],
)
@settings(max_examples=300, deadline=None)
@given(rng=seeds)
def test_an_image_is_read_or_refused(make, decode, rng):
    try:
        rgb = decode(make(rng))
    except EncodingError as refusal:
        assert str(refusal)
    else:
        assert rgb.dtype == np.uint8 and rgb.ndim == 3


@settings(max_examples=300, deadline=None)
@given(seeds)
def test_prompts_are_read_or_refused(rng):
    try:
        prompts_from_message(fuzz.random_prompts(rng))
    except PromptError as refusal:
        assert str(refusal)


def test_some_random_images_are_sound():
    rng = np.random.default_rng(0)
    sound = 0
    for _ in range(300):
        try:
            decode_image_message(fuzz.random_image(rng))
            sound += 1
        except EncodingError:
            pass
    assert 10 < sound < 200


def test_an_object_without_a_name_may_not_exist():
    assert not fuzz.may_exist('')
    assert not fuzz.may_exist('instrument_1')
    assert fuzz.may_exist(f'{fuzz.FUZZ_PREFIX}_1')
