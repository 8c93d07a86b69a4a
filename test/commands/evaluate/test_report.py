# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The end of `surgsam2 evaluate`: what is written and said, also where an overlay cannot be."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pytest
from evaluation_fixtures import write_clips, write_example_run

from surgsam2_ros.commands.evaluate.report import write_report
from surgsam2_ros.evaluation.records import read_run
from surgsam2_ros.sources import open_source


@pytest.fixture(name='run')
def _run(tmp_path) -> Path:
    data = write_clips(tmp_path / 'data')
    return write_example_run(tmp_path / 'run', data, through=('tracker', 'node'))


def report(run: Path, *, through: str = 'both', overlay: bool = True) -> int:
    options = argparse.Namespace(
        output=run, overlay=overlay, through=through, baselines=False, failures=None
    )
    return write_report(options, read_run(run))


def test_tracker_and_node_get_an_overlay_of_every_video(run):
    assert report(run) == 0
    for name in ('clip_0.mp4', 'clip_1.mp4', 'node/clip_0.mp4', 'node/clip_1.mp4'):
        with open_source(run / 'overlay' / name) as video:
            assert len(video) == 12


def test_scores_and_warnings_are_told(run, capsys):
    assert report(run, overlay=False) == 0
    shown = capsys.readouterr()
    assert 'tracker  2 videos  J ' in shown.out and 'node     2 videos  J ' in shown.out
    assert 'clip_0 (tracker): stamps 3 and 4 are equal' in shown.err
    assert 'overlay' not in shown.out and not (run / 'overlay').exists()


def test_a_video_whose_images_are_gone_costs_its_own_overlay_alone(run, capsys):
    shutil.rmtree(run.parent / 'data' / 'JPEGImages' / 'clip_0')
    assert report(run, through='tracker') == 1
    shown = capsys.readouterr()
    assert 'no overlay of clip_0 (tracker): ' in shown.err and 'Traceback' not in shown.err
    assert 'tracker  2 videos' in shown.out, 'the scores are told all the same'
    assert [path.name for path in (run / 'overlay').iterdir()] == ['clip_1.mp4']
