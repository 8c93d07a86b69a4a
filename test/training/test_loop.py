# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A short training through the command leaves weights that load, logs and pictures."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from tiny_training import write_training

from surgsam2_ros.cli import main
from surgsam2_ros.network import load_network
from surgsam2_ros.training.config import load_training_config
from surgsam2_ros.training.loop import open_data


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    """Run a training of two steps once; return its folder and the arguments of the command."""
    folder = tmp_path_factory.mktemp('training')
    config = write_training(folder)
    arguments = ['train', '--config', str(config), '--output', str(folder / 'run')]
    assert main(arguments) == 0
    return folder, arguments


def test_best_and_last_weights_load_in_both_formats(finished):
    folder, _ = finished
    networks = {
        name: load_network(folder / 'models' / 'tiny.yaml', checkpoint=folder / 'run' / name)
        for name in ('last.pt', 'last.safetensors', 'best.pt', 'best.safetensors')
    }
    whole, half = networks['last.pt'].state_dict(), networks['last.safetensors'].state_dict()
    assert not any('foreground' in name for name in whole)
    for name, tensor in whole.items():
        assert torch.equal(half[name], tensor.half().float()), name


def test_the_official_file_holds_the_weights_as_model_in_float32(finished):
    content = torch.load(finished[0] / 'run' / 'last.pt', weights_only=True)
    assert list(content) == ['model']
    assert all(tensor.dtype == torch.float32 for tensor in content['model'].values())


def test_scores_are_logged_and_predictions_drawn(finished):
    run = finished[0] / 'run'
    lines = [json.loads(line) for line in (run / 'log.jsonl').read_text().splitlines()]
    assert lines[-1]['step'] == 2
    assert 0 <= lines[-1]['J mask'] <= 1
    sheet = cv2.imread(str(run / 'validation' / 'step_000002.jpg'))
    assert sheet.shape[1] > 4 * 320
    assert list((run / 'tensorboard').glob('events.*'))


def test_nothing_unfinished_is_left(finished):
    assert not list((finished[0] / 'run').rglob('*.part'))


def test_scenes_of_the_kinds_asked_for_are_rendered_once_and_read(tmp_path):
    source = {'type': 'rendered', 'num_clips': 2, 'clip_length': 2, 'kinds': ['smoke']}
    config = load_training_config(write_training(tmp_path, data=[source]))
    for _ in range(2):
        training, _ = open_data(config, tmp_path / 'run', 64, Fabric(accelerator='cpu'))
        assert training.draw(np.random.default_rng(0), 2).images.shape == (2, 3, 64, 64)
    settings = json.loads((tmp_path / 'run/clips/train/settings.json').read_text())
    assert settings['kinds'] == ['smoke']


def test_several_rendered_sources_keep_their_clips_apart(tmp_path):
    source = {'type': 'rendered', 'num_clips': 2, 'clip_length': 2}
    sources = [source, {**source, 'kinds': ['smoke']}]
    config = load_training_config(write_training(tmp_path, data=sources))
    open_data(config, tmp_path / 'run', 64, Fabric(accelerator='cpu'))
    clips = {
        folder: [np.load(path) for path in sorted((tmp_path / 'run/clips' / folder).glob('*.npy'))]
        for folder in ('train', 'train_2')
    }
    assert len(clips['train']) == len(clips['train_2']) == 2
    assert not np.array_equal(clips['train'][0], clips['train_2'][0])


def test_a_folder_with_a_training_is_not_overwritten(finished, capsys):
    assert main(finished[1]) == 1
    assert '--resume' in capsys.readouterr().err


def test_a_finished_training_that_is_resumed_changes_nothing(finished):
    folder, arguments = finished
    before = (folder / 'run' / 'last.pt').read_bytes()
    assert main([*arguments, '--resume']) == 0
    assert (folder / 'run' / 'last.pt').read_bytes() == before


def test_a_state_of_other_settings_is_refused_by_name(finished, capsys):
    assert main([*finished[1], '--resume', '--set', 'ema=null']) == 1
    assert 'another setting of ema' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('override', 'message'),
    [
        ('stepps=1', "unknown field 'stepps'"),
        ('data.0.path=nowhere', 'nowhere'),
        ('initial_weights=none.pt', 'none.pt does not exist; put it there'),
        ('freeze=[imge_encoder.]', "starts with 'imge_encoder.'; it has"),
        ('validation_frames=9', 'has 3 labelled frames, clips have up to 9'),
        ('devices=3', 'choose a multiple of 3'),
    ],
)
def test_what_is_missing_is_one_line_with_the_remedy(tmp_path, override, message, capsys):
    config = write_training(tmp_path)
    output = tmp_path / 'run'
    arguments = ['train', '--config', str(config), '--output', str(output), '--set', override]
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason='this machine has a GPU')
def test_a_gpu_that_is_not_there_is_one_line_with_the_remedy(tmp_path, capsys):
    config = write_training(tmp_path)
    assert main(['train', '--config', str(config), '--set', 'device=cuda']) == 1
    error = capsys.readouterr().err
    assert 'no GPU was found' in error
    assert 'device=cpu' in error
    assert len(error.strip().splitlines()) == 1
