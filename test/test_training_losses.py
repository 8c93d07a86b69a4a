# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The loss terms equal their formulas, and each trains only what it should."""

from __future__ import annotations

import math

import pytest
import torch

from surgsam2_ros.training.losses import (
    LossWeights,
    bce_loss,
    dice_loss,
    focal_loss,
    frame_loss,
    mask_iou,
)


def test_focal_loss_of_one_pixel_equals_the_formula():
    logits = torch.tensor([[2.0]])
    p = 1 / (1 + math.exp(-2.0))
    hit = focal_loss(logits, torch.ones(1, 1))
    miss = focal_loss(logits, torch.zeros(1, 1))
    assert hit.item() == pytest.approx(0.25 * (1 - p) ** 2 * -math.log(p), rel=1e-5)
    assert miss.item() == pytest.approx(0.75 * p**2 * -math.log(1 - p), rel=1e-5)


def test_dice_loss_of_a_half_found_mask():
    logits = torch.full((2, 2), -100.0)
    logits[0] = 100.0  # two pixels found, four true
    assert dice_loss(logits, torch.ones(2, 2)).item() == pytest.approx(1 - 5 / 7)


def test_dice_loss_vanishes_for_perfect_and_for_empty_masks():
    truth = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert dice_loss((truth * 2 - 1) * 100, truth).item() == pytest.approx(0.0, abs=1e-6)
    assert dice_loss(torch.full((2, 2), -100.0), torch.zeros(2, 2)).item() == pytest.approx(0.0)


def test_bce_loss_is_log_two_for_undecided_logits():
    assert bce_loss(torch.zeros(3, 4, 4), torch.rand(3, 4, 4)).tolist() == pytest.approx(
        [math.log(2)] * 3
    )


def test_mask_iou_counts_pixels_and_calls_two_empty_masks_equal():
    logits = torch.tensor([[[1.0, 1.0], [-1.0, -1.0]], [[-1.0, -1.0], [-1.0, -1.0]]])
    truth = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    assert mask_iou(logits, truth).tolist() == pytest.approx([1 / 3, 1.0])


def test_without_a_share_for_all_only_the_best_proposal_is_trained_and_every_predicted_iou():
    truth = torch.zeros(1, 8, 8)
    truth[:, :4] = 1.0
    good = (truth * 2 - 1) * 0.5
    logits = torch.stack([-good, good, -good], dim=1).requires_grad_()
    iou = torch.tensor([[0.5, 0.5, 0.5]], requires_grad=True)
    terms = frame_loss(logits, iou, torch.zeros(1), truth, LossWeights(proposals=0.0))
    sum(terms.values()).backward()
    assert (logits.grad.flatten(2).abs().sum(dim=2)[0] > 0).tolist() == [False, True, False]
    assert torch.sign(iou.grad)[0].tolist() == [1.0, -1.0, 1.0]  # too high, too low, too high


def test_the_share_of_all_proposals_mixes_the_least_and_the_mean_loss():
    truth = torch.zeros(1, 8, 8)
    truth[:, :4] = 1.0
    good = (truth * 2 - 1) * 0.5
    logits = torch.stack([-good, good, -good], dim=1)
    inputs = (logits, torch.rand(1, 3), torch.zeros(1), truth)
    best, mixed, mean = (
        frame_loss(*inputs, LossWeights(proposals=share))['bce'] for share in (0.0, 0.25, 1.0)
    )
    assert best < mean
    assert mixed.item() == pytest.approx((0.75 * best + 0.25 * mean).item())


def test_an_absent_object_trains_its_presence_alone():
    truth = torch.zeros(2, 8, 8)
    truth[0, :4] = 1.0
    logits = torch.randn(2, 3, 8, 8, requires_grad=True)
    iou = torch.rand(2, 3, requires_grad=True)
    presence = torch.zeros(2, requires_grad=True)
    terms = frame_loss(logits, iou, presence, truth, LossWeights())
    sum(terms.values()).backward()
    assert logits.grad[1].abs().max() == 0
    assert iou.grad[1].abs().max() == 0
    assert presence.grad[0] < 0 < presence.grad[1]
    assert terms['presence'].item() == pytest.approx(math.log(2))


def test_weights_scale_their_terms():
    generator = torch.Generator().manual_seed(0)
    inputs = (
        torch.randn(2, 3, 8, 8, generator=generator),
        torch.rand(2, 3, generator=generator),
        torch.randn(2, generator=generator),
        (torch.rand(2, 16, 16, generator=generator) > 0.5).float(),
    )
    single = frame_loss(*inputs, LossWeights(1, 1, 1, 1, 1))
    double = frame_loss(*inputs, LossWeights(2, 2, 2, 2, 2))
    assert {k: 2 * v.item() for k, v in single.items()} == pytest.approx(
        {k: v.item() for k, v in double.items()}
    )
