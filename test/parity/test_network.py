# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The network against the official sam2 package: the same state dict, the same tensors, by part."""

import dataclasses

import pytest
import torch
from repository import REPO

from surgsam2_ros.network import MemoryTokens, SurgSAM2, load_config

pytest.importorskip('sam2')
pytest.importorskip('hydra')

MODELS = REPO / 'models'
OFFICIAL = 'configs/{0}/{0}_hiera_{1}.yaml'
IMAGE_SIZE = 128
# Both run in float32 and round differently; a mistake shows as 1e-2 or more.
TOLERANCE = 1e-4


@pytest.fixture(scope='module', autouse=True)
def one_thread():
    """Small tensors: a second thread only waits for the first."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def official_network(kind, size, image_size=IMAGE_SIZE):
    from sam2.build_sam import build_sam2_video_predictor

    return build_sam2_video_predictor(
        OFFICIAL.format(kind, size),
        None,
        device='cpu',
        hydra_overrides_extra=[f'++model.image_size={image_size}'],
    )


def our_network(kind, size, image_size=IMAGE_SIZE):
    config = load_config(MODELS / f'{kind}_hiera_{size}.yaml')
    return SurgSAM2(dataclasses.replace(config, image_size=image_size)).eval()


def randomise(network, seed=0):
    """Give every parameter a size at which mistakes show."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith('gamma'):
                parameter.copy_(0.5 + 0.1 * noise)
            elif parameter.ndim == 1:
                parameter.add_(0.1 * noise)
            elif 'embed' in name or 'token' in name or 'tpos' in name or 'no_' in name:
                parameter.copy_(0.2 * noise)


@dataclasses.dataclass
class Pair:
    """Both networks with the same weights, and the features that each made of the same image."""

    official: torch.nn.Module
    ours: SurgSAM2
    tokens: list
    positions: list
    sizes: list
    maps: list
    features: tuple

    def train(self, mode):
        self.official.train(mode)
        self.ours.train(mode)


@pytest.fixture(scope='module', params=['sam2.1', 'sam2'])
def shared_pair(request):
    torch.manual_seed(0)
    official = official_network(request.param, 't')
    randomise(official)
    ours = our_network(request.param, 't')
    ours.load_state_dict(official.state_dict(), strict=True)
    with torch.no_grad():
        out = official.forward_image(images())
        _, tokens, positions, sizes = official._prepare_backbone_features(out)
        features = ours.encode_image(images())
    return Pair(official, ours, tokens, positions, sizes, out['backbone_fpn'], features)


@pytest.fixture
def pair(shared_pair):
    yield shared_pair
    shared_pair.train(False)


def images(batch=1, size=IMAGE_SIZE):
    return torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(1))


def close(ours, official, tolerance=TOLERANCE):
    difference = (ours - official).abs().max().item()
    scale = max(1.0, official.abs().max().item())
    assert difference <= tolerance * scale, f'differs by {difference:.2e} at scale {scale:.2e}'


