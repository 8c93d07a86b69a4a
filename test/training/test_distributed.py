# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Processes that share out the clips of a step take the step that one process would take."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from repository import REPO
from tiny_training import write_training

pytestmark = pytest.mark.slow  # two processes that load torch, several times

SCRIPT = REPO / 'test' / 'support' / 'gradient_process.py'


def take_step(config: Path, output: Path, processes: int) -> list[dict]:
    """Take a step in so many processes that torchrun starts; return what each saved."""
    output.mkdir()
    launcher = ['-m', 'torch.distributed.run', '--standalone', '--nproc-per-node', str(processes)]
    command = [sys.executable, *(launcher if processes > 1 else []), str(SCRIPT)]
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    finished = subprocess.run(
        [*command, str(config), str(output)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    paths = [output / f'process_{number}.pt' for number in range(processes)]
    return [torch.load(path, weights_only=True) for path in paths]


@pytest.fixture(scope='module')
def one_and_two(tmp_path_factory):
    """Take the same step in one process and in two."""
    folder = tmp_path_factory.mktemp('gradients')
    config = write_training(folder, clip_norm=1e9)
    return take_step(config, folder / 'one', 1)[0], take_step(config, folder / 'two', 2)


def test_each_process_takes_half_of_the_clips(one_and_two):
    one, two = one_and_two
    assert [process['world'] for process in two] == [2, 2]
    assert two[0]['names'] + two[1]['names'] == one['names']


def test_two_processes_with_half_the_clips_have_the_gradients_of_one_with_all(one_and_two):
    one, two = one_and_two
    largest = max(float(gradient.abs().max()) for gradient in one['gradients'].values())
    assert largest > 1e-2
    for name, gradient in one['gradients'].items():
        for process in two:
            assert torch.allclose(process['gradients'][name], gradient, atol=1e-5 * largest), name


def test_all_processes_report_the_mean_loss(one_and_two):
    one, two = one_and_two
    assert two[0]['terms'] == two[1]['terms']
    assert two[0]['terms'] == pytest.approx(one['terms'], rel=1e-4)


def test_what_the_processes_drew_is_joined_in_their_order(one_and_two):
    one, two = one_and_two
    assert one['gathered'] == ['0a', '0b']
    assert [process['gathered'] for process in two] == [['0a', '0b', '1a', '1b']] * 2


def test_the_process_that_fails_says_why_and_the_other_ends_in_a_line(tmp_path):
    rendered = {'type': 'rendered', 'num_clips': 2, 'clip_length': 4, 'path': '/dev/null/clips'}
    config = write_training(tmp_path, devices=2, data=[rendered])
    finished = subprocess.run(
        [sys.executable, '-m', 'surgsam2_ros.cli', 'train', '--config', str(config)],
        cwd=tmp_path,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert finished.returncode == 1
    assert "'/dev/null/clips'" in finished.stderr
    assert 'process 1 ends since another process of the training has ended' in finished.stderr
    assert 'Traceback' not in finished.stderr
