# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The figures of boards, by hand on objects whose overlaps are known, and their tables."""

from __future__ import annotations

import json

import pytest
from evaluation_fixtures import an_object

from surgsam2_ros.evaluation.board import (
    Correction,
    VideoMeasurement,
    board_figures,
    board_mean,
    correction_figures,
    judge_together,
)
from surgsam2_ros.evaluation.board_tables import board_report

SETTINGS = {'min_quality': 0.5}


def a_track(*iou, object_id=1):
    record = an_object(iou, object_id=object_id)
    record.score = [0.9] * len(iou)
    record.presence = [0.9] * len(iou)
    return record


def a_measurement(name, *tracks, **values):
    return VideoMeasurement(name, dict.fromkeys(('mask', 'box', 'click'), tracks), **values)


def test_the_real_board_is_the_mean_of_its_sources_each_the_mean_of_its_videos():
    table = {
        'cholec_grasper': {1: 0.2},
        'dvrk_1': {1: 0.4, 2: 0.6},
        'dvrk_2': {1: 0.7},
    }
    assert board_mean('real', table) == pytest.approx((0.2 + (0.5 + 0.7) / 2) / 2)


def test_any_other_board_is_the_mean_of_its_objects():
    table = {'one_tool': {1: 0.9}, 'two_tools': {1: 0.6, 2: 0.3}}
    assert board_mean('endoscope_clips', table) == pytest.approx(0.6)


def test_a_source_without_videos_is_left_out():
    assert board_mean('real', {'dvrk_1': {1: 0.4}}) == pytest.approx(0.4)
    assert board_mean('real', {}) is None


def test_a_board_has_a_figure_for_every_kind_of_prompt():
    videos = [
        VideoMeasurement(
            'a',
            {
                'mask': [a_track(1.0, 0.8, 0.6)],
                'box': [a_track(1.0, 0.4, 0.2)],
                'click': [a_track(1.0, 0.1, 0.1)],
            },
        )
    ]
    figures = board_figures('clips', videos, SETTINGS)
    assert figures['J'] == pytest.approx({'mask': 0.7, 'box': 0.3, 'click': 0.1})
    assert figures['mean_over'] == 'objects' and 'sources' not in figures
    assert figures['promise']['mask']['broken'] == 0
    assert figures['promise']['box']['broken'] == 2
    assert figures['videos'][0]['objects'] == {
        '1': pytest.approx({'mask': 0.7, 'box': 0.3, 'click': 0.1})
    }


def test_sources_of_the_real_board_are_told_apart():
    videos = [a_measurement('cholec_a', a_track(1, 0.2)), a_measurement('dvrk_a', a_track(1, 0.6))]
    figures = board_figures('real', videos, SETTINGS)
    assert figures['sources']['cholec']['mask'] == pytest.approx(0.2)
    assert figures['sources']['dvrk']['mask'] == pytest.approx(0.6)
    assert figures['J']['mask'] == pytest.approx(0.4)


def test_baselines_stand_beside_the_network_in_every_measure():
    truth = [400, 0, 400, 400]
    network = an_object([1, 1, 0.2, 0.9], truth=truth, area=[400, 0, 400, 400])
    baseline = an_object([1, 0, 0.2, 0.2], truth=truth, area=[400] * 4)
    baseline.on_another = [None, False, True, True]
    video = a_measurement('a', network, baselines={'DIS optical flow': [baseline]}, size=(40, 40))
    methods = board_figures('clips', [video], SETTINGS)['methods']
    assert list(methods) == ['mask', 'box', 'click', 'DIS optical flow']
    ours, theirs = methods['mask'], methods['DIS optical flow']
    assert (ours['J'], theirs['J']) == pytest.approx((0.7, 0.4 / 3))
    assert (ours['presence']['accuracy'], theirs['presence']['accuracy']) == (1.0, 2 / 3)
    assert (ours['presence']['on_another'], theirs['presence']['on_another']) == (0, 2)
    assert [m['presence']['returns'] for m in (ours, theirs)] == [1, 1]
    assert ours['presence']['most_frames_until_taken_up'] == 1  # in the frame after the return
    assert theirs['presence']['taken_up'] == 0


def test_corrections_are_averaged_by_kind_and_later_frames_over_those_that_have_any():
    figures = correction_figures(
        [
            Correction(1, 5, 'click', 0.2, 0.6, 0.3, 0.5),
            Correction(1, 9, 'click', 0.4, 0.8, None, None),
            Correction(1, 5, 'mask', 0.2, 1.0, 0.3, 0.7),
        ]
    )
    assert figures['click'] == {
        'corrections': 2,
        'before': pytest.approx(0.3),
        'after': pytest.approx(0.7),
        'followed': 1,
        'without': pytest.approx(0.3),
        'later': pytest.approx(0.5),
    }
    assert figures['mask']['corrections'] == 1 and 'box' not in figures


def test_boards_are_judged_together_by_object_frames():
    boards = {
        'a': [a_measurement('x', a_track(1, 0.2, 0.9))],
        'b': [a_measurement('y', a_track(1, 0.9))],
    }
    assert judge_together(boards, 'mask', SETTINGS)['frames'] == 3


def test_the_tables_name_every_board_video_and_baseline():
    videos = [
        a_measurement(
            'cholec_a',
            a_track(1, 0.2),
            corrections=[Correction(1, 1, 'box', 0.2, 0.6, 0.3, 0.5)],
            baselines={'DIS optical flow': [a_track(1, 0.63)]},
        ),
        a_measurement(
            'dvrk_a', a_track(1, 0.6), baselines={'DIS optical flow': [a_track(1, 0.37)]}
        ),
    ]
    report = {
        'model': {'name': 'tiny', 'image_size': 64, 'checkpoint': 'w', 'sha256': 'ab' * 32},
        'behaviour': 'node',
        'tracker': {'min_quality': 0.5},
        'gflop_per_frame': {'1': 1.9, '2': 2.8},
        'boards': [board_figures('real', videos, SETTINGS)],
        'all_boards': judge_together({'real': videos}, 'mask', SETTINGS),
    }
    text = board_report(report)
    for words in (
        '| real | sources | 0.400 |',
        '| - cholec | videos | 0.200 |',
        '| real | dvrk_a | 2 | 0.600 |',
        '| real | box | 1 | 0.200 -> 0.600 | 0.300 -> 0.500 |',
        '| real | mask (2 objects) | 0.400 |',
        '| real | DIS optical flow (2 objects) | 0.500 |',
        'GFLOP per frame by number of objects: 1.90 with 1, 2.80 with 2',
        'min_quality 0.5',
    ):
        assert words in text
    json.dumps(report)
