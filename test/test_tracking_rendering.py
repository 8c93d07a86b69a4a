# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Masks and the label image at image size."""

import numpy as np
import pytest
import torch

from surgsam2_ros.tracking.frame_step import Estimate
from surgsam2_ros.tracking.rendering import presence_to_logit, render_masks


def estimate_of(*logits, presence=None):
    stack = torch.stack([torch.as_tensor(one, dtype=torch.float32) for one in logits])[:, None]
    number = len(stack)
    presence = torch.full((number,), 5.0) if presence is None else torch.tensor(presence)
    return Estimate(stack, torch.full((number,), 0.7), presence, torch.zeros(number, 4))


def render(estimate, size=(4, 4), instances=None, **thresholds):
    instances = range(1, len(estimate.iou) + 1) if instances is None else instances
    thresholds = {'mask_threshold': 0.0, 'presence_threshold': 0.5, **thresholds}
    return render_masks(estimate, instances, size, **thresholds)


def columns(*values):
    return np.tile(np.array(values, np.float32), (4, 1))


def test_the_highest_logit_wins_where_masks_overlap():
    rendering = render(estimate_of(columns(3, 3, -1, -1), columns(-2, 5, 5, -1)), instances=[7, 9])
    assert rendering.label_image[0].tolist() == [7, 9, 9, 0]
    assert rendering.masks[0][0].tolist() == [True, True, False, False]
    assert rendering.masks[1][0].tolist() == [False, True, True, False]


def test_three_objects_and_ties():
    rendering = render(
        estimate_of(columns(1, 2, 1, -1), columns(2, 2, 1, -1), columns(3, 1, 2, -1))
    )
    assert rendering.label_image[0].tolist() == [3, 1, 3, 0]


def test_a_higher_threshold_shrinks_masks_and_labels():
    rendering = render(estimate_of(columns(1, 3, 3, 1), columns(2, 2, 0, 0)), mask_threshold=2.5)
    assert rendering.label_image[0].tolist() == [0, 1, 1, 0]
    assert not rendering.masks[1].any()


def test_an_object_without_presence_has_no_mask():
    rendering = render(
        estimate_of(columns(3, 3, 3, 3), columns(1, 1, 1, 1), presence=[0.4, 2.0]),
        presence_threshold=0.7,
    )
    assert not rendering.masks[0].any()
    assert (rendering.label_image == 2).all()
    assert rendering.visible.tolist() == [False, True]


def test_scores_are_copied_along():
    rendering = render(estimate_of(columns(1, 1, 1, 1), presence=[0.0]))
    assert rendering.score[0] == pytest.approx(0.7)
    assert rendering.presence[0] == pytest.approx(0.5)


def test_logits_grow_bilinearly_to_the_image():
    logits = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    estimate = estimate_of(logits[0, 0])
    expected = torch.nn.functional.interpolate(logits, (37, 53), mode='bilinear') > 0
    rendering = render(estimate, size=(37, 53))
    assert (rendering.masks[0] == expected[0, 0].numpy()).all()
    assert rendering.label_image.dtype == np.uint8


def test_presence_one_half_is_logit_zero():
    assert presence_to_logit(0.5) == 0.0
    assert presence_to_logit(1.0) == float('inf')
