# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the detector is to say about labelled pictures, and that losses agree with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from surgsam2_ros.network.instrument_decoding import DecodingRule, decode_instruments
from surgsam2_ros.network.instrument_detector import DetectorMaps
from surgsam2_ros.training.detector.losses import detector_losses
from surgsam2_ros.training.detector.targets import Channel, detector_targets

SIZE = 160


def masks_of(*boxes):
    masks = np.zeros((len(boxes), SIZE, SIZE), bool)
    for mask, (left, top, right, bottom) in zip(masks, boxes, strict=True):
        mask[top:bottom, left:right] = True
    return masks


def targets_of(*boxes):
    masks = masks_of(*boxes)
    return detector_targets(
        masks, masks.any(axis=0) if len(boxes) else np.zeros((SIZE, SIZE), bool)
    )


def perfect_maps(targets):
    """Say what a perfect head would."""
    targets = torch.from_numpy(targets)[None]
    mask = 12 * (2 * targets[:, [Channel.COVERAGE]] - 1)
    centre = torch.logit(targets[:, [Channel.HEAT]].clamp(1e-4, 1 - 1e-4))
    extents = targets[:, Channel.LEFT : Channel.OWNED]
    return DetectorMaps(mask, centre, extents, torch.ones(1, 4, 10, 10))


def test_coverage_is_the_share_of_a_cell():
    coverage = targets_of((0, 0, 12, 8))[Channel.COVERAGE]
    assert coverage[0, :3].tolist() == [1.0, 0.5, 0.0]
    assert coverage.sum() == pytest.approx(1.5)


def test_a_picture_without_instruments_asks_for_none():
    targets = targets_of()
    assert targets[Channel.VALID].all()
    assert not np.delete(targets, Channel.VALID, axis=0).any()


def test_each_instrument_has_one_centre_that_lies_on_it():
    bent = np.zeros((1, SIZE, SIZE), bool)
    bent[0, 16:144, 16:32] = bent[0, 128:144, 16:144] = True  # an L, whose middle is beside it
    heat = detector_targets(bent, bent[0])[Channel.HEAT]
    ((y, x),) = np.argwhere(heat == 1)
    assert bent[0, 8 * y + 4, 8 * x + 4]


def test_targets_decode_to_the_boxes_they_were_made_of():
    boxes = [(8, 16, 72, 40), (72, 16, 120, 100), (100, 120, 150, 150)]
    found = decode_instruments(perfect_maps(targets_of(*boxes)), DecodingRule(0.3))
    decoded = sorted((SIZE * found.boxes).tolist())
    assert len(decoded) == 3
    for box, true in zip(decoded, sorted(boxes), strict=True):
        assert box == pytest.approx(true, abs=0.1)


def test_an_instrument_smaller_than_a_cell_still_has_a_centre():
    heat = targets_of((41, 41, 44, 43))[Channel.HEAT]
    assert np.argwhere(heat == 1).tolist() == [[5, 5]]


def test_what_is_too_small_to_be_asked_for_is_not_counted():
    masks = masks_of((8, 8, 80, 24))
    foreground = masks[0].copy()
    foreground[100:110, 100:110] = True
    targets = torch.from_numpy(detector_targets(masks, foreground))[None]
    maps = perfect_maps(targets[0].numpy())
    maps.mask_logits[:, :, 12:14, 12:14] = -12.0
    maps.centre_logits[:, :, 12:14, 12:14] = 9.0
    losses = detector_losses(maps, targets)
    assert losses['mask'] < 0.01
    assert losses['centre'] < 0.1


def test_losses_are_near_zero_for_a_perfect_head_and_grow_with_each_error():
    targets = targets_of((8, 16, 72, 40), (96, 48, 136, 128))
    batch = torch.from_numpy(targets)[None]
    right = detector_losses(perfect_maps(targets), batch)
    assert right['mask'] < 1e-3
    assert right['dice'] < 1e-3
    assert right['extent'] < 1e-4
    shifted = perfect_maps(targets)
    wrong = DetectorMaps(
        -shifted.mask_logits, -shifted.centre_logits, 2 * shifted.extents, shifted.features
    )
    for name, loss in detector_losses(wrong, batch).items():
        assert loss > right[name] + 0.1, name


def test_losses_of_pictures_without_instruments_have_gradients_for_false_ones_alone():
    targets = torch.from_numpy(targets_of())[None]
    logits = torch.zeros(1, 1, 20, 20, requires_grad=True)
    maps = DetectorMaps(logits, logits, torch.ones(1, 4, 20, 20), torch.ones(1, 4, 10, 10))
    losses = detector_losses(maps, targets)
    assert losses['dice'] == losses['extent'] == 0
    (losses['mask'] + losses['centre']).backward()
    assert (logits.grad > 0).all()
