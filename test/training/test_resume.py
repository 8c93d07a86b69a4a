# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A training that was killed goes on as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from tiny_training import write_training

from surgsam2_ros.training.config import load_training_config
from surgsam2_ros.training.loop import train

STEPS = 12
CHANGES = {
    'steps': STEPS,
    'save_minutes': 0.0,
    'curriculum': [[0.3, 1], [1.0, 2]],
    'image_interval': 4,
    'trunk_interval': 2,
    'warmup': 0.2,
    'augmentation': {'hflip': 0.5, 'degrees': 10.0, 'frame_brightness': 0.2},
    'disturbance': {'corrupt_mask': 0.5},
}


@pytest.fixture
def one_thread():
    """Compute with one thread, as the killed process does, so that equal means equal to the bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def losses_of(config, output, **options):
    """Train in this process; return the loss terms of each step."""
    losses = {}

    def note(status):
        if status.terms:
            losses[status.step] = dict(status.terms)

    train(config, output, report=note, **options)
    return losses


def test_a_killed_training_resumes_to_the_losses_and_weights_of_an_uninterrupted_one(
    tmp_path, one_thread
):
    path = write_training(tmp_path, **CHANGES)
    config = load_training_config(path)
    killed = tmp_path / 'killed'
    command = [sys.executable, '-m', 'surgsam2_ros.cli', 'train']
    command += ['--config', str(path), '--output', str(killed)]
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    process = subprocess.Popen(command, env=environment)
    try:
        while not (killed / 'state.pt').exists():
            assert process.poll() is None, 'the training ended before it saved anything'
            time.sleep(0.02)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = torch.load(killed / 'state.pt', weights_only=True)['steps']
    assert 1 <= done < STEPS

    resumed = losses_of(config, killed, resume=True)
    whole = losses_of(config, tmp_path / 'whole')
    assert list(whole) == list(range(1, STEPS + 1))
    assert resumed == {step: terms for step, terms in whole.items() if step > done}
    states = [
        torch.load(tmp_path / name / 'state.pt', weights_only=True) for name in ('killed', 'whole')
    ]
    for name, tensor in states[0]['modules'].items():
        assert torch.equal(tensor, states[1]['modules'][name]), name
    scores = [
        json.loads((tmp_path / name / 'log.jsonl').read_text().splitlines()[-1])['J']
        for name in ('killed', 'whole')
    ]
    assert scores[0] == scores[1]


def test_the_log_forgets_what_came_after_the_state(tmp_path):
    from surgsam2_ros.training.monitoring import TrainingLog

    (tmp_path / 'log.jsonl').write_text('{"step": 20}\n{"step": 40}\n{"step": 60}\n{"st')
    TrainingLog(tmp_path, step=40).close()
    assert (tmp_path / 'log.jsonl').read_text() == '{"step": 20}\n{"step": 40}\n'
