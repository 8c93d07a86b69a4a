# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: every format loads, every mistake is named with its remedy."""

import dataclasses
from pathlib import Path

import pytest
import torch
from repository import REPO
from safetensors.torch import save_file

from surgsam2_ros.network import (
    CheckpointError,
    ConfigError,
    MemoryTokens,
    NetworkConfig,
    SurgSAM2,
    TrunkConfig,
    build_network,
    load_config,
    load_network,
)
from surgsam2_ros.network.checkpoint import network_family, use_mixed_precision

MODELS = REPO / 'models'
NANO = MODELS / 'surgsam2_nano.yaml'


@pytest.fixture(scope='module')
def nano():
    torch.manual_seed(0)
    return build_network(NANO).eval()


@pytest.fixture(scope='module')
def weights(nano):
    return nano.state_dict()


def assert_same_weights(network, weights):
    for key, value in network.state_dict().items():
        assert torch.equal(value, weights[key]), key


FORMATS = {
    'bare': lambda weights: weights,
    'model': lambda weights: {'model': weights, 'epoch': 3, 'best_meter_values': {}},
    'state_dict': lambda weights: {'state_dict': weights},
    'data-parallel': lambda weights: {'model': {f'module.{k}': v for k, v in weights.items()}},
}


@pytest.mark.parametrize('format_name', FORMATS)
def test_pytorch_formats_load(tmp_path, weights, format_name):
    path = tmp_path / 'weights.pt'
    torch.save(FORMATS[format_name](weights), path)
    network = load_network(NANO, checkpoint=path)
    assert not network.training
    assert_same_weights(network, weights)


def test_half_precision_safetensors_load_as_float32(tmp_path, weights):
    path = tmp_path / 'weights.safetensors'
    half = {key: value.half() for key, value in weights.items()}
    save_file(half, path)
    network = load_network(NANO, checkpoint=path)
    assert network.no_mem_embed.dtype == torch.float32
    assert_same_weights(network, {key: value.float() for key, value in half.items()})


def test_loaded_network_computes_what_the_saved_one_did(tmp_path, nano, weights):
    path = tmp_path / 'weights.safetensors'
    save_file(weights, path)
    network = load_network(str(NANO), checkpoint=str(path))
    image = torch.randn(1, 3, 256, 256)
    points, labels = torch.tensor([[[30.0, 40.0]]]), torch.ones(1, 1, dtype=torch.int32)
    with torch.inference_mode():
        results = []
        for each in (nano, network):
            features = each.encode_image(image)
            decoded = each.decode(
                each.condition(features.stride16, None),
                features,
                points=points,
                labels=labels,
                multimask=True,
            )
            results.append(decoded.candidates.mask_logits)
    torch.testing.assert_close(*results)


def test_default_checkpoint_lies_beside_the_config(tmp_path, weights):
    config = tmp_path / 'surgsam2_nano.yaml'
    config.write_text(NANO.read_text())
    save_file(weights, tmp_path / 'surgsam2_nano.safetensors')
    assert_same_weights(load_network(config), weights)


def test_missing_default_checkpoint_says_where_to_get_it_and_where_to_put_it(tmp_path):
    config = tmp_path / 'sam2.1_hiera_s.yaml'
    config.write_text((MODELS / 'sam2.1_hiera_s.yaml').read_text())
    with pytest.raises(CheckpointError) as error:
        load_network(config)
    assert 'https://' in str(error.value)
    assert str(tmp_path / 'sam2.1_hiera_small.pt') in str(error.value)


def test_network_without_default_checkpoint_asks_for_one():
    with pytest.raises(CheckpointError, match='give a checkpoint'):
        load_network(NetworkConfig(name='mine'))


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r'nowhere\.pt'):
        load_network(NANO, checkpoint=tmp_path / 'nowhere.pt')


@pytest.mark.parametrize('name', ['weights.pt', 'weights.safetensors'])
@pytest.mark.parametrize('content', [b'', b'not a checkpoint at all', None])
def test_corrupt_checkpoint_is_refused(tmp_path, weights, name, content):
    path = tmp_path / name
    if content is None:
        whole = tmp_path / f'whole_{name}'
        save_file(weights, whole) if name.endswith('safetensors') else torch.save(weights, whole)
        content = whole.read_bytes()[: whole.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match='cannot be read'):
        load_network(NANO, checkpoint=path)


def test_checkpoint_that_would_run_code_is_refused(tmp_path):
    class Payload:
        def __reduce__(self):
            return (Path.touch, (tmp_path / 'ran',))

    path = tmp_path / 'weights.pt'
    torch.save({'model': Payload()}, path)
    with pytest.raises(CheckpointError, match='may run code'):
        load_network(NANO, checkpoint=path)
    assert not (tmp_path / 'ran').exists()


@pytest.mark.parametrize('content', [{}, {'model': 3}, [1, 2]])
def test_file_without_a_state_dict_is_refused(tmp_path, content):
    path = tmp_path / 'weights.pt'
    torch.save(content, path)
    with pytest.raises(CheckpointError, match='no state dict'):
        load_network(NANO, checkpoint=path)


def tiny_hiera(kind):
    trunk = TrunkConfig(stages=(1, 2, 7, 2), global_blocks=(5, 7, 9))
    return NetworkConfig(name=f'{kind} tiny', kind=kind, image_size=64, trunk=trunk)


