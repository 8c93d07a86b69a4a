# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The table of a model card."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from surgsam2_ros.evaluation import nano_table
from surgsam2_ros.evaluation.clip_scores import ClipScore
from surgsam2_ros.evaluation.nano_table import ObjectResult, prompt_entry, table_row


@pytest.fixture
def disk():
    mask = np.zeros((60, 80), np.uint8)
    return cv2.circle(mask, (50, 30), 10, 1, -1).astype(bool)


def test_a_box_prompt_is_tight_and_ends_beyond_the_last_pixel(disk):
    assert prompt_entry('box', disk) == {'box': [40, 20, 61, 41]}


def test_a_click_is_at_the_innermost_pixel(disk):
    assert prompt_entry('click', disk) == {'points': [[50, 30]]}


def test_a_click_is_inside_also_where_the_frame_cuts_the_object():
    mask = np.zeros((60, 80), bool)
    mask[:, :21] = True
    [[x, _]] = prompt_entry('click', mask)['points']
    assert x == 10


def test_a_click_anywhere_is_on_the_object_and_always_the_same(disk):
    first, second = (prompt_entry('click anywhere', disk)['points'] for _ in range(2))
    assert first == second
    [[x, y]] = first
    assert disk[y, x]


def test_a_row_averages_over_the_objects():
    results = [
        ObjectResult('a/1', ClipScore(0.9, 0.8, 1.0, 0, ()), 30.0),
        ObjectResult('a/2', ClipScore(0.7, 0.6, 0.9, 2, (3, None)), 20.0),
    ]
    assert table_row('clips', 'mask', results) == (
        '| clips | mask | 0.800 (0.900, 0.700) | 0.700 | 95.0 % | 2 | 1 of 2, 3 frames | 25.0 |'
    )


def test_a_row_without_returns_or_speed():
    results = [ObjectResult('a/1', ClipScore(1.0, 1.0, 1.0, 0, ()))]
    assert table_row('clips', 'first mask copied', results).endswith('| 0 of 0 | - |')


def test_the_rivals_are_measured_on_the_recorded_clips(shared_data, capsys, monkeypatch):
    """The figure of a copied mask is known from an earlier measurement: J 0.204."""
    rivals = nano_table.available_rivals()
    name = 'first mask copied'
    monkeypatch.setattr(nano_table, 'available_rivals', lambda: {name: rivals[name]})
    root = shared_data('endoscope_clips')
    assert nano_table.main([str(root), '--prompts', '--rivals']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[-1].startswith(f'| endoscope_clips | {name} | 0.204 (')
