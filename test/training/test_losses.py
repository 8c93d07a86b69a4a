# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The loss terms equal their formulas, and each trains only what it should."""

from __future__ import annotations

import math

import pytest
import torch

from surgsam2_ros.training.losses import (
    SAM2_LOSS,
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


def test_dice_loss_of_a_soft_truth_vanishes_where_the_probabilities_equal_it():
    truth = torch.tensor([[0.25, 0.5], [0.75, 0.5]])
    assert dice_loss(torch.logit(truth), truth).item() == pytest.approx(0.0, abs=1e-6)


def test_bce_loss_is_log_two_for_undecided_logits():
    assert bce_loss(torch.zeros(3, 4, 4), torch.rand(3, 4, 4)).tolist() == pytest.approx(
        [math.log(2)] * 3
    )


def test_mask_iou_counts_pixels_and_calls_two_empty_masks_equal():
    logits = torch.tensor([[[1.0, 1.0], [-1.0, -1.0]], [[-1.0, -1.0], [-1.0, -1.0]]])
    truth = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    assert mask_iou(logits, truth).tolist() == pytest.approx([1 / 3, 1.0])


UNGATED = LossWeights(gated=False)
TRUTH = torch.zeros(1, 8, 8)
TRUTH[:, :4] = 1.0
GOOD = (TRUTH * 2 - 1) * 0.5  # [1, 8, 8] logits, right everywhere


def total(terms):
    return sum(term.sum() for term in terms.values())


def test_the_defaults_are_the_weights_of_the_released_recipe():
    weights = (SAM2_LOSS.focal, SAM2_LOSS.dice, SAM2_LOSS.iou, SAM2_LOSS.presence)
    assert weights == (20.0, 1.0, 1.0, 1.0)
    terms = frame_loss(GOOD[None], torch.ones(1, 1), torch.ones(1), TRUTH, SAM2_LOSS)
    assert set(terms) == {'focal', 'dice', 'iou', 'presence'}


def test_the_terms_of_a_frame_worked_out_by_hand():
    """One object of 1 x 2 pixels, the left one true, three proposals, certain presence."""
    truth = torch.tensor([[[1.0, 0.0]]])
    logits = torch.tensor([[[[1.0, -1.0]], [[-1.0, 1.0]], [[0.5, 0.5]]]])  # right, wrong, both
    iou = torch.tensor([[0.7, 0.2, 0.9]])
    terms = frame_loss(logits, iou, torch.tensor([2.0]), truth, SAM2_LOSS)
    p = 1 / (1 + math.exp(-1.0))
    one_pixel = (1 - p) ** 2 * -math.log(p)  # equally sure and right on both pixels
    assert terms['focal'].tolist() == pytest.approx([20 * (0.25 + 0.75) / 2 * one_pixel])
    # Probabilities p and 1 - p sum to 1 like the truth; half of the overlap counts twice.
    assert terms['dice'].tolist() == pytest.approx([1 - (2 * p + 1) / (2 + 1)])
    # True IoUs are 1, 0 and 1 / 2.
    assert terms['iou'].tolist() == pytest.approx([(0.3 + 0.2 + 0.4) / 3])
    assert terms['presence'].tolist() == pytest.approx([math.log(1 + math.exp(-2.0))])


def test_only_the_best_proposal_is_trained_and_every_predicted_iou():
    logits = torch.stack([-GOOD, GOOD, -GOOD], dim=1).requires_grad_()
    iou = torch.tensor([[0.5, 0.5, 0.5]], requires_grad=True)
    total(frame_loss(logits, iou, torch.ones(1), TRUTH, SAM2_LOSS)).backward()
    assert (logits.grad.flatten(2).abs().sum(dim=2)[0] > 0).tolist() == [False, True, False]
    assert torch.sign(iou.grad)[0].tolist() == [1.0, -1.0, 1.0]  # too high, too low, too high


def test_the_best_proposal_is_that_of_each_object():
    logits = torch.stack([-GOOD, GOOD], dim=1).expand(2, -1, -1, -1).clone()
    logits[1] = logits[1].flip(0)
    logits.requires_grad_()
    truth = TRUTH.expand(2, -1, -1)
    total(frame_loss(logits, torch.ones(2, 2), torch.ones(2), truth, SAM2_LOSS)).backward()
    trained = logits.grad.flatten(2).abs().sum(dim=2) > 0
    assert trained.tolist() == [[False, True], [True, False]]


def test_the_share_of_all_proposals_mixes_the_least_and_the_mean_loss():
    logits = torch.stack([-GOOD, GOOD, -GOOD], dim=1)
    inputs = (logits, torch.rand(1, 3), torch.zeros(1), TRUTH)
    best, mixed, mean = (
        frame_loss(*inputs, LossWeights(bce=1.0, proposals=share, gated=False))['bce'].item()
        for share in (0.0, 0.25, 1.0)
    )
    assert best < mean
    assert mixed == pytest.approx(0.75 * best + 0.25 * mean)


def test_an_absent_object_trains_its_presence_alone():
    truth = torch.cat([TRUTH, torch.zeros_like(TRUTH)])
    logits = torch.randn(2, 3, 8, 8, requires_grad=True)
    iou = torch.rand(2, 3, requires_grad=True)
    presence = torch.zeros(2, requires_grad=True)
    terms = frame_loss(logits, iou, presence, truth, UNGATED)
    total(terms).backward()
    assert logits.grad[0].abs().max() > 0
    assert logits.grad[1].abs().max() == 0
    assert iou.grad[1].abs().max() == 0
    assert presence.grad[0] < 0 < presence.grad[1]
    assert terms['presence'].tolist() == pytest.approx([math.log(2)] * 2)


def test_a_mask_that_is_hidden_because_of_its_presence_learns_only_when_ungated():
    for weights, learns in ((SAM2_LOSS, False), (UNGATED, True)):
        logits = GOOD[None].clone().requires_grad_()
        iou = torch.tensor([[0.4]], requires_grad=True)
        total(frame_loss(logits, iou, torch.tensor([-1.0]), TRUTH, weights)).backward()
        assert bool(logits.grad.abs().max() > 0) is learns
        # Hidden, the mask has an IoU of 0, which 0.4 overstates; seen, it is right.
        assert iou.grad.sign().item() == (-1.0 if learns else 1.0)


def test_weights_scale_their_terms():
    generator = torch.Generator().manual_seed(0)
    inputs = (
        torch.randn(2, 3, 8, 8, generator=generator),
        torch.rand(2, 3, generator=generator),
        torch.randn(2, generator=generator),
        (torch.rand(2, 16, 16, generator=generator) > 0.5).float(),
    )
    names = ('focal', 'dice', 'bce', 'iou', 'presence')
    single, double = (
        frame_loss(*inputs, LossWeights(**dict.fromkeys(names, weight))) for weight in (1.0, 2.0)
    )
    assert {k: 2 * v.sum().item() for k, v in single.items()} == pytest.approx(
        {k: v.sum().item() for k, v in double.items()}
    )


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('size', [-1e4, -1024.0, 0.0, 1e4])
@pytest.mark.parametrize('true_share', [0.0, 1.0])
@pytest.mark.parametrize('gated', [True, False])
def test_losses_and_gradients_are_finite_for_empty_and_full_masks(dtype, size, true_share, gated):
    logits = torch.full((2, 3, 4, 4), size, dtype=dtype, requires_grad=True)
    iou = torch.zeros(2, 3, dtype=dtype, requires_grad=True)
    presence = torch.tensor([-1e3, 1e3], dtype=dtype, requires_grad=True)
    truth = torch.full((2, 16, 16), true_share)
    terms = frame_loss(logits, iou, presence, truth, LossWeights(bce=1.0, gated=gated))
    total(terms).backward()
    assert all(torch.isfinite(term).all() for term in terms.values())
    for tensor in (logits, iou, presence):
        assert torch.isfinite(tensor.grad).all()


@pytest.mark.parametrize(
    'wrong', [{'focal': -1.0}, {'proposals': 1.5}, {'stride': 3}], ids=lambda wrong: str(wrong)
)
def test_impossible_weights_are_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LossWeights(**wrong)
