# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The trackers without learning that the network is compared with."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from surgsam2_ros.evaluation.baselines import (
    BASELINES,
    available_baselines,
    copy_first_mask,
    track_box_and_cut,
    warp_and_cut,
    warp_by_flow,
)
from surgsam2_ros.evaluation.metrics import jaccard

STEP = 4  # px per frame


@pytest.fixture(scope='module')
def moving_square():
    """Give five frames of a textured bright square on a textured dark ground, and its masks."""
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.normal(0.0, 1.0, (120, 160)), (0, 0), 2)
    noise = (60 * noise / np.abs(noise).max()).astype(np.float32)
    patch = 45 * np.sign(np.sin(np.arange(40) / 3)[:, None] * np.sin(np.arange(40) / 4))
    frames, masks = [], []
    for index in range(5):
        grey = 70 + noise
        mask = np.zeros((120, 160), bool)
        mask[40:80, 30 + STEP * index : 70 + STEP * index] = True
        grey[mask] = (180 + patch).ravel()
        frame = np.clip(np.stack([grey, 0.9 * grey, 0.8 * grey], axis=-1), 0, 255)
        frames.append(cv2.GaussianBlur(frame.astype(np.uint8), (0, 0), 0.7))
        masks.append(mask)
    return frames, masks


def last_overlap(baseline, clip) -> float:
    frames, masks = clip
    tracked = list(baseline(frames, masks[0]))
    assert len(tracked) == len(frames)
    np.testing.assert_array_equal(tracked[0], masks[0])
    return jaccard(tracked[-1], masks[-1])


def test_the_copied_mask_stays_where_it_was(moving_square):
    moved = STEP * 4
    expected = (40 - moved) / (40 + moved)
    assert last_overlap(copy_first_mask, moving_square) == pytest.approx(expected)


@pytest.mark.parametrize('baseline', [warp_by_flow, warp_and_cut])
def test_optical_flow_moves_the_mask_along(baseline, moving_square):
    assert last_overlap(baseline, moving_square) > 0.85


@pytest.mark.skipif(
    not hasattr(cv2, 'TrackerCSRT_create'), reason='this OpenCV has no contrib modules'
)
def test_csrt_follows_the_box(moving_square):
    assert last_overlap(track_box_and_cut, moving_square) > 0.75


def test_a_lost_mask_stays_empty(moving_square):
    frames, masks = moving_square
    nothing = np.zeros_like(masks[0])
    for baseline in (copy_first_mask, warp_by_flow, warp_and_cut):
        assert not any(mask.any() for mask in baseline(frames, nothing))


def test_csrt_is_offered_only_where_opencv_has_it():
    has_csrt = hasattr(cv2, 'TrackerCSRT_create')
    offered = [name for name in BASELINES if has_csrt or 'CSRT' not in name]
    assert list(available_baselines()) == offered
