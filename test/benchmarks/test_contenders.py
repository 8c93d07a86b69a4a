# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The others: the same network under other names, or a clear word about what is missing."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from importlib.util import find_spec

import pytest
import torch
from naive_pruning import surviving_memories
from oracle_sam2 import ALWAYS_PRESENT
from repository import REPO
from tiny_network import tiny_network

from surgsam2_ros.benchmarks import rows
from surgsam2_ros.benchmarks.cases import Case, moving_boxes
from surgsam2_ros.benchmarks.contenders import (
    CONTENDERS,
    STAGES,
    ContenderError,
    OfficialSam2,
    OfficialSam2Vos,
    Ours,
    pruning_sam2,
)
from surgsam2_ros.benchmarks.contenders.pruning_sam2 import surviving_tokens
from surgsam2_ros.benchmarks.contenders.transformers_weights import transformers_state
from surgsam2_ros.benchmarks.gpu_check.weights import heat
from surgsam2_ros.benchmarks.rows import measure_network
from surgsam2_ros.commands.bench.command import AGAINST
from surgsam2_ros.network import TrunkConfig, build_network, load_config
from surgsam2_ros.network.checkpoint import load_network, use_mixed_precision

needs_peers = pytest.mark.skipif(
    not (find_spec('transformers') and find_spec('timm')), reason='needs requirements/bench.txt'
)
TINY_HIERA = TrunkConfig(embed_dim=16, stages=(1, 1, 2, 1), global_blocks=(3,))
WIDTHS = {'hidden_dim': 128, 'memory_dim': 64, 'decoder_heads': 2, 'num_frame_to_prune': 2}


def tiny_hiera(**changes):
    """Return a narrow network with Hiera whose memory counts in the logits."""
    network = tiny_network(trunk=TINY_HIERA, **WIDTHS, **changes).requires_grad_(False)
    heat(network)
    network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(ALWAYS_PRESENT)
    return network


def case(network, *against, objects=2, growth_frames=0):
    model = network.config.directory / f'{network.config.name}.yaml'
    return Case(model, network.image_size, objects, against, rounds=1, growth_frames=growth_frames)


@pytest.fixture
def short_warm_up(monkeypatch):
    monkeypatch.setattr(rows, 'WARM_UP', 2)


def difference(network, name):
    (row,), missing = measure_network(network, case(network, name), 'random')
    assert not missing
    return row['max_logit_difference']


@pytest.mark.slow
@needs_peers
@pytest.mark.parametrize('kind', ['sam2', 'sam2.1'])
def test_transformers_computes_what_we_compute_without_pruning(kind):
    assert difference(tiny_hiera(kind=kind), 'transformers-sam2') <= 1e-4


@pytest.mark.slow
@needs_peers
@pytest.mark.parametrize('key', ['maskmem_tpos_enc', 'obj_ptr_tpos_proj.weight'])
def test_a_weight_in_the_wrong_place_shows(key, monkeypatch):
    from surgsam2_ros.benchmarks.contenders import transformers_sam2

    def mistaken(state):
        return transformers_state({**state, key: state[key].flip(0) + 0.1})

    monkeypatch.setattr(transformers_sam2, 'transformers_state', mistaken)
    assert difference(tiny_hiera(), 'transformers-sam2') > 1e-3


@pytest.mark.slow
@needs_peers
def test_all_are_taken_in_turns_in_one_run_and_get_a_row_each(monkeypatch, short_warm_up):
    network = tiny_hiera(image_size=256)
    others = ('transformers-sam2', 'edgetam')
    taken = []
    for name in others:
        contender = CONTENDERS[name]

        def step(self, name=name, original=contender.step):
            taken.append(name)
            original(self)

        monkeypatch.setattr(contender, 'step', step)
    found, missing = measure_network(network, case(network, *others, objects=1), 'random')
    assert not missing
    assert taken[:6] == [*others] * 3
    same, own = found
    assert (same['against'], own['against']) == others
    assert same['wall_ms'] == own['wall_ms']
    assert same['same_weights'] and not own['same_weights']
    assert own['max_logit_difference'] is None
    for row in found:
        assert list(row['stages_cpu_ms_against']) == [*STAGES, 'rest']
        assert min(row['stages_cpu_ms_against'].values()) > 0
        assert row['gflop_against'] > 0 and row['ops_against'] > 0


