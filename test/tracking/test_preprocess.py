# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Images on their way into the network."""

import numpy as np
import pytest
import torch

from surgsam2_ros.tracking.preprocess import (
    check_image,
    normalise_image,
    resize_image,
    resize_mask_prompt,
)


def picture(height=96, width=120):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((8, 8, 1), np.uint8))


@pytest.mark.parametrize('size', [64, 160])
def test_resizing_equals_pillow_to_one_level(size):
    image_module = pytest.importorskip('PIL.Image')
    rgb = picture()
    expected = np.asarray(image_module.fromarray(rgb).resize((size, size))).astype(int)
    ours = resize_image(rgb, size)[0].permute(1, 2, 0).numpy()
    assert np.abs(ours - expected).max() <= 1
    assert np.abs(ours - expected).mean() < 0.01


def test_an_image_of_the_right_size_is_copied_untouched():
    rgb = picture(64, 64)
    ours = resize_image(rgb, 64)
    assert (ours[0].permute(1, 2, 0).numpy() == rgb).all()
    rgb[:] = 0
    assert ours.any()


def test_views_and_read_only_arrays_are_taken():
    rgb = picture()[:, ::-1]
    rgb.setflags(write=False)
    assert resize_image(rgb, 32).shape == (1, 3, 32, 32)


def test_normalisation_is_that_of_imagenet():
    white = torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)
    ours = normalise_image(white, torch.device('cpu'))
    expected = [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    assert ours[0, :, 0, 0].tolist() == pytest.approx(expected)


def test_a_mask_prompt_is_cut_at_half_coverage():
    mask = torch.zeros(8, 8, dtype=torch.bool)
    mask[:, :3] = True
    assert resize_mask_prompt(mask, 4)[0, 0, 0].tolist() == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ('image', 'words'),
    [
        (np.zeros((4, 4, 3), np.float32), 'float32'),
        (np.zeros((4, 4), np.uint8), r'\(4, 4\)'),
        (np.zeros((0, 4, 3), np.uint8), r'\(0, 4, 3\)'),
        (np.zeros((4, 4, 4), np.uint8), r'\(4, 4, 4\)'),
        ([[0]], 'list'),
    ],
)
def test_what_is_not_an_rgb_image_is_refused_by_name(image, words):
    with pytest.raises(ValueError, match=words):
        check_image(image)
