# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Unrolled training tracks as the streaming tracker does, and its gradients reach everything."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from tiny_network import LEAN, SIZE, tiny_network

from surgsam2_ros.tracking import StreamingTracker, TrackerConfig, memory_bank
from surgsam2_ros.training.clips import normalise
from surgsam2_ros.training.disturbance import UNDISTURBED, Disturbance
from surgsam2_ros.training.prompts import PromptKind, PromptRecipe, simulate_prompts
from surgsam2_ros.training.unroll import track_clip, track_clips

FRAMES = 9


@pytest.fixture(scope='module')
def network():
    return prepared(tiny_network(num_frame_to_prune=0))


@pytest.fixture(scope='module')
def lean_network():
    return prepared(tiny_network(num_frame_to_prune=0, **LEAN))


def prepared(network):
    for block in network.memory_encoder.fuser.layers:
        torch.nn.init.ones_(block.gamma)
    with torch.no_grad():  # larger masks, so that what changes in the memory shows
        for mlp in network.sam_mask_decoder.output_hypernetworks_mlps:
            mlp.layers[-1].weight.mul_(5.0)
    return network


@pytest.fixture(scope='module')
def clip():
    rng = np.random.default_rng(1)
    rgb = rng.integers(0, 256, (FRAMES, SIZE, SIZE, 3), dtype=np.uint8)
    masks = np.zeros((2, FRAMES, SIZE, SIZE), bool)
    masks[0, :, 8:30, 10:40] = True
    masks[1, :, 35:60, 20:50] = True
    return rgb, masks


def unroll(network, clip, kind, disturbance=UNDISTURBED, frames=FRAMES, appearance_model=False):
    rgb, masks = clip
    rng = np.random.default_rng(0)
    return track_clip(
        network,
        torch.from_numpy(normalise(rgb[:frames])),
        torch.from_numpy(masks[:, :frames]),
        simulate_prompts(masks[:, 0], kind, rng),
        rng,
        disturbance,
        appearance_model=appearance_model,
    )


def unroll_corrected(network, clip, frames=5, prompted=(0,), corrected=(0,), **recipe):
    """Track from clicks, with three corrections on some frames."""
    rgb, masks = clip
    rng = np.random.default_rng(0)
    truth = torch.from_numpy(masks[:, :frames])
    return track_clips(
        network,
        torch.from_numpy(normalise(rgb[:frames]))[None],
        truth,
        torch.zeros(2, dtype=torch.int64),
        {f: simulate_prompts(truth[:, f], PromptKind.POINT, rng) for f in prompted},
        rng,
        corrected=set(corrected),
        recipe=PromptRecipe(correction_clicks=3, **recipe),
    )


@pytest.mark.parametrize('kind', list(PromptKind))
@pytest.mark.parametrize(
    ('which', 'appearance_model'),
    [('network', False), ('lean_network', False), ('lean_network', True)],
)
def test_unrolling_gives_the_logits_of_the_streaming_tracker(
    monkeypatch, request, which, appearance_model, clip, kind
):
    # The tracker stores memories in bfloat16, and encodes given masks from the size of its logits;
    # training does neither.
    monkeypatch.setattr(memory_bank, 'STORED_DTYPE', torch.float32)
    tolerance = 0.1 if kind is PromptKind.MASK else 1e-3
    network = request.getfixturevalue(which)
    rgb, masks = clip
    network.eval()
    prompts = simulate_prompts(masks[:, 0], kind, np.random.default_rng(0))
    tracker = StreamingTracker(network, TrackerConfig(appearance_model=appearance_model))
    for index, mask in enumerate(masks):
        if kind is PromptKind.MASK:
            tracker.add_object(str(index), mask=mask[0])
        elif kind is PromptKind.BOX:
            tracker.add_object(str(index), box=prompts.points[index].ravel().tolist())
        else:
            tracker.add_object(
                str(index),
                points=prompts.points[index].tolist(),
                labels=prompts.labels[index].tolist(),
            )
    with torch.no_grad():
        unrolled = unroll(network, clip, kind, appearance_model=appearance_model).decoded
    for frame, decoded in zip(rgb, unrolled, strict=True):
        tracks = tracker.track(frame).tracks
        streamed = torch.stack([track.logits for track in tracks])
        torch.testing.assert_close(streamed, decoded.mask_logits[:, 0], atol=tolerance, rtol=1e-3)
        presence = torch.tensor([track.presence for track in tracks])
        expected = decoded.presence_logits.sigmoid()
        torch.testing.assert_close(presence, expected, atol=0.1 * tolerance, rtol=0)


