# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is counted when the node is killed again and again, and one real kill."""

from __future__ import annotations

import json

import pytest

from surgsam2_ros.cli import main
from surgsam2_ros.live.restart_figures import compare, summarise

UNDISTURBED = {
    10: {'a': 0.9, 'b': 0.7},
    20: {'a': 0.8, 'b': 0.6},
    30: {'a': 0.7, 'b': 0.5},
}


def trial(**changes) -> dict:
    return {
        'ids_kept': True,
        'tracked_at_once': False,
        'first_result_ms': 100.0,
        'images_passed': 0,
        'compared': 2,
        'mean_iou': 0.8,
        'undisturbed': 0.8,
        'compared_after': 1,
        'mean_iou_after': 0.7,
        'undisturbed_after': 0.7,
        **changes,
    }


def test_only_images_that_both_runs_answered_are_compared():
    run = {10: {'a': 0.5, 'b': 0.5}, 30: {'a': 0.3, 'b': 0.1}, 40: {'a': 0.0, 'b': 0.0}}
    assert compare(run, UNDISTURBED, first_after_ns=30) == {
        'compared': 4,
        'mean_iou': 0.35,
        'undisturbed': 0.7,
        'compared_after': 2,
        'mean_iou_after': 0.2,
        'undisturbed_after': 0.6,
    }


def test_a_node_that_did_not_return_has_nothing_to_compare():
    figures = compare({10: {'a': 0.5}}, UNDISTURBED, first_after_ns=None)
    assert figures['compared'] == 1
    assert (figures['compared_after'], figures['mean_iou_after']) == (0, None)


def test_trials_count_by_their_images():
    summary = summarise([trial(mean_iou=0.9), trial(mean_iou=0.5, compared=6)])
    assert summary['mean_iou'] == 0.6
    assert summary['undisturbed'] == 0.8
    assert not summary['passed'], '0.2 below the undisturbed run'


@pytest.mark.parametrize(
    ('changes', 'passed'),
    [
        ({}, True),
        ({'ids_kept': False}, False),
        ({'tracked_at_once': True}, False),
        ({'mean_iou': 0.77}, False),
        ({'mean_iou': 0.785}, True),
        ({'first_result_ms': 1001.0}, False),
        ({'images_passed': 1}, True),
        ({'images_passed': 2}, False),
    ],
)
def test_one_trial_that_fails_is_enough_to_fail(changes, passed):
    assert summarise([trial(), trial(**changes)][::-1][: 1 + (not changes)])['passed'] is passed


def test_a_trial_without_an_answer_is_a_loss_and_no_crash():
    lost = trial(
        ids_kept=False, first_result_ms=None, images_passed=None, compared=0, mean_iou=None,
        undisturbed=None, compared_after=0, mean_iou_after=None, undisturbed_after=None,
    )  # fmt: skip
    summary = summarise([lost])
    assert summary['first_result_ms'] == {'p50': None, 'max': None}
    assert (summary['mean_iou'], summary['passed']) == (None, False)


def test_no_kill_is_an_error(capsys):
    assert main(['bench', '--restart', '0']) == 1
    assert '--restart and --scene-rate must be above 0' in capsys.readouterr().err


@pytest.mark.slow
def test_a_real_node_is_killed_and_returns(tmp_path):
    arguments = ['--scene-rate', '3', '--param', 'restart.max_age_s:=120.0']
    arguments += ['--restart-output', str(tmp_path), '--json', str(tmp_path / 'out.json')]
    main(['bench', '--restart', '1', '--seed', '1', *arguments])
    report = json.loads((tmp_path / 'out.json').read_text())
    late = {  # on a busy machine
        'a first result came later than 1000 ms after ready',
        'more than 1 image after ready had no result',
    }
    assert set(report['missed']) <= late
    assert report['ids_kept'] == 1
    assert report['images_passed'] <= 10  # three seconds, of the 30 images that are to be answered
    assert report['trials'][0]['answered_after'] >= 30
