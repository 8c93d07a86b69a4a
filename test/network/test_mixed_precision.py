# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How far bfloat16 is from float32, stage by stage, each fed with the same float32 tensors.

By a CPU's autocast, whose rules are those of a GPU's; its kernels add up in another order.
"""

from __future__ import annotations

import pytest
import torch
from tiny_network import tiny_network
from torch import nn

from surgsam2_ros.network import ImageFeatures, MemoryTokens, SurgSAM2
from surgsam2_ros.network.checkpoint import use_mixed_precision
from surgsam2_ros.network.memory_attention import RotaryAttention

# Relative to the norm; bfloat16 rounds to 2 ** -9, 0.2 %.
BOUNDS = {
    'image encoder': 1.2e-2,
    'memory attention': 1.2e-2,
    'mask decoder': 2e-2,
    'memory encoder': 2e-2,
}
POINTER_TOKENS = 8


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@torch.inference_mode()
def run_stages(network: SurgSAM2, features: ImageFeatures | None = None):
    """Return what each stage makes, and the features of the image."""
    config, side = network.config, network.feature_size
    found = network.encode_image(noise(1, 3, network.image_size, network.image_size))
    features = features or found
    length = 3 * network.memory_size**2 + POINTER_TOKENS
    shape = (2, length, config.memory_dim)
    memory = MemoryTokens(noise(*shape, seed=1), noise(*shape, seed=2), POINTER_TOKENS)
    decoded = network.decode(
        noise(2, config.hidden_dim, side, side, seed=3),
        features,
        points=torch.tensor([[[13.0, 20.0]], [[40.0, 50.0]]]),
        labels=torch.ones((2, 1), dtype=torch.int32),
        multimask=True,
    ).candidates
    masks = 5 * noise(2, 1, network.image_size, network.image_size, seed=4)
    remembered = network.encode_memory(features.stride16, masks, torch.ones(2), from_prompt=False)
    stages = {
        'image encoder': found,
        'memory attention': [network.condition(features.stride16, memory)],
        'mask decoder': [decoded.mask_logits, decoded.iou, decoded.mask_tokens],
        'memory encoder': [remembered],
    }
    return stages, features


def errors(network: SurgSAM2) -> dict[str, float]:
    expected, features = run_stages(tiny_network())
    found, _ = run_stages(network, features)
    return {
        stage: max(
            float((ours.float() - theirs).norm() / theirs.norm())
            for ours, theirs in zip(found[stage], tensors, strict=True)
        )
        for stage, tensors in expected.items()
    }


def in_bf16() -> SurgSAM2:
    network = tiny_network()
    use_mixed_precision(network, torch.bfloat16)
    return network


def as_on_a_gpu(_attention, q, v):
    return v.shape[-1] != q.shape[-1]


@pytest.mark.parametrize('values', ['joined', 'projected first'])
def test_each_stage_in_bfloat16_is_near_float32(monkeypatch, values):
    if values != 'joined':
        monkeypatch.setattr(RotaryAttention, 'projects_first', as_on_a_gpu)
    found = errors(in_bf16())
    assert {stage: error for stage, error in found.items() if error > BOUNDS[stage]} == {}
    assert min(found.values()) > 1e-4, 'it was in bfloat16'


def test_weights_of_three_bits_less_exceed_the_bound_of_every_stage():
    network = in_bf16()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(parameter.to(torch.float8_e4m3fn))
    found = errors(network)
    assert {stage for stage, error in found.items() if error > BOUNDS[stage]} == set(BOUNDS)


def test_points_are_encoded_in_float32_under_autocast():
    """In bfloat16 a coordinate of 500 would be off by a pixel or two."""
    encoding = tiny_network().sam_prompt_encoder.pe_layer
    positions = torch.rand((1, 50, 2), generator=torch.Generator().manual_seed(0))
    expected = encoding.encode(positions)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(encoding.encode(positions), expected)


def test_memories_stay_in_bfloat16_up_to_the_attention():
    assert in_bf16().attention_dtype == torch.bfloat16
    assert tiny_network().attention_dtype == torch.float32


def test_no_layer_of_the_neck_that_is_folded_is_rounded():
    neck = in_bf16().image_encoder.neck
    kept = [m.weight.dtype for m in neck.modules() if isinstance(m, nn.Conv2d)]
    assert kept and set(kept) == {torch.float32}