@pytest.mark.parametrize('entries', range(1, 10))
@pytest.mark.parametrize('most', [5, 7])
def test_the_memories_that_surgsam2_attends_to_are_those_of_its_rule(entries, most):
    generator = torch.Generator().manual_seed(entries)
    memories = torch.randn(entries, 6, 1, 8, generator=generator)
    expected = surviving_memories([one[:, 0].numpy() for one in memories], 7, 7 - most)
    tokens = surviving_tokens(memories, most).view(-1, 6)
    assert (tokens[:, 0] // 6).tolist() == expected
    assert (tokens - tokens[:, :1] == torch.arange(6)).all()


@pytest.mark.slow
@pytest.mark.skipif(not find_spec('sam2'), reason='needs requirements/oracle.txt')
def test_surgsam2_computes_what_we_compute_with_pruning(monkeypatch):
    """Each is held against ours with as many memories left out, and only so are they alike."""
    monkeypatch.setattr(rows, 'WARM_UP', 10)
    network = sam21_tiny(prune=2)
    found, missing = measure_network(network, case(network, 'sam2', 'surgsam2'), 'random')
    assert not missing
    assert [(row['pruned'], row['pruned_against']) for row in found] == [(2, 0), (2, 2)]
    assert [row['max_logit_difference'] <= 1e-3 for row in found] == [True, True]
    monkeypatch.setattr(pruning_sam2, 'surviving_tokens', lambda memories, most: first(memories))
    (row,), _ = measure_network(network, case(network, 'surgsam2'), 'random')
    assert row['max_logit_difference'] > 1e-2


@pytest.mark.slow
@pytest.mark.skipif(not find_spec('sam2'), reason='needs requirements/oracle.txt')
def test_the_official_code_gets_the_precision_of_ours_and_its_compiled_kind_is_the_same():
    """Uncompiled, the functions of `vos_optimized` compute what the plain ones do."""
    network = sam21_tiny(prune=0)
    clip, boxes = moving_boxes(16, 1)
    plain = OfficialSam2(network, clip, boxes)
    with torch.compiler.set_stance('force_eager'):
        optimized = OfficialSam2Vos(network, clip, boxes)
        for contender in (plain, optimized):
            contender.step()
            contender.step()
    assert torch.equal(plain.logits(), optimized.logits())
    use_mixed_precision(network, torch.bfloat16)
    half = OfficialSam2(network, clip, boxes)
    half.step()
    half.step()
    weight = half.predictor.memory_attention.layers[0].linear1.weight
    assert weight.dtype == torch.bfloat16
    apart = (half.logits() - plain.logits()).abs().mean() / plain.logits().abs().mean()
    assert 0 < apart < 0.05


def first(memories):
    """Let the five oldest memories stay."""
    return torch.arange(min(len(memories), 5) * memories.shape[1])


def sam21_tiny(prune):
    config = load_config(REPO / 'models' / 'sam2.1_hiera_t.yaml')
    config = dataclasses.replace(config, image_size=128, num_frame_to_prune=prune)
    torch.manual_seed(0)
    network = build_network(config).requires_grad_(False).eval()
    heat(network)
    network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(ALWAYS_PRESENT)
    return network


def test_memory_is_measured_for_both(monkeypatch, short_warm_up):
    monkeypatch.setitem(CONTENDERS, 'sam2', Ours)
    network = tiny_hiera()
    (row,), _ = measure_network(network, case(network, 'sam2', growth_frames=2), 'random')
    assert row['peak_memory_mb'] > 0 and row['peak_memory_mb_against'] > 0
    assert abs(row['memory_growth_mb']) < 2 and abs(row['memory_growth_mb_against']) < 2


@pytest.mark.slow
@needs_peers
def test_one_that_has_no_such_network_leaves_the_others(monkeypatch, short_warm_up):
    monkeypatch.setitem(CONTENDERS, 'sam2', Ours)
    network = tiny_network().requires_grad_(False)
    found, missing = measure_network(network, case(network, 'transformers-sam2', 'sam2'), 'random')
    assert [row['against'] for row in found] == ['sam2']
    assert missing == {'transformers-sam2': 'transformers has no network like surgsam2_nano'}


@pytest.mark.parametrize('name', ['transformers-sam2', 'edgetam'])
def test_a_missing_library_is_named_with_the_remedy(name, monkeypatch):
    monkeypatch.setitem(sys.modules, 'transformers', None)
    clip, boxes = moving_boxes(2, 1)
    with pytest.raises(ContenderError, match=r'transformers.* -r requirements/bench.txt'):
        CONTENDERS[name](tiny_hiera(), clip, boxes)


@pytest.mark.slow
@needs_peers
def test_timm_is_imported_without_torchvision_and_leaves_no_trace():
    program = (
        'import sys\n'
        'from surgsam2_ros.benchmarks.contenders.timm_import import import_timm\n'
        'import_timm()\n'
        'import timm\n'
        "timm.create_model('repvit_m1', num_classes=0, features_only=True)\n"
        "assert not [name for name in sys.modules if name.startswith('torchvision')]\n"
        'assert not [f for f in sys.meta_path if "timm_import" in type(f).__module__]\n'
    )
    subprocess.run([sys.executable, '-c', program], check=True)


def test_the_weights_are_shared_not_copied():
    network = tiny_hiera()
    state = transformers_state(network.state_dict())
    encodings = state['memory_temporal_positional_encoding']
    assert encodings.data_ptr() == network.maskmem_tpos_enc.data_ptr()
    assert torch.equal(
        state['prompt_encoder.point_embed.weight'][3],
        network.sam_prompt_encoder.point_embeddings[3].weight[0],
    )


def test_ours_with_its_detector_gives_the_same_masks_and_counts_more_operations(short_warm_up):
    network = load_network(REPO / 'models' / 'surgsam2_nano_320.yaml').requires_grad_(False)
    (row,), missing = measure_network(network, case(network, 'with-detector'), 'trained')
    assert not missing
    assert row['max_logit_difference'] == 0
    assert 0 < row['gflop_against'] - row['gflop'] <= 0.05


def test_a_network_without_a_detector_is_told_of():
    network = tiny_network()
    found, missing = measure_network(network, case(network, 'with-detector'), 'random')
    assert not found
    assert 'detector weights' in missing['with-detector']


def test_every_contender_can_be_chosen_by_its_name():
    assert set(AGAINST) == {'none', *CONTENDERS}
