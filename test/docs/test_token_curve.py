# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Accuracy and cost by the number of tokens of each memory."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from docs.tools import token_curve
from docs.tools.token_curve import measure
from surgsam2_ros.benchmarks.token_chart import draw_curve
from surgsam2_ros.benchmarks.token_table import markdown_table
from surgsam2_ros.commands import CommandError
from surgsam2_ros.datasets.vos_folder import VosFolder
from surgsam2_ros.drawing import label_palette
from surgsam2_ros.engines import settings
from surgsam2_ros.evaluation import hard_clips
from surgsam2_ros.evaluation.runs.board_runs import measure_video
from surgsam2_ros.evaluation.runs.inputs import open_videos
from surgsam2_ros.evaluation.scores import later_frames, mean_scores
from surgsam2_ros.network import load_config, load_network
from surgsam2_ros.share import share_file
from surgsam2_ros.sources import write_label_png
from surgsam2_ros.synthesis import render_clip
from surgsam2_ros.tracking import TrackerConfig

pytestmark = pytest.mark.slow
NANO = share_file('models/surgsam2_nano.yaml')
ALL = load_config(NANO).memory_size ** 2  # tokens of a memory


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    """Two short clips."""
    root = tmp_path_factory.mktemp('clips')
    for name, seed in (('a', 0), ('b', 1)):
        frames, labels = render_clip(np.random.default_rng(seed), 5, 64, kinds=('plain',))
        for folder in ('JPEGImages', 'Annotations'):
            (root / folder / name).mkdir(parents=True)
        for index, (rgb, label) in enumerate(zip(frames, labels, strict=True)):
            cv2.imwrite(str(root / 'JPEGImages' / name / f'{index}.png'), rgb[..., ::-1])
            write_label_png(root / 'Annotations' / name / f'{index}.png', label, label_palette())
    return VosFolder(root).videos


@pytest.fixture(scope='module')
def network():
    return load_network(NANO, device='cpu')


@pytest.fixture(scope='module')
def report(network, videos):
    return {'model': 'nano', **measure(network, videos, [16], rounds=2)}


def test_all_tokens_are_measured_besides_and_are_the_reference(report):
    assert [row['tokens'] for row in report['rows']] == [16, ALL]
    assert (report['all_tokens'], report['chosen_tokens'], report['clips']) == (ALL, ALL // 2, 2)
    whole = report['rows'][-1]
    assert (whole['j_change'], whole['j_change_error']) == (0.0, 0.0)
    assert (whole['step_ratio'], whole['frame_ratio']) == (1.0, 1.0)


@pytest.mark.parametrize('able', [False, True])
def test_the_fast_profile_is_measured_whole(network, videos, able, monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.setattr(settings, 'multiplies_8_bits_fast', lambda: able)
    found = measure(network, videos[:1], [ALL // 2], rounds=1)
    few, fast = found['rows'][0], found['fast']
    assert ('int8' in fast['encoder']) == able
    assert (fast['j'] == few['j']) != able  # the same tokens, and the encoder changes the masks
    assert fast['j_change'] == pytest.approx(fast['j'] - found['rows'][-1]['j'], abs=2e-4)


def test_fewer_tokens_change_the_masks_and_need_fewer_operations(report):
    few, whole = report['rows']
    assert few['j'] != whole['j']
    assert few['j_change'] == pytest.approx(few['j'] - whole['j'], abs=2e-4)
    assert few['attention_gflop'] < whole['attention_gflop'] < whole['gflop']
    # The encoder and all but the attention cost the same.
    saved = whole['attention_gflop'] - few['attention_gflop']
    assert whole['gflop'] - few['gflop'] == pytest.approx(saved, abs=5e-3)


def test_all_tokens_are_as_accurate_as_surgsam2_evaluate(report, network, videos):
    root = videos[0].frames[0].image.parents[2]
    records = [
        record
        for video in open_videos(root)
        for record in measure_video(video, network, TrackerConfig()).tracks['mask']
    ]
    overlaps = [mean_scores(record, later_frames(record))['J'] for record in records]
    assert report['tracks'] == len(overlaps)
    assert report['rows'][-1]['j'] == pytest.approx(np.mean(overlaps), abs=2e-4)


def test_more_tokens_than_a_memory_has_are_refused(network, videos):
    refused = f'--tokens {ALL + 1} is not possible; a memory has 1 to {ALL}'
    with pytest.raises(CommandError, match=refused):
        measure(network, videos, [ALL + 1], rounds=1)


def row(tokens, j, step_ratio):
    return {
        'tokens': tokens,
        'j': j,
        'j_error': 0.02,
        'j_change': j - 0.9,
        'j_change_error': 0.001,
        'gflop': 2.0,
        'attention_gflop': step_ratio,
        'step_ms': 30.0,
        'step_ratio': step_ratio,
        'frame_ratio': step_ratio,
    }


MADE = {
    'model': 'nano',
    'clips': 2,
    'tracks': 4,
    'all_tokens': 256,
    'chosen_tokens': 96,
    'rows': [row(96, 0.89, 0.5), row(256, 0.9, 1.0)],
    'fast': {
        'encoder': 'int8', 'j': 0.88, 'j_error': 0.02, 'j_change': -0.02, 'j_change_error': 0.001,
    },
}  # fmt: skip


def test_the_table_marks_the_choice_of_the_fast_profile():
    lines = markdown_table(MADE).splitlines()
    assert lines[2].startswith('| **96** | **0.8900 ± 0.0200** | **-0.0100 ± 0.0010** | **2.00** |')
    assert lines[3] == '| 256 (all) | 0.9000 ± 0.0200 | – | 2.00 | 1.00 | 30.0 | 1.00 | 1.00 |'
    assert lines[5] == (
        'Profile `fast` here (96 tokens, encoder: int8): '
        'J 0.8800 ± 0.0200, -0.0200 ± 0.0010 beside `exact`.'
    )


def test_the_picture_shows_the_rows():
    accuracy, costs = draw_curve(MADE).axes
    drawn = [list(map(list, line.get_data())) for line in accuracy.lines]
    assert [[96, 256], [0.89, 0.9]] in drawn
    drawn = [list(map(list, line.get_data())) for line in costs.lines]
    assert drawn.count([[96, 256], [0.5, 1.0]]) == 3  # attention, step, frame


def test_the_command_writes_numbers_and_picture(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(hard_clips, 'FRAMES', 3)
    monkeypatch.setattr(hard_clips, 'SIZE', 64)
    out, plot = tmp_path / 'new' / 'curve.json', tmp_path / 'curve.png'
    arguments = ['--hard-clips', '1', '--tokens', '96', '--rounds', '1', '--device', 'cpu']
    arguments += ['--clips', str(tmp_path), '--json', str(out), '--plot', str(plot)]
    assert token_curve.main(arguments) == 0
    report = json.loads(out.read_text())
    assert (report['clips'], len(report['rows'])) == (4, 2)
    assert capsys.readouterr().out.rstrip('\n') == markdown_table(report)
    assert cv2.imread(str(plot)).shape == (420, 1000, 3)
