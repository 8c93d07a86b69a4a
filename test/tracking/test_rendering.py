# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Masks and the label image at image size."""

import cv2
import numpy as np
import pytest
import torch

from surgsam2_ros.network import Decoded
from surgsam2_ros.tracking.config import presence_to_logit
from surgsam2_ros.tracking.rendering import DeviceRendering, render_masks
from surgsam2_ros.tracking.view import Region


def decoded_of(*logits, presence=None):
    stack = torch.stack([torch.as_tensor(one, dtype=torch.float32) for one in logits])[:, None]
    number = len(stack)
    presence = (
        torch.full((number,), 5.0)
        if presence is None
        else torch.tensor(presence, dtype=torch.float32)
    )
    return Decoded(stack, torch.full((number,), 0.7), presence, torch.zeros(number, 4))


def render(decoded, size=(4, 4), instances=None, **thresholds):
    instances = range(1, len(decoded.iou) + 1) if instances is None else instances
    thresholds = {'mask_threshold': 0.0, 'presence_threshold': 0.5, **thresholds}
    return render_masks(decoded, instances, Region.whole(size), **thresholds)


def columns(*values):
    return np.tile(np.array(values, np.float32), (4, 1))


def test_the_highest_logit_wins_where_masks_overlap():
    rendering = render(decoded_of(columns(3, 3, -1, -1), columns(-2, 5, 5, -1)), instances=[7, 9])
    assert rendering.label_image[0].tolist() == [7, 9, 9, 0]
    assert rendering.masks[0].expand()[0].tolist() == [True, True, False, False]
    assert rendering.masks[1].expand()[0].tolist() == [False, True, True, False]


def test_three_objects_and_ties():
    rendering = render(decoded_of(columns(1, 2, 1, -1), columns(2, 2, 1, -1), columns(3, 1, 2, -1)))
    assert rendering.label_image[0].tolist() == [3, 1, 3, 0]


def test_a_higher_threshold_shrinks_masks_and_labels():
    rendering = render(decoded_of(columns(1, 3, 3, 1), columns(2, 2, 0, 0)), mask_threshold=2.5)
    assert rendering.label_image[0].tolist() == [0, 1, 1, 0]
    assert rendering.masks[1].box is None


def test_an_object_without_presence_has_no_mask():
    rendering = render(
        decoded_of(columns(3, 3, 3, 3), columns(1, 1, 1, 1), presence=[0.4, 2.0]),
        presence_threshold=0.7,
    )
    assert rendering.masks[0].box is None
    assert (rendering.label_image == 2).all()
    assert rendering.visible.tolist() == [False, True]


def test_scores_are_copied_along():
    rendering = render(decoded_of(columns(1, 1, 1, 1), presence=[0.0]))
    assert rendering.score[0] == pytest.approx(0.7)
    assert rendering.presence[0] == pytest.approx(0.5)


def test_logits_grow_bilinearly_to_the_image():
    logits = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    decoded = decoded_of(logits[0, 0])
    expected = torch.nn.functional.interpolate(logits, (37, 53), mode='bilinear') > 0
    rendering = render(decoded, size=(37, 53))
    assert (rendering.masks[0].expand() == expected[0, 0].numpy()).all()
    assert rendering.label_image.dtype == np.uint8


def test_presence_one_half_is_logit_zero():
    assert presence_to_logit(0.5) == 0.0
    assert presence_to_logit(1.0) == float('inf')


SIZES = [(256, 320), (135, 240), (37, 53), (64, 64), (101, 64), (20, 31), (7, 200), (1, 1)]
"""Images (H, W) for 64 x 64 logits: whole and odd factors, larger, smaller, and both at once."""
ROUNDING = 1e-5


def noise(seed):
    return np.random.default_rng(seed).normal(0, 5, (64, 64))