def memory_of(ours, objects, frames=3, pointers=4):
    """Return the official memory (output dictionary of one batch) and ours as tokens."""
    generator = torch.Generator().manual_seed(2)
    side, config = ours.feature_size, ours.config
    maps = torch.randn(frames, objects, config.memory_dim, side, side, generator=generator)
    pointer = torch.randn(pointers, objects, config.hidden_dim, generator=generator)
    position = ours.memory_position().T.unflatten(1, (side, side)).expand(objects, -1, -1, -1)
    now = 10
    conditioning = {
        2: {'maskmem_features': maps[0], 'maskmem_pos_enc': [position], 'obj_ptr': pointer[0]}
    }
    others = {
        now - age: {
            'maskmem_features': maps[age],
            'maskmem_pos_enc': [position],
            'obj_ptr': pointer[age],
        }
        for age in range(1, frames)
    }
    others[now - 3] = {
        'maskmem_features': maps[0],
        'maskmem_pos_enc': [position],
        'obj_ptr': pointer[3],
    }
    outputs = {'cond_frame_outputs': conditioning, 'non_cond_frame_outputs': others}

    order = [(0, ours.config.num_maskmem - 1), (0, 2), (2, 1), (1, 0)]  # map, temporal index
    features = torch.cat([maps[m].flatten(2).transpose(1, 2) for m, _ in order], dim=1)
    temporal = ours.temporal_encoding[:, 0, 0]
    place = torch.cat([ours.memory_position() + temporal[t] for _, t in order])
    place = place.expand(objects, -1, -1)
    time = torch.tensor([8.0, 1.0, 2.0, 3.0]).expand(objects, -1)
    tokens, token_place = ours.pointer_tokens(pointer.transpose(0, 1), time, 15)
    memory = MemoryTokens(
        torch.cat((features, tokens), dim=1),
        torch.cat((place, token_place), dim=1),
        tokens.shape[1],
    )
    return outputs, now, memory


@pytest.mark.parametrize('kind', ['sam2.1', 'sam2'])
@pytest.mark.parametrize('size', ['t', 's', 'b+', 'l'])
def test_state_dict_keys_and_shapes_are_the_official_ones(kind, size, monkeypatch):
    # Only the shapes matter: leave the hundreds of millions of weights as they come.
    for layer in (torch.nn.Linear, torch.nn.modules.conv._ConvNd):
        monkeypatch.setattr(layer, 'reset_parameters', lambda self: None)
    official = official_network(kind, size)
    with torch.device('meta'):
        ours = our_network(kind, size)
    expected = {key: value.shape for key, value in official.state_dict().items()}
    assert {key: value.shape for key, value in ours.state_dict().items()} == expected


@pytest.mark.parametrize(
    ('kind', 'size', 'image_size'),
    [('sam2.1', 't', 320), ('sam2', 's', 256), ('sam2.1', 'b+', 224), ('sam2.1', 'l', 96)],
)
@torch.inference_mode()
def test_image_features(kind, size, image_size):
    official = official_network(kind, size, image_size)
    randomise(official)
    ours = our_network(kind, size, image_size)
    ours.load_state_dict(official.state_dict())
    batch = images(1, image_size)
    maps = official.forward_image(batch)['backbone_fpn']
    for mine, theirs in zip(ours.encode_image(batch), maps, strict=True):
        close(mine, theirs)


@torch.inference_mode()
def test_conditioning_without_memory(pair):
    expected = pair.official._prepare_memory_conditioned_features(
        0, True, pair.tokens[-1:], pair.positions[-1:], pair.sizes[-1:], {}, 100
    )
    close(pair.ours.condition(pair.features.stride16, None), expected)


@pytest.mark.parametrize('objects', [1, 3])
@torch.inference_mode()
def test_conditioning_on_memory_and_pointers(pair, objects):
    outputs, now, memory = memory_of(pair.ours, objects)
    expected = pair.official._prepare_memory_conditioned_features(
        now,
        False,
        [pair.tokens[-1].expand(-1, objects, -1)],
        [pair.positions[-1].expand(-1, objects, -1)],
        pair.sizes[-1:],
        outputs,
        100,
    )
    close(pair.ours.condition(pair.features.stride16, memory), expected)


@torch.inference_mode()
def test_masked_memory_equals_absent_memory(pair):
    _, _, memory = memory_of(pair.ours, 2)
    area = pair.ours.feature_size**2
    key_mask = torch.ones(memory.features.shape[:2], dtype=torch.bool)
    key_mask[:, area : 2 * area] = False
    stride16 = pair.features.stride16
    masked = pair.ours.condition(stride16, memory._replace(key_mask=key_mask))
    kept = key_mask[0]
    shorter = MemoryTokens(
        memory.features[:, kept], memory.position[:, kept], memory.num_pointer_tokens
    )
    close(masked, pair.ours.condition(stride16, shorter))


