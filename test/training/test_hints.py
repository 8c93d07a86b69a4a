# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Hints of tracked frames while training: predicted, true, damaged, stale and missing ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from surgsam2_ros.training.hints import HintRecipe, clip_flows, draw_hints

SIDE = 16


@pytest.fixture
def before():
    logits = torch.full((2, 1, SIDE, SIDE), -3.0)
    logits[:, :, 4:10, 4:10] = 3.0
    return logits


@pytest.fixture
def truth():
    masks = torch.zeros(2, 4 * SIDE, 4 * SIDE, dtype=torch.bool)
    masks[0, 8:40, 8:40] = True
    return masks


STILL = torch.zeros(2, 2, SIDE, SIDE)
SEEN = torch.tensor([True, True])


def draw(before, masks, flow=STILL, seen=SEEN, **recipe):
    return draw_hints(before, seen, masks, flow, np.random.default_rng(0), HintRecipe(**recipe))


def test_undisturbed_hints_are_the_predicted_masks_moved_by_the_flow(before, truth):
    flow = STILL.clone()
    flow[:, 0] = -2.0  # all came from two cells to the left
    hints, given = draw(before, truth, flow)
    torch.testing.assert_close(hints[..., 2:], before[..., :-2])
    assert given.tolist() == [True, True]


def test_objects_that_were_not_seen_have_no_hint(before, truth):
    assert draw(before, truth, seen=torch.tensor([False, True]))[1].tolist() == [False, True]


def test_missing_hints_are_not_given(before, truth):
    assert not draw(before, truth, missing=1.0)[1].any()


def test_true_hints_are_given_where_the_object_is(before, truth):
    hints, given = draw(before, truth, truth=1.0)
    assert given.tolist() == [True, False]
    assert torch.equal(hints[0, 0] > 0, truth[0, ::4, ::4])


def test_stale_hints_stay_where_they_were(before, truth):
    flow = torch.full_like(STILL, 3.0)
    torch.testing.assert_close(draw(before, truth, flow, stale=1.0)[0], before)


def test_wrong_hints_differ_from_the_prediction(before, truth):
    hints, _ = draw(before, truth, wrong=1.0)
    assert ((hints > 0) != (before > 0)).flatten(1).any(dim=1).all()


def test_predicted_masks_keep_no_gradient_and_stay_as_they_are(before, truth):
    logits = before.clone().requires_grad_()
    hints, _ = draw(logits, truth, wrong=1.0)
    assert not hints.requires_grad
    assert torch.equal(logits.detach(), before)


def test_impossible_shares_are_refused_by_name():
    with pytest.raises(ValueError, match=r'hints: stale is 1\.5'):
        HintRecipe(stale=1.5)


def test_flows_of_clips_point_back_by_one_frame_and_start_at_zero():
    rng = np.random.default_rng(0)
    first = torch.from_numpy(rng.normal(size=(3, 8, 8)).astype(np.float32))
    first = torch.nn.functional.interpolate(first[None], (64, 64), mode='bicubic')[0]
    clip = torch.stack([first, first.roll(4, dims=2)])
    flows = clip_flows(torch.stack([clip, clip.flip(0)]))
    assert flows.shape == (2, 2, 2, SIDE, SIDE)
    assert not flows[:, 0].any()
    middle = flows[:, 1, 0, 4:-4, 4:-4].flatten(1).median(dim=1).values
    torch.testing.assert_close(middle, torch.tensor([-1.0, 1.0]), atol=0.25, rtol=0)