def test_hints_change_what_is_tracked(lean_network, clip):
    lean_network.eval()
    with torch.no_grad():
        hinted = unroll(lean_network, clip, PromptKind.MASK).decoded
        lean_network.config = dataclasses.replace(lean_network.config, motion_hint=False)
        alone = unroll(lean_network, clip, PromptKind.MASK).decoded
        lean_network.config = dataclasses.replace(lean_network.config, motion_hint=True)
    assert torch.equal(hinted[0].mask_logits, alone[0].mask_logits)
    assert not torch.allclose(hinted[1].mask_logits, alone[1].mask_logits)


def test_several_clips_in_a_batch_are_tracked_as_one_by_one(network, clip):
    rgb, masks = clip
    network.eval()
    images = torch.from_numpy(normalise(rgb[:6])).unflatten(0, (2, 3))
    truth = torch.from_numpy(masks[:, :3])
    rng = np.random.default_rng(0)
    prompts = simulate_prompts(truth[:, 0], PromptKind.BOX, rng)
    with torch.no_grad():
        owner = torch.tensor([0, 1])
        both = track_clips(network, images, truth, owner, {0: prompts}, rng)
        second = track_clip(network, images[1], truth, prompts, rng)
    for together, alone in zip(both.decoded, second.decoded, strict=True):
        assert torch.allclose(together.mask_logits[1], alone.mask_logits[1], atol=1e-5)
        assert not torch.allclose(together.mask_logits[0], alone.mask_logits[0], atol=1e-4)
    assert len(both.features.stride16) == 6


def test_gradients_of_a_long_clip_reach_every_part(network, clip):
    network.train()
    for kind in PromptKind:
        tracked = unroll(network, clip, kind, Disturbance(dictate_presence=1.0))
        loss = sum(
            decoded.candidates.mask_logits.square().mean()
            + decoded.candidates.iou.sum()
            + decoded.presence_logits.sum()
            for _, decoded in tracked.supervised
        )
        loss.backward()
    # Mask prompts are read by no decoder unless asked for, and absence never happened.
    unused = {name for name, p in network.named_parameters() if p.grad is None}
    network.zero_grad(set_to_none=True)
    assert all('no_' in name or 'not_a_point' in name for name in unused - MASK_READERS), unused


MASK_READERS = {
    f'sam_prompt_encoder.mask_downscaling.{layer}.{part}'
    for layer in (0, 1, 3, 4, 6)
    for part in ('weight', 'bias')
}


def test_the_last_frame_trains_the_memory_of_the_first(network, clip):
    network.train()
    tracked = unroll(network, clip, PromptKind.MASK, Disturbance(dictate_presence=1.0), frames=4)
    tracked.decoded[-1].candidates.mask_logits.square().mean().backward()
    gradient = network.memory_encoder.out_proj.weight.grad
    network.zero_grad(set_to_none=True)
    assert gradient.abs().max() > 0


def test_given_masks_are_not_supervised_unless_the_decoder_reads_them(network, clip):
    rgb, masks = clip
    network.train()
    images = torch.from_numpy(normalise(rgb[:2]))[None]
    truth, rng = torch.from_numpy(masks[:, :2]), np.random.default_rng(0)
    prompts = {0: simulate_prompts(truth[:, 0], PromptKind.MASK, rng)}
    owner = torch.zeros(2, dtype=torch.int64)
    for reads, frames in ((False, [1]), (True, [0, 1])):
        recipe = PromptRecipe(read_masks=reads)
        tracked = track_clips(network, images, truth, owner, prompts, rng, recipe=recipe)
        assert [frame for frame, _ in tracked.supervised] == frames
        assert tracked.decoded[0].iou.tolist() == [1.0, 1.0]


def test_every_look_at_a_corrected_frame_is_supervised(network, clip):
    network.train()
    tracked = unroll_corrected(network, clip)
    assert [frame for frame, _ in tracked.supervised] == [0, 0, 0, 0, 1, 2, 3, 4]
    looks = [decoded for frame, decoded in tracked.supervised if frame == 0]
    assert tracked.decoded[0] is looks[-1]
    # One click may mean several things, more of them a single one.
    assert [look.candidates.iou.shape[1] for look in looks] == [3, 1, 1, 1]


