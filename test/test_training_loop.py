# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A short training runs, improves, resumes where it stopped and exports a network that loads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import yaml

from surgsam2_ros.cli import main
from surgsam2_ros.network import build_network, load_network
from surgsam2_ros.training.clips import render_clips
from surgsam2_ros.training.config import load_training_config
from surgsam2_ros.training.export import export_weights
from surgsam2_ros.training.loop import Trainer, initial_network, train
from surgsam2_ros.training.objective import Objective

MODEL = {
    'kind': 'sam2.1',
    'image_size': 64,
    'trunk': {'type': 'efficientnet_lite0'},
    'hidden_dim': 64,
    'memory_dim': 32,
    'memory_attention_layers': 1,
    'memory_attention_feedforward': 64,
    'decoder_heads': 2,
    'decoder_feedforward': 64,
    'decoder_iou_hidden': 32,
    'fuser_layers': 1,
}
TRAINING = {
    'model': 'models/tiny.yaml',
    'initial_weights': 'random',
    'num_clips': 4,
    'clip_length': 4,
    'held_out_clips': 2,
    'processes': 1,
    'steps': 4,
    'warmup': 0.1,
    'frozen_blocks': 1,
    'trunk_interval': 2,
    'curriculum': [[0.5, 1], [1.0, 2]],
    'images_per_step': 2,
    'disturbance': {'corrupt_mask': 0.3, 'correct_prompt': 0.5},
}


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp('clips')
    for name, count, seed in (('train', 4, 0), ('held_out', 2, 1_000_000)):
        render_clips(folder / name, count, 4, 64, seed)
    return folder


@pytest.fixture
def config_file(tmp_path):
    for folder, name, values in (
        ('models', 'tiny.yaml', MODEL),
        ('config/training', 'tiny.yaml', TRAINING),
    ):
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump(values))
    return tmp_path / 'config' / 'training' / 'tiny.yaml'


def read_log(folder: Path):
    return [json.loads(line) for line in (folder / 'log.jsonl').read_text().splitlines()]


def test_a_training_leaves_log_state_and_weights_that_load(config_file, clips, tmp_path):
    output = tmp_path / 'run'
    lines = []
    config = load_training_config(config_file, [f'clips={clips}'])
    train(config, output, report=lines.append)
    last = read_log(output)[-1]
    assert last['step'] == 4
    assert 0 <= last['J mask'] <= 1
    assert lines[-1].startswith('step=4 ')
    model = config_file.parents[2] / 'models' / 'tiny.yaml'
    network = load_network(model, checkpoint=output / 'weights.safetensors')
    assert not network.training
    assert not any('foreground' in name for name in network.state_dict())
    with pytest.raises(FileExistsError, match='resume'):
        train(config, output)


def test_the_command_trains_and_refuses_to_overwrite(config_file, clips, tmp_path, capsys):
    arguments = ['train', '--config', str(config_file), '--output', str(tmp_path / 'run')]
    arguments += ['--set', f'clips={clips}', '--set', 'steps=1']
    assert main(arguments) == 0
    assert 'step=1 ' in capsys.readouterr().out
    assert main(arguments) == 1
    assert 'resume it' in capsys.readouterr().err
    assert main([*arguments, '--set', 'stepps=1']) == 1
    assert "unknown field 'stepps'" in capsys.readouterr().err


def test_a_resumed_training_goes_on_with_weights_moments_and_averages(config_file, clips, tmp_path):
    config = load_training_config(config_file, [f'clips={clips}', 'steps=50'])
    first = Trainer(config, tmp_path)
    for _ in range(3):
        first.step()
    first.save()
    second = Trainer(config, tmp_path)
    second.restore()
    assert second.steps == 3
    assert second.averaged.updates == 3
    for a, b in zip(first.averaged.values, second.averaged.values, strict=True):
        assert torch.equal(a, b)
    for a, b in zip(first.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(a, b)
    states = (first.optimizer.state_dict(), second.optimizer.state_dict())
    moments = [state['state'][0]['exp_avg'] for state in states]
    assert torch.equal(*moments)
    assert moments[0].abs().max() > 0


def test_the_memory_is_first_looked_up_where_it_was_made(config_file):
    network = initial_network(load_training_config(config_file)).eval()
    attention = network.memory_attention
    side = network.feature_size
    cos, sin = attention.rotary_cos, attention.rotary_sin
    cross = attention.layers[0].cross_attn_image
    with torch.no_grad():
        queries = cross.queries(torch.randn(1, side**2, 64), cos, sin)
        keys = cross.keys(torch.randn(1, side**2, 32), cos, sin)
        weights = (queries @ keys.transpose(2, 3) / 64**0.5).softmax(dim=-1)[0, 0]
    own = weights.diagonal().mean()
    assert own > 2 * (1 - own) / (side**2 - 1)


def test_frozen_blocks_stay_and_the_trunk_rests_between_its_steps(config_file, clips, tmp_path):
    config = load_training_config(config_file, [f'clips={clips}', 'curriculum=[[1.0, 2]]'])
    trainer = Trainer(config, tmp_path)
    trunk = trainer.network.image_encoder.trunk
    frozen, late = trunk.stem.weight.clone(), trunk.blocks[5].project.weight
    trainer.step()
    trained_in_even_step = late.grad.abs().max() > 0
    trainer.step()
    assert trained_in_even_step
    assert late.grad.abs().max() == 0
    assert torch.equal(trunk.stem.weight, frozen)


def test_images_are_trained_between_clips(config_file, clips, tmp_path, monkeypatch):
    overrides = [f'clips={clips}', 'curriculum=[[1.0, 2]]', 'image_interval=3']
    trainer = Trainer(load_training_config(config_file, overrides), tmp_path)
    lengths = []
    weight = next(trainer.network.sam_mask_decoder.parameters())

    def record(objective, frames, progress):
        lengths.append(frames)
        return {'loss': weight.sum()}

    monkeypatch.setattr(Objective, '__call__', record)
    for _ in range(6):
        trainer.step()
    assert lengths == [2, 1, 2, 2, 1, 2]


@pytest.mark.slow
def test_training_on_one_clip_learns_it(config_file, clips, tmp_path):
    overrides = [f'clips={clips}', 'steps=150', 'curriculum=[[1.0, 1]]', 'trunk_scale=1.0']
    trainer = Trainer(load_training_config(config_file, overrides), tmp_path)
    losses = [trainer.step()['dice'] for _ in range(150)]
    assert sum(losses[-20:]) < 0.7 * sum(losses[:20])


def test_exported_weights_are_half_precision_and_come_back(config_file, tmp_path):
    trainer_config = load_training_config(config_file)
    model = trainer_config.root / trainer_config.model
    network = build_network(model)
    path = tmp_path / 'weights.safetensors'
    export_weights(network, path, {'steps': '7'})
    loaded = load_network(model, checkpoint=path)
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name].half().float()), name
    assert path.stat().st_size < 2.2 * sum(t.numel() for t in network.state_dict().values())