def decoder_input(pair, objects, points, with_mask):
    """Return conditioned features, points, labels and previous masks."""
    generator = torch.Generator().manual_seed(4)
    stride16 = pair.features.stride16
    conditioned = stride16 + torch.randn(objects, *stride16.shape[1:], generator=generator)
    side = IMAGE_SIZE // 4
    mask = torch.randn(objects, 1, side, side, generator=generator) if with_mask else None
    if not points:
        return conditioned, None, None, mask
    point = torch.rand(objects, points, 2, generator=generator) * IMAGE_SIZE
    label = torch.randint(0, 4, (objects, points), generator=generator)
    return conditioned, point, label.int(), mask


@pytest.mark.parametrize('multimask', [True, False])
@pytest.mark.parametrize(
    ('points', 'with_mask', 'training'),
    [(0, False, False), (1, False, False), (5, True, False), (0, True, True)],
)
@torch.no_grad()
def test_decoding(pair, multimask, points, with_mask, training):
    objects = 6
    conditioned, point, label, mask = decoder_input(pair, objects, points, with_mask)
    prompts = {'points': point, 'labels': label, 'mask_logits': mask}
    # Half of the objects shall be absent.
    presence = pair.ours.decode(conditioned, pair.features, **prompts, multimask=True)
    for network in (pair.official, pair.ours):
        bias = network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias
        bias -= presence.presence_logits.median() + 1e-3
    pair.train(training)
    low_multi, _, ious, low, high, pointer, presence = pair.official._forward_sam_heads(
        backbone_features=conditioned,
        point_inputs={'point_coords': point, 'point_labels': label} if points else None,
        mask_inputs=mask,
        high_res_features=[m.expand(objects, -1, -1, -1) for m in pair.maps[:2]],
        multimask_output=multimask,
    )
    decoded = pair.ours.decode(conditioned, pair.features, **prompts, multimask=multimask)
    close(decoded.presence_logits, presence[:, 0])
    close(decoded.mask_logits, low)
    close(decoded.high_res_logits, high)
    close(decoded.candidates.iou, ious)
    close(decoded.pointer, pointer)
    present = presence[:, 0] > 0
    assert 0 < present.sum() < objects
    close(decoded.candidates.mask_logits[present], low_multi[present])
    torch.testing.assert_close(decoded.iou, decoded.candidates.iou.amax(dim=1))


@torch.inference_mode()
def test_mask_prompt_as_output(pair):
    mask = torch.zeros(3, 1, IMAGE_SIZE, IMAGE_SIZE)
    mask[0, :, 40:100, 30:120] = 1
    mask[1, :, 41:53, 60:77] = 1  # the third object is absent
    expected = pair.official._use_mask_as_output(
        pair.maps[2].expand(3, -1, -1, -1),
        [m.expand(3, -1, -1, -1) for m in pair.maps[:2]],
        mask,
    )
    decoded = pair.ours.mask_as_output(pair.features, mask)
    close(decoded.mask_logits, expected[3])
    close(decoded.pointer, expected[5])
    close(decoded.presence_logits, expected[6][:, 0])


@pytest.mark.parametrize('from_prompt', [True, False])
@pytest.mark.parametrize('training', [True, False])
@torch.no_grad()
def test_memory_encoding(pair, from_prompt, training):
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(3, 1, IMAGE_SIZE, IMAGE_SIZE, generator=generator) * 4
    presence = torch.tensor([3.0, -2.0, 0.5])
    pair.train(training)
    expected, position = pair.official._encode_new_memory(
        [pair.tokens[-1].expand(-1, 3, -1)], pair.sizes, logits, presence[:, None], from_prompt
    )
    memory = pair.ours.encode_memory(
        pair.features.stride16, logits, presence, from_prompt=from_prompt
    )
    close(memory, expected)
    close(pair.ours.memory_position().T, position[0][0].flatten(1), 1e-6)
