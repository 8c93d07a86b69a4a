# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A training step against the official network: the same decodings, loss and gradients.

The official network is driven frame by frame as SAM 2's training does it, with the clicks that our
simulator drew; the loss of the released recipe is written out anew here.
"""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
import torch
import torch.nn.functional as F

pytest.importorskip('sam2')
pytest.importorskip('hydra')

from oracle_sam2 import build_pair, make_clip

from surgsam2_ros.training.clips import TrainingClip, normalise
from surgsam2_ros.training.disturbance import Disturbance
from surgsam2_ros.training.objective import Objective
from surgsam2_ros.training.prompts import PromptKind, PromptPlan, PromptRecipe

SIZE, FRAMES, CLICKS = 128, 4, 2
PRESENCE_BIAS = 65.0  # at which objects are called present and absent: asserted below
PLANS = {
    'a click and a corrected later frame': PromptPlan({0: PromptKind.POINT}, frozenset({0, 2})),
    'a box and a click on a later frame': PromptPlan(
        {0: PromptKind.BOX, 3: PromptKind.POINT}, frozenset({0})
    ),
    'masks on two frames': PromptPlan({0: PromptKind.MASK, 2: PromptKind.MASK}),
}
PARTS = (
    'memory_encoder.out_proj.weight',
    'memory_attention.layers.0.cross_attn_image.k_proj.weight',
    'image_encoder.trunk.blocks.0.attn.qkv.weight',
    'sam_mask_decoder.iou_prediction_head.layers.2.weight',
    'obj_ptr_tpos_proj.weight',
    'maskmem_tpos_enc',
)


@pytest.fixture(scope='module')
def pair():
    official, ours = build_pair(hot=True, image_size=SIZE, presence_bias=PRESENCE_BIAS)
    for module in official.modules():  # dropout would differ from draw to draw
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, 'dropout_p'):
            module.dropout_p = 0.0
    return official.train(), ours.train()


@pytest.fixture(scope='module')
def clip():
    images = normalise(make_clip(FRAMES, SIZE))
    masks = np.zeros((2, FRAMES, SIZE, SIZE), bool)
    for frame in range(FRAMES):
        masks[0, frame, 30:60, 20 + 6 * frame : 70 + 6 * frame] = True
        masks[1, frame, 70:110, 50:90] = frame != 1  # out of sight for a frame
    return TrainingClip(images, masks, masks.any(axis=0))


def run_ours(network, clip, plan):
    """Return the loss terms, and the prompts of every decoding by decoder, in order."""
    spied, decode = [], network.decode

    def spy(*args, **kwargs):
        spied.append((kwargs.get('points'), kwargs.get('labels')))
        return decode(*args, **kwargs)

    objective = Objective(
        network,
        prompts=PromptRecipe(correction_clicks=CLICKS),
        disturbance=Disturbance(clip_time=True),
    )
    with (
        mock.patch('surgsam2_ros.training.objective.draw_plan', lambda *_: plan),
        mock.patch.object(network, 'decode', spy),
    ):
        return objective.loss([clip], np.random.default_rng(0)), spied


def run_official(network, clip, plan, clicks):
    """Track as SAM 2's training does; return (frame, masks, IoUs, presence) of each decoding."""
    clicks, objects = iter(clicks), len(clip.masks)
    masks = torch.from_numpy(clip.masks)
    _, features, positions, sizes = network._prepare_backbone_features(
        network.forward_image(torch.from_numpy(clip.images))
    )

    def next_click():
        points, labels = next(clicks)
        return None if points is None else {'point_coords': points, 'point_labels': labels.int()}

    outputs = {'cond_frame_outputs': {}, 'non_cond_frame_outputs': {}}
    decodings = []
    order = [*plan.kinds, *(t for t in range(FRAMES) if t not in plan.kinds)]
    for frame in order:
        by_mask = plan.kinds.get(frame) is PromptKind.MASK
        points = None if by_mask else next_click()
        view = [feature[:, [frame] * objects] for feature in features]
        place = [position[:, [frame] * objects] for position in positions]
        out, heads, high_res, conditioned = network._track_step(
            frame,
            frame in plan.kinds,
            view,
            place,
            sizes,
            points,
            masks[:, frame, None] if by_mask else None,
            outputs,
            FRAMES,
            False,
            None,
        )
        if not by_mask:
            decodings.append((frame, heads[1], heads[2], heads[6]))
        for _ in range(CLICKS if frame in plan.corrected else 0):
            points = next_click()
            heads = network._forward_sam_heads(
                conditioned,
                points,
                heads[3],
                high_res,
                network._use_multimask(frame in plan.kinds, points),
            )
            decodings.append((frame, heads[1], heads[2], heads[6]))
        out['obj_ptr'] = heads[5]
        network._encode_memory_in_output(view, sizes, points, True, heads[4], heads[6], out)
        conditions = frame in plan.kinds or frame in plan.corrected
        outputs['cond_frame_outputs' if conditions else 'non_cond_frame_outputs'][frame] = out
    return decodings


def released_loss(decodings, masks):
    """Sum 20 focal + dice + |IoU error| + presence over decodings, by their definitions."""
    loss = 0.0
    for frame, logits, iou, presence in decodings:
        for index, truth in enumerate(masks[:, frame].float()):
            there = truth.max()
            loss = loss + F.binary_cross_entropy_with_logits(presence[index, 0], there)
            if not there:
                continue
            best, errors = None, []
            for proposal, predicted in zip(logits[index], iou[index], strict=True):
                p = torch.sigmoid(proposal)
                sure = torch.where(truth > 0, p, 1 - p)
                weight = torch.where(truth > 0, 0.25, 0.75) * (1 - sure) ** 2
                surprise = F.softplus(torch.where(truth > 0, -proposal, proposal))
                focal = (weight * surprise).mean()
                dice = 1 - (2 * (p * truth).sum() + 1) / (p.sum() + truth.sum() + 1)
                mask_loss = 20 * focal + dice
                best = mask_loss if best is None or mask_loss < best else best
                seen = proposal > 0
                union = (seen | (truth > 0)).sum()
                errors.append((predicted - (seen & (truth > 0)).sum() / union).abs())
            loss = loss + best + torch.stack(errors).mean()
    return loss / len(masks)


@pytest.mark.parametrize('plan', PLANS.values(), ids=PLANS.keys())
def test_loss_and_gradients_equal_those_of_the_official_network(pair, clip, plan):
    official, ours = pair
    terms, clicks = run_ours(ours, clip, plan)
    loss = sum(terms.values())
    loss.backward()
    decodings = run_official(official, clip, plan, clicks)
    expected = released_loss(decodings, torch.from_numpy(clip.masks))
    expected.backward()
    assert len(decodings) == len(clicks)
    if plan.corrected:
        presence = torch.cat([logit for _, _, _, logit in decodings])
        assert {True, False} == set((presence > 0).flatten().tolist())
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    theirs, mine = dict(official.named_parameters()), dict(ours.named_parameters())
    for name in PARTS:
        wanted = theirs[name].grad
        assert wanted.abs().max() > 0, name
        error = (mine[name].grad - wanted).norm() / wanted.norm()
        assert error < 1e-4, (name, error)
    official.zero_grad(set_to_none=True)
    ours.zero_grad(set_to_none=True)