@pytest.mark.parametrize(
    ('kind', 'title', 'config'),
    [
        ('sam2', 'SAM 2 Hiera tiny', 'sam2_hiera_t.yaml'),
        ('sam2.1', 'SAM 2.1 Hiera tiny', 'sam2.1_hiera_t.yaml'),
    ],
)
def test_mismatch_names_the_checkpoint_and_its_config(tmp_path, kind, title, config):
    path = tmp_path / 'weights.pt'
    torch.save(SurgSAM2(tiny_hiera(kind)).state_dict(), path)
    with pytest.raises(CheckpointError) as error:
        load_network(NANO, checkpoint=path)
    assert f'is {title},' in str(error.value)
    assert config in str(error.value)
    assert 'EfficientNet-Lite0' in str(error.value)


def test_sam2_weights_do_not_load_into_sam21(tmp_path):
    path = tmp_path / 'weights.pt'
    torch.save(SurgSAM2(tiny_hiera('sam2')).state_dict(), path)
    with pytest.raises(CheckpointError, match=r'is SAM 2 Hiera tiny.*is SAM 2\.1 Hiera tiny'):
        load_network(tiny_hiera('sam2.1'), checkpoint=path)


def test_image_size_does_not_matter_to_weights(tmp_path):
    path = tmp_path / 'weights.pt'
    config = tiny_hiera('sam2.1')
    torch.save(SurgSAM2(config).state_dict(), path)
    network = load_network(dataclasses.replace(config, image_size=96), checkpoint=path)
    assert network.image_size == 96


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda weights: weights.pop('no_obj_ptr'), 'no_obj_ptr is missing'),
        (lambda weights: weights.update(extra=torch.zeros(1)), 'extra is unknown'),
        (lambda weights: weights.update(no_obj_ptr=torch.zeros(1, 3)), r'has shape \[1, 3\]'),
    ],
)
def test_weights_must_fit_exactly(tmp_path, weights, change, message):
    weights = dict(weights)
    change(weights)
    path = tmp_path / 'weights.pt'
    torch.save(weights, path)
    with pytest.raises(CheckpointError, match=message):
        load_network(NANO, checkpoint=path)


def test_foreign_weights_are_recognised(tmp_path):
    path = tmp_path / 'weights.pt'
    torch.save(torch.nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(CheckpointError, match='no SAM 2 network'):
        load_network(NANO, checkpoint=path)


@pytest.mark.parametrize('path', sorted(MODELS.glob('*.yaml')), ids=lambda path: path.stem)
def test_every_shipped_config_is_the_config_of_its_family(path):
    config = load_config(path)
    assert config.name == path.stem
    with torch.device('meta'):
        family = network_family(SurgSAM2(config).state_dict())
    assert family.config == f'{path.stem.removesuffix("_512")}.yaml'
    assert config.checkpoint is not None


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('image_size: 250', 'multiple of 32'),
        ('kind: sam3', 'sam3'),
        ('trunk: {type: vgg}', 'vgg'),
        ('trunk: {depth: 3}', "unknown field 'depth'"),
        ('imagesize: 256', "unknown field 'imagesize'"),
        ('num_frame_to_prune: 6', 'num_frame_to_prune 6'),
        ('memory_dim: 100', 'memory_dim'),
        ('image_size: [', 'not valid YAML'),
        ('3', 'mapping'),
    ],
)
def test_wrong_config_is_explained(tmp_path, text, message):
    path = tmp_path / 'config.yaml'
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_missing_config_is_explained(tmp_path):
    with pytest.raises(ConfigError, match='cannot be read'):
        load_config(tmp_path / 'nothing.yaml')


def test_unknown_precision_is_explained():
    with pytest.raises(ConfigError, match='int8'):
        load_network(NANO, precision='int8')


def test_half_precision_is_refused_on_a_cpu():
    with pytest.raises(ConfigError, match='needs a GPU'):
        load_network(NANO, precision='bf16', device='cpu')


@torch.inference_mode()
def test_mixed_precision_stays_close():
    torch.manual_seed(0)
    config = dataclasses.replace(load_config(NANO), image_size=64)
    network = SurgSAM2(config).eval()
    image = torch.randn(1, 3, 64, 64)
    pointers, time = torch.randn(1, 2, 128), torch.tensor([[1.0, 2.0]])
    outputs = []
    # Without oneDNN, whose half-precision kernels fail on some virtual machines.
    with torch.backends.mkldnn.flags(enabled=False):
        for dtype in (None, torch.bfloat16):
            if dtype is not None:
                use_mixed_precision(network, dtype)
            features = network.encode_image(image)
            decoded = network.decode(
                network.condition(features.stride16, None), features, multimask=False
            )
            encoded = network.encode_memory(
                features.stride16,
                network.masks_to_remember(decoded.mask_logits),
                decoded.presence_logits,
                from_prompt=False,
            )
            tokens, position = network.pointer_tokens(pointers, time, 15)
            maps = encoded.flatten(2).transpose(1, 2).float()
            memory = MemoryTokens(
                torch.cat((maps, tokens), dim=1),
                torch.cat((network.memory_position()[None], position), dim=1),
                tokens.shape[1],
            )
            conditioned = network.condition(features.stride16, memory)
            outputs.append((features.stride16, encoded, conditioned, decoded.candidates.iou))
            assert decoded.mask_logits.dtype == torch.float32
    assert features.stride16.dtype == torch.bfloat16
    for exact, rounded in zip(*outputs, strict=True):
        assert (exact - rounded.float()).norm() <= 0.05 * exact.norm()
