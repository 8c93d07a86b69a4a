# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Unrolled training tracks as the streaming tracker does, and its gradients reach everything."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from surgsam2_ros.network import NetworkConfig, TrunkConfig, build_network
from surgsam2_ros.tracking import StreamingTracker
from surgsam2_ros.training.clips import normalise
from surgsam2_ros.training.prompts import PromptKind, simulate_prompts
from surgsam2_ros.training.unroll import Disturbance, prompt_images, track_clip

SIZE, FRAMES = 64, 9


@pytest.fixture(scope='module')
def network():
    torch.manual_seed(0)
    network = build_network(
        NetworkConfig(
            image_size=SIZE,
            num_frame_to_prune=0,
            hidden_dim=64,
            memory_dim=32,
            memory_attention_layers=1,
            memory_attention_feedforward=64,
            decoder_heads=2,
            decoder_feedforward=64,
            trunk=TrunkConfig(type='efficientnet_lite0'),
        )
    )
    for block in network.memory_encoder.fuser.layers:
        torch.nn.init.ones_(block.gamma)
    return network


@pytest.fixture(scope='module')
def clip():
    rng = np.random.default_rng(1)
    rgb = rng.integers(0, 256, (FRAMES, SIZE, SIZE, 3), dtype=np.uint8)
    masks = np.zeros((2, FRAMES, SIZE, SIZE), bool)
    masks[0, :, 8:30, 10:40] = True
    masks[1, :, 35:60, 20:50] = True
    return rgb, masks


def unroll(network, clip, kind, disturbance=None):
    rgb, masks = clip
    rng = np.random.default_rng(0)
    return track_clip(
        network,
        torch.from_numpy(normalise(rgb)),
        torch.from_numpy(masks).float(),
        simulate_prompts(masks[:, 0], kind, rng),
        rng,
        Disturbance() if disturbance is None else disturbance,
    )


@pytest.mark.parametrize('kind', list(PromptKind))
def test_unrolling_gives_the_logits_of_the_streaming_tracker(network, clip, kind):
    rgb, masks = clip
    network.eval()
    prompts = simulate_prompts(masks[:, 0], kind, np.random.default_rng(0))
    tracker = StreamingTracker(network)
    for index, mask in enumerate(masks):
        if kind is PromptKind.MASK:
            tracker.add_object(str(index), mask=mask[0])
        elif kind is PromptKind.BOX:
            tracker.add_object(str(index), box=prompts.points[index].ravel())
        else:
            tracker.add_object(
                str(index), points=prompts.points[index], labels=prompts.labels[index]
            )
    with torch.no_grad():
        unrolled = unroll(network, clip, kind).decoded
    for frame, decoded in zip(rgb, unrolled, strict=True):
        tracks = tracker.track(frame).tracks
        streamed = torch.stack([track.logits for track in tracks])
        # The tracker stores memories in bfloat16.
        scale = streamed.abs().clamp(max=100).mean()
        assert (streamed - decoded.mask_logits[:, 0]).abs().mean() < 0.02 * scale + 1e-3
        presence = torch.tensor([track.presence for track in tracks])
        assert torch.allclose(presence, decoded.presence_logits.sigmoid(), atol=0.02)


def test_gradients_of_a_long_clip_reach_every_part(network, clip):
    network.train()
    for kind in PromptKind:
        tracked = unroll(network, clip, kind, Disturbance(dictate_presence=1.0))
        loss = sum(
            decoded.all_mask_logits.square().mean() + decoded.all_iou.sum()
            for decoded in (*tracked.earlier, *tracked.decoded)
        )
        (loss + sum(d.presence_logits.sum() for d in tracked.decoded)).backward()
    # Unused by design: absence never happened, and the padding point was never needed.
    unused = {name for name, p in network.named_parameters() if p.grad is None}
    network.zero_grad(set_to_none=True)
    assert all('no_' in name or 'not_a_point' in name for name in unused), unused


def test_the_last_frame_trains_the_memory_of_the_first(network, clip):
    network.train()
    tracked = unroll(network, clip, PromptKind.MASK, Disturbance(dictate_presence=1.0))
    tracked.decoded[-1].all_mask_logits.square().mean().backward()
    gradient = network.memory_encoder.out_proj.weight.grad
    network.zero_grad(set_to_none=True)
    assert gradient.abs().max() > 0


def test_mask_prompts_are_read_back_by_the_decoder_while_training(network, clip):
    network.train()
    assert len(unroll(network, clip, PromptKind.MASK).earlier) == 1
    network.eval()
    assert unroll(network, clip, PromptKind.MASK).earlier == []


def test_a_correction_decodes_the_first_frame_again(network, clip):
    network.eval()
    with torch.no_grad():
        tracked = unroll(network, clip, PromptKind.BOX, Disturbance(correct_prompt=1.0))
    assert len(tracked.earlier) == 1
    first, second = tracked.earlier[0].mask_logits, tracked.decoded[0].mask_logits
    assert not torch.equal(first, second)


def test_each_disturbance_changes_later_frames_alone(network, clip):
    network.eval()
    with torch.no_grad():
        plain = unroll(network, clip, PromptKind.MASK).decoded
        for disturbance in (Disturbance(corrupt_mask=1.0), Disturbance(forget_frame=1.0)):
            disturbed = unroll(network, clip, PromptKind.MASK, disturbance).decoded
            assert torch.equal(plain[1].all_mask_logits, disturbed[1].all_mask_logits)
            assert not torch.equal(plain[-1].all_mask_logits, disturbed[-1].all_mask_logits)


def test_images_in_a_batch_are_segmented_as_one_by_one(network, clip):
    rgb, masks = clip
    network.eval()
    images = torch.from_numpy(normalise(rgb[:2]))
    truth = torch.from_numpy(masks[:, :1]).float()
    rng = np.random.default_rng(0)
    prompts = simulate_prompts(masks[:, 0], PromptKind.BOX, rng)
    with torch.no_grad():
        both = prompt_images(network, images, truth, torch.tensor([0, 1]), prompts, rng)
        second = prompt_images(network, images[1:], truth, torch.tensor([0, 0]), prompts, rng)
    assert torch.allclose(
        both.decoded[0].all_mask_logits[1], second.decoded[0].all_mask_logits[1], atol=1e-4
    )
