# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the rendering of masks costs: all cases measured, the documented table true to its file."""

import json

import cv2
import pytest
import torch
from repository import REPO

from docs.tools import rendering_cost
from surgsam2_ros.benchmarks.rendering_cost import COVERED, markdown_table, slanted_bars

STORED = 'docs/benchmarks/parts/rendering.json'


@pytest.fixture
def small(monkeypatch):
    """Measure small images; the numbers of threads are put back afterwards."""
    monkeypatch.setattr(rendering_cost, 'IMAGE_SIZES', ((64, 80), (90, 70)))
    threads = torch.get_num_threads(), cv2.getNumThreads()
    yield
    torch.set_num_threads(threads[0])
    cv2.setNumThreads(threads[1])


def test_every_case_is_measured_both_ways(small, tmp_path, capsys):
    path = tmp_path / 'new' / 'cost.json'
    assert rendering_cost.main(['--objects', '1', '3', '--rounds', '2', '--json', str(path)]) == 0
    report = json.loads(path.read_text(encoding='utf-8'))
    cases = [(row['image'], row['objects']) for row in report['rows']]
    assert cases == [('80x64', 1), ('80x64', 3), ('70x90', 1), ('70x90', 3)]
    for row in report['rows']:
        assert 0 < row['boxes_least_ms'] <= row['boxes_ms']
        assert 0 < row['images_least_ms'] <= row['images_ms']
        assert 0 < row['covered'] < 2 * COVERED
        assert row['differing_pixels'] < 3
    assert '| 80x64 | 3 |' in capsys.readouterr().out


def test_the_objects_cover_what_is_said():
    logits = slanted_bars(2, 64, (512, 640)).mask_logits
    assert (logits > 0).float().mean().item() == pytest.approx(COVERED, rel=0.2)


def test_impossible_numbers_are_refused(capsys):
    with pytest.raises(SystemExit):
        rendering_cost.main(['--objects', '2', '0'])
    assert '--objects 0 must be at least 1' in capsys.readouterr().err


def test_the_documented_table_is_that_of_the_stored_file():
    page = (REPO / 'docs' / 'performance.md').read_text(encoding='utf-8')
    report = json.loads((REPO / STORED).read_text(encoding='utf-8'))
    assert markdown_table(report) in page
    assert f'--json {STORED}' in page and f'--json {STORED}' in report['command']