def test_corrected_frames_condition_all_later_ones_where_the_recipe_says_so(network, clip):
    """A prompted frame keeps the last temporal encoding however old it is; others age."""
    network.train()
    plain = unroll_corrected(network, clip, corrected=(0, 2))
    aged = unroll_corrected(network, clip, corrected=(0, 2), corrections_condition=False)
    same = [
        torch.equal(a.candidates.mask_logits, b.candidates.mask_logits)
        for a, b in zip(plain.decoded, aged.decoded, strict=True)
    ]
    assert same == [True, True, True, False, False]
    assert [frame for frame, _ in plain.supervised] == [0] * 4 + [1] + [2] * 4 + [3, 4]


def test_prompted_frames_come_first_and_the_frames_between_look_at_them(network, clip):
    network.train()
    tracked = unroll_corrected(network, clip, prompted=(0, 3), corrected=())
    alone = unroll_corrected(network, clip, prompted=(0,), corrected=())
    assert [frame for frame, _ in tracked.supervised] == [0, 3, 1, 2, 4]
    assert torch.equal(
        tracked.decoded[0].candidates.mask_logits, alone.decoded[0].candidates.mask_logits
    )
    assert not torch.allclose(
        tracked.decoded[1].candidates.mask_logits, alone.decoded[1].candidates.mask_logits
    )


@pytest.mark.parametrize('detached', [True, False])
def test_gradients_pass_through_corrections_unless_detached(network, clip, detached):
    network.train()
    recipe = {'detach_corrections': detached, 'correction_from_truth': 0.0}
    tracked = unroll_corrected(network, clip, frames=1, **recipe)
    first, last = tracked.supervised[0][1], tracked.supervised[-1][1]
    (gradient,) = torch.autograd.grad(
        last.candidates.mask_logits.square().mean(), first.mask_logits, allow_unused=True
    )
    assert (gradient is None) is detached


def test_tracking_needs_a_prompt_on_the_first_frame(network, clip):
    with pytest.raises(ValueError, match='first frame'):
        unroll_corrected(network, clip, prompted=(1,))


def test_each_disturbance_changes_later_frames_alone(network, clip):
    network.eval()
    with torch.no_grad():
        plain = unroll(network, clip, PromptKind.MASK).decoded
        for disturbance in (Disturbance(corrupt_mask=1.0), Disturbance(forget_frame=1.0)):
            disturbed = unroll(network, clip, PromptKind.MASK, disturbance).decoded
            assert torch.equal(plain[1].candidates.mask_logits, disturbed[1].candidates.mask_logits)
            assert not torch.equal(
                plain[-1].candidates.mask_logits, disturbed[-1].candidates.mask_logits
            )


def test_half_precision_gives_finite_gradients_close_to_those_of_full_precision(network, clip):
    network.train()
    gradients = []
    for dtype in (None, torch.bfloat16):
        network.autocast_dtype = dtype
        try:
            tracked = unroll(network, clip, PromptKind.MASK, frames=3)
        finally:
            network.autocast_dtype = None
        sum(d.candidates.mask_logits.square().mean() for _, d in tracked.supervised).backward()
        gradients.append(network.memory_encoder.out_proj.weight.grad.flatten().clone())
        network.zero_grad(set_to_none=True)
    assert torch.isfinite(gradients[1]).all()
    assert torch.cosine_similarity(*gradients, dim=0) > 0.95


def test_dropout_disturbs_the_memory_while_training_alone(network, clip):
    logits = {}
    for share in (0.0, 0.3):
        network.memory_attention.set_dropout(share)
        try:
            for training in (True, False):
                torch.manual_seed(0)
                network.train(training)
                with torch.no_grad():
                    tracked = unroll(network, clip, PromptKind.MASK, frames=2)
                logits[share, training] = tracked.decoded[1].candidates.mask_logits
        finally:
            network.memory_attention.set_dropout(0.0)
    assert torch.equal(logits[0.0, False], logits[0.3, False])
    assert not torch.allclose(logits[0.0, True], logits[0.3, True], atol=1e-4)


def test_impossible_disturbances_are_refused_by_name():
    with pytest.raises(ValueError, match=r'forget_frame is 1\.5'):
        Disturbance(forget_frame=1.5)
