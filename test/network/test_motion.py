# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Optical flow points back in time, and masks follow it."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from surgsam2_ros.network.motion import backward_flow, grey_image, move_masks

SIDE = 128


def texture(seed: int = 0) -> np.ndarray:
    """Return a grey picture with structure of several sizes, uint8 [SIDE, SIDE]."""
    rng = np.random.default_rng(seed)
    noise = sum(
        cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)), (0, 0), sigma) * sigma for sigma in (2, 5)
    )
    return np.clip(128 + 60 * noise, 0, 255).astype(np.uint8)


def test_the_flow_points_from_the_newer_image_to_the_older_one():
    older = texture()
    newer = np.roll(older, (4, 8), axis=(0, 1))  # 4 px down, 8 px to the right
    flow = backward_flow(newer, older)
    assert flow.shape == (1, 2, SIDE // 4, SIDE // 4)
    middle = flow[0, :, 8:-8, 8:-8].flatten(1).median(dim=1).values
    torch.testing.assert_close(middle, torch.tensor([-2.0, -1.0]), atol=0.15, rtol=0)


def test_masks_move_with_the_picture():
    older = texture()
    newer = np.roll(older, (4, 8), axis=(0, 1))
    mask = torch.full((1, 1, SIDE // 4, SIDE // 4), -10.0)
    mask[..., 10:16, 10:18] = 10.0
    expected = torch.roll(mask, (1, 2), dims=(2, 3)) > 0
    moved = move_masks(mask, backward_flow(newer, older)) > 0
    overlap = (moved & expected).sum() / (moved | expected).sum()
    assert overlap > 0.9
    assert overlap > 1.3 * ((mask > 0) & expected).sum() / ((mask > 0) | expected).sum()


def test_no_flow_moves_nothing_and_objects_may_share_a_flow():
    logits = torch.randn(3, 1, 16, 16)
    torch.testing.assert_close(move_masks(logits, torch.zeros(1, 2, 16, 16)), logits)


def test_what_comes_from_beyond_the_border_looks_like_the_border():
    logits = torch.arange(16.0).expand(1, 1, 16, 16)
    flow = torch.zeros(1, 2, 16, 16)
    flow[:, 0] = -100.0
    assert (move_masks(logits, flow) == 0.0).all()


def test_grey_weighs_the_colours_as_televisions_do():
    rgb = torch.zeros((3, 1, 3), dtype=torch.uint8)
    rgb[range(3), 0, range(3)] = 200
    assert grey_image(rgb).tolist() == [[60, 117, 23]]  # ITU-R BT.601: 0.299, 0.587, 0.114
