# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Random masks and label images for Hypothesis, the same ones in every run of the tests."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

settings.register_profile('tests', derandomize=True, deadline=None, database=None, max_examples=60)
settings.load_profile('tests')


def label_images(height: int, width: int, values: tuple[int, ...] = (0, 0, 1, 2, 3)):
    """Give uint8 [height, width] with the values given; name one several times to see it more."""
    return arrays(np.uint8, (height, width), elements=st.sampled_from(values))


@st.composite
def blobs(draw, count: int, height: int = 40, width: int = 60):
    """Give `count` masks bool [height, width] of up to two boxes and a hole each; some are empty.

    Boxes reach over the border, so that what the measures do there is seen too.
    """
    edges = st.tuples(
        st.integers(-5, height), st.integers(1, 25), st.integers(-5, width), st.integers(1, 30)
    )
    masks = []
    for _ in range(count):
        mask = np.zeros((height, width), bool)
        for filled, (top, tall, left, wide) in zip(
            (True, True, False), draw(st.lists(edges, max_size=3)), strict=False
        ):
            rows = slice(max(top, 0), max(top + tall, 0))
            mask[rows, max(left, 0) : max(left + wide, 0)] = filled
        masks.append(mask)
    return masks
