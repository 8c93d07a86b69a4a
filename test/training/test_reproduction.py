# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A loss that is no number stops the training, names its clips and can be looked at again."""

from __future__ import annotations

import pytest
import torch
from tiny_training import write_training

from surgsam2_ros.cli import main
from surgsam2_ros.network import build_network
from surgsam2_ros.training.export import export_official


@pytest.fixture(scope='module')
def stopped(tmp_path_factory):
    """Train from weights that hold a NaN; return the folder and the command."""
    folder = tmp_path_factory.mktemp('stopped')
    config = write_training(folder, initial_weights='broken.pt')
    state = build_network(folder / 'models' / 'tiny.yaml').state_dict()
    state['sam_mask_decoder.iou_token.weight'][0, 0] = float('nan')
    export_official(state, folder / 'broken.pt')
    return folder, ['train', '--config', str(config), '--output', str(folder / 'run')]


def test_the_message_names_the_clips_and_how_to_look_at_them_again(stopped, capsys):
    folder, arguments = stopped
    assert main(arguments) == 1
    error = capsys.readouterr().err
    saved = folder / 'run' / 'non_finite_step_0_process_0.pt'
    assert 'video_0/0000' in error or 'video_1/0000' in error
    assert f'surgsam2 train --replay {saved}' in error
    assert len(error.strip().splitlines()) == 1
    assert not (folder / 'run' / 'last.pt').exists()

    assert main(['train', '--replay', str(saved)]) == 1
    again = capsys.readouterr().out
    assert 'presence nan' in again
    named = clip_names(saved)
    assert len(named) == 2
    for name in named:
        assert name in error
        assert name in again


def clip_names(path):
    """Return the name of the first frame of every clip that a saved step holds."""
    groups = torch.load(path, weights_only=True)['groups']
    return [clip['names'][0] for group in groups for clip in group['clips']]


def test_a_file_that_is_no_saved_step_is_named(tmp_path, capsys):
    path = tmp_path / 'other.pt'
    torch.save({'model': {}}, path)
    assert main(['train', '--replay', str(path)]) == 1
    assert 'other.pt is no step saved by a training' in capsys.readouterr().err
