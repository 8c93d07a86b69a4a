# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 evaluate` with --hard-clips, --baselines and --failures."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from evaluation_data import write_tiny_model

from surgsam2_ros.cli import main
from surgsam2_ros.evaluation import hard_clips
from surgsam2_ros.evaluation.baselines import available_baselines
from surgsam2_ros.evaluation.records import read_run
from surgsam2_ros.evaluation.scoring import score_folders
from surgsam2_ros.sources import read_label_png
from surgsam2_ros.synthesis import HARD_KINDS


@pytest.fixture(name='hard', scope='module')
def _hard(tmp_path_factory):
    """Evaluate small hard clips beside baselines; give the folder that it was done in."""
    folder = tmp_path_factory.mktemp('hard')
    model = write_tiny_model(folder)
    arguments = ['--hard-clips', 1, '--model', model, '--output', 'out', '--jobs', 1]
    arguments += ['--baselines', '--failures', 'new/worst.png']
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hard_clips, 'FRAMES', 4)
        patch.setattr(hard_clips, 'SIZE', 64)
        patch.chdir(folder)
        assert main(['evaluate', *map(str, arguments)]) == 0
    return folder


def test_hard_clips_are_rendered_and_evaluated(hard):
    names = sorted(p.name for p in (hard / 'build/evaluation/hard_clips_1/JPEGImages').iterdir())
    assert names == sorted(f'{kind}_0' for kind in HARD_KINDS)
    assert read_run(hard / 'out').videos == names


def test_baselines_stand_beside_the_network_in_summary_page_and_table(hard):
    summary = json.loads((hard / 'out/summary.json').read_text())
    assert list(summary['baselines']) == list(available_baselines())
    for name, side in summary['baselines'].items():
        assert side['objects'] == summary['tracker']['objects']
        assert side.keys() == summary['tracker'].keys() - {'promise'}
        assert name in (hard / 'out/report.html').read_text()
        assert f'\n{name},' in (hard / 'out/per_frame.csv').read_text()
    assert 'Trackers without learning' in (hard / 'out/report.html').read_text()


def test_a_copied_mask_scores_what_its_definition_says(hard):
    copied = json.loads((hard / 'out/summary.json').read_text())['baselines']['first mask copied']
    root = hard / 'build/evaluation/hard_clips_1/Annotations'
    for video in copied['by_video']:
        truths = [read_label_png(path) for path in sorted((root / video['video']).glob('*.png'))]
        for entry in video['by_object']:
            masks = [truth == entry['object'] for truth in truths]
            since = masks[entry['first_frame']]
            inner = masks[entry['first_frame'] + 1 : -1]  # without the ends
            overlaps = [(mask & since).sum() / (mask | since).sum() for mask in inner]
            assert entry['J'] == pytest.approx(np.mean(overlaps))


def test_the_masks_of_baselines_can_be_scored_like_those_of_others(hard):
    truth = hard / 'build/evaluation/hard_clips_1/Annotations'
    predicted = hard / 'out/baselines/dis_optical_flow'
    scores = score_folders(truth, predicted, 'endo_sav')
    summary = json.loads((hard / 'out/summary.json').read_text())
    assert summary['baselines']['DIS optical flow']['J'] == pytest.approx(scores['J'])


def test_the_worst_frames_are_drawn(hard):
    assert cv2.imread(str(hard / 'new/worst.png')).shape[1] > 3 * 250