def smooth_blob(seed):
    """Return logits like those of a network: a slanted bar with soft edges on a bumpy ground."""
    rng = np.random.default_rng(seed)
    shape = np.zeros((64, 64))
    (x0, y0, x1, y1) = rng.integers(0, 64, 4).tolist()
    cv2.line(shape, (x0, y0), (x1, y1), 1.0, int(rng.integers(3, 12)))
    bumps = cv2.GaussianBlur(rng.normal(0, 6, (64, 64)), (0, 0), 3)
    return 24 * cv2.GaussianBlur(shape, (0, 0), 1.5) - 10 + bumps


def at_corner(row, column):
    logits = np.full((64, 64), -8.0)
    logits[row, column] = 9.0
    return logits


def whole_image(decoded, size, threshold):
    """Upsample everything, as the official predictor does: logits [N, H, W], absent ones -1024."""
    logits = torch.where(
        decoded.presence_logits[:, None, None, None] > 0, decoded.mask_logits, -1024.0
    )
    return torch.nn.functional.interpolate(logits, size, mode='bilinear')[:, 0].numpy()


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('threshold', [0.0, 2.5, -3.0])
@pytest.mark.parametrize(
    'logits',
    [
        [noise(0), noise(1), noise(2)],
        [smooth_blob(seed) for seed in range(6)],
        [at_corner(0, 0), at_corner(63, 63), at_corner(0, 63), at_corner(63, 20)],
        [np.full((64, 64), -9.0), smooth_blob(7), np.full((64, 64), 4.0)],
    ],
    ids=['noise', 'blobs', 'edges', 'empty-and-full'],
)
def test_boxes_hold_what_the_whole_image_would(logits, threshold, size):
    presence = [5.0] * len(logits)
    presence[1] = 5.0 if len(logits) < 6 else -1.0
    decoded = decoded_of(*logits, presence=presence)
    rendering = render(decoded, size, mask_threshold=threshold)
    expected = whole_image(decoded, size, threshold)
    for crop, values in zip(rendering.masks, expected, strict=True):
        wrong = crop.expand() != (values > threshold)
        assert (np.abs(values[wrong] - threshold) < ROUNDING).all()
    levels = np.concatenate([np.full_like(expected[:1], threshold), expected])
    best, second = np.sort(levels, axis=0)[[-1, -2]]
    wrong = rendering.label_image != levels.argmax(axis=0)
    assert (best[wrong] - second[wrong] < ROUNDING).all()
    assert wrong.mean() < 1e-3


def test_where_equal_logits_overlap_the_first_object_keeps_the_label():
    same = smooth_blob(3)
    rendering = render(decoded_of(same, same, same), (300, 421), instances=[5, 6, 7])
    assert set(np.unique(rendering.label_image)) == {0, 5}


def test_a_mask_is_not_cut_by_another_that_wins_the_label():
    low, high = np.full((64, 64), 1.0), np.full((64, 64), 3.0)
    rendering = render(decoded_of(low, high), (90, 70))
    assert [crop.area for crop in rendering.masks] == [90 * 70, 90 * 70]
    assert (rendering.label_image == 2).all()


def devices():
    gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
    return ['cpu', pytest.param('cuda', marks=gpu)]


@pytest.mark.parametrize('device', devices())
def test_whole_images_as_a_gpu_draws_them_hold_what_the_boxes_do(device):
    decoded = decoded_of(*(smooth_blob(seed) for seed in range(4)), presence=[1, -1, 1, 1])
    boxes = render(decoded, (135, 240), instances=[3, 1, 9, 4])
    there = Decoded(*(tensor.to(device) for tensor in decoded[:4]))
    whole = Region.whole((135, 240))
    images = DeviceRendering(there, there.presence_logits > 0, [3, 1, 9, 4], whole, 0.0).finish()
    for box, image in zip(boxes.masks, images.masks, strict=True):
        assert np.count_nonzero(box.expand() != image.expand()) < 3
    assert np.count_nonzero(boxes.label_image != images.label_image) < 3
    for name in ('score', 'presence', 'visible'):
        np.testing.assert_allclose(getattr(boxes, name), getattr(images, name), rtol=1e-6)
