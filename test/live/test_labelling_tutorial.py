# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""From a bag to labels, to a network tuned on them, to a node that runs it, as a tutorial tells.

The commands are taken from its text and run as they stand, the training for a few steps alone.
What is done on the page in between is done through the desk that the page drives.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from repository import REPO

from surgsam2_ros.console.label.labels import Verdict
from surgsam2_ros.console.label.opening import open_label_desk
from surgsam2_ros.network import load_network
from surgsam2_ros.tracking import Prompt
from surgsam2_ros.training.training_bag import TrainingBag

TUTORIAL = REPO / 'docs' / 'tutorials' / 'label_a_bag.md'
IMAGES, TRUTH = '/endoscope/left/image_raw/compressed', '/endoscope/left/ground_truth'
LABELLED_IN = 12
FEW_STEPS = ('steps=4', 'clips_per_step=1', 'validation_clips=1', 'validation_frames=2')


def commands() -> list[str]:
    """Return the tutorial's command lines, in their order."""
    text = TUTORIAL.read_text(encoding='utf-8').replace('\\\n', ' ')
    return [line.strip() for line in text.splitlines() if re.match(' {7,}[a-z]', line)]


def run(line: str, folder: Path, *more: str) -> None:
    """Run a line in a folder that has the project's configurations and models."""
    words = shlex.split(line)
    assert words.pop(0) == 'surgsam2'
    done = subprocess.run(
        [sys.executable, '-m', 'surgsam2_ros.cli', *words, *more],
        cwd=folder,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        timeout=420,
    )
    assert done.returncode == 0, f'{line}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}'


def box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a mask."""
    rows, columns = np.nonzero(mask)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def label(bag: Path, classes: Sequence[str]) -> None:
    """Draw a box around each instrument, carry the masks both ways, judge and export."""
    network = load_network(REPO / 'models' / 'surgsam2_nano_320.yaml').eval()
    network.prepare_inference()
    desk, _ = open_label_desk(bag, network, image_topic=IMAGES)
    try:
        desk.go_to(LABELLED_IN)
        picture = desk.wait_for_picture(desk.cameras[0], 0, 10.0)
        labels = TrainingBag(bag, IMAGES, TRUTH).labels(LABELLED_IN)
        for value, name in enumerate(classes, start=1):
            desk.give(picture, Prompt(name, box=box(labels == value), class_name=name), 'ann')
        for step in (1, -1):
            desk.go_to(LABELLED_IN)
            desk.propagate(step, 'ann')
            assert desk.wait(120)
        desk.judge(Verdict.ACCEPTED, 0, 43, 'ann')
        desk.judge(Verdict.REJECTED, 44, 47, 'ann')
        desk.export(bag.with_name(f'{bag.name}.labels') / 'dataset', author='ann')
        assert desk.wait(60)
    finally:
        desk.close()


@pytest.mark.slow
def test_the_commands_lead_from_a_bag_to_a_node_with_a_network_of_ones_own(tmp_path):
    for name in ('config', 'models'):  # copied: a training's paths begin where its settings lie
        shutil.copytree(REPO / name, tmp_path / name)
    steps = {line.split()[1]: line for line in commands() if line.startswith('surgsam2 ')}
    assert list(steps) == ['render', 'console', 'dataset', 'evaluate', 'train', 'demo']
    bag = tmp_path / 'run.mcap'

    run(steps['render'], tmp_path)
    label(bag, ['needle_driver', 'grasper'])
    run(steps['dataset'], tmp_path)
    run(steps['evaluate'], tmp_path)
    run(steps['train'], tmp_path, *(word for step in FEW_STEPS for word in ('--set', step)))
    run(steps['demo'], tmp_path, '--minimum-iou', '0.5')

    assert (tmp_path / 'results' / 'before' / 'summary.json').is_file()
    tuned = tmp_path / 'build' / 'training' / 'mine' / 'best.safetensors'
    assert tuned.read_bytes() != (REPO / 'models' / 'surgsam2_nano_320.safetensors').read_bytes()
    assert (tmp_path / 'build' / 'demo' / 'mine' / 'overlay.mp4').stat().st_size
