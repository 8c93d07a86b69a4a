# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The section of report.html on states and predicted overlaps."""

from __future__ import annotations

import json

import pytest
from evaluation_fixtures import a_run, a_video, an_object
from page_checks import Outline

from surgsam2_ros.evaluation.promise import ObjectFrame, judge
from surgsam2_ros.evaluation.records import write_run, write_video
from surgsam2_ros.evaluation.reports import write_reports
from surgsam2_ros.evaluation.reports.promise_section import (
    judged_promises,
    reliability_chart,
    threshold_sentence,
)

SETTINGS = {'tentative_frames': 1, 'quality_frames': 1}


@pytest.fixture(name='judged')
def _judged():
    pairs = [(0.9, 0.9), (0.55, 0.3), (0.95, 0.8), (0.85, 0.7)]
    track = [ObjectFrame(score, 0.9, True, 'TRACKED', iou, True) for score, iou in pairs]
    return judge([track], SETTINGS)


def test_the_threshold_is_named_with_what_it_would_do(judged):
    assert threshold_sentence(judged) == (
        '1 of 4 (25.0 %) TRACKED frames are broken promises, and 2 of 2 (100.0 %) good ones were '
        'kept. With tracking.min_quality = 0.56, the lowest for at most 4 %, 0 of 3 (0.0 %) would '
        'be broken, and 2 of 2 (100.0 %) kept.'
    )


def test_it_is_said_when_no_threshold_helps():
    frames = [ObjectFrame(0.99, 0.9, True, 'TRACKED', 0.1, True)] * 3
    assert 'No tracking.min_quality up to 0.95' in threshold_sentence(judge([frames], SETTINGS))


def test_the_diagram_has_a_dot_and_a_bar_per_bin(judged):
    outline = Outline(f'<main>{reliability_chart(judged["reliability"])}</main>')
    tags = [tag for tag, _ in outline.elements]
    assert tags.count('circle') == tags.count('rect') == len(judged['reliability']['bins']) == 3
    (line,) = [attributes for tag, attributes in outline.elements if tag == 'polyline']
    assert line['points'].split()[0] == '209.0,234.0'  # predicted 0.55, true 0.3
    assert 'correlation' in outline.text and '0.8 to 0.9: 1 frame' in outline.text


def test_there_is_no_section_without_frames():
    assert not judged_promises({'tracker': {'promise': judge([], {})}}, ['tracker'])


def test_the_report_of_a_run_has_the_diagram_and_names_the_threshold(tmp_path):
    good, bad = (an_object([1.0] + [iou] * 5, object_id=n) for n, iou in ((1, 0.9), (2, 0.2)))
    for entry, score in ((good, 0.9), (bad, 0.4)):
        entry.score, entry.presence = [score] * 6, [0.9] * 6
    write_run(tmp_path, a_run('a', tracker=SETTINGS))
    write_video(tmp_path, a_video(good, bad))
    promise = write_reports(tmp_path)['tracker']['promise']
    assert (promise['tracked'], promise['broken'], promise['choice']['min_quality']) == (
        10,
        5,
        0.41,
    )
    written = json.loads((tmp_path / 'summary.json').read_text(encoding='utf-8'))
    assert written['tracker']['promise'] == promise
    outline = Outline((tmp_path / 'report.html').read_text(encoding='utf-8'))
    assert 'What the states are worth' in outline.text
    assert 'tracking.min_quality = 0.41' in outline.text
    assert any(a.get('aria-label') == 'J by predicted IoU' for _, a in outline.elements)
