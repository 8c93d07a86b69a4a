# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which frames count, and what summary.json and per_frame.csv say of them."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path
from statistics import mean

import pytest
from evaluation_fixtures import COUNTS, a_run, a_video, an_object, write_clips, write_example_run
from page_checks import documented_tables

from surgsam2_ros.evaluation.records import write_run
from surgsam2_ros.evaluation.reports import summarise_run, write_reports
from surgsam2_ros.evaluation.reports.frame_table import COLUMNS, write_frame_table
from surgsam2_ros.evaluation.reports.summary import summarise
from surgsam2_ros.evaluation.scores import (
    frame_overlaps,
    later_frames,
    object_scores,
    presence_of,
    scored_frames,
)


@pytest.fixture(scope='module')
def run(tmp_path_factory) -> Path:
    """Write reports of two clips through tracker and node, and of one that failed."""
    root = tmp_path_factory.mktemp('reports')
    data = write_clips(root / 'data')
    output = write_example_run(root / 'run', data, through=('tracker', 'node'), failed='broken_bag')
    write_reports(output)
    return output


def test_prompted_and_last_frame_are_left_out():
    assert scored_frames(an_object([1.0, 0.8, 0.6, 0.0])) == [1, 2]
    assert object_scores(an_object([1.0, 0.8, 0.6, 0.0]))['J'] == pytest.approx(0.7)


def test_every_frame_counts_when_asked():
    assert object_scores(an_object([1.0, 0.8, 0.6, 0.0]), skip_ends=False)['J'] == 0.6


def test_ends_are_those_of_the_object_and_not_of_the_video():
    assert scored_frames(an_object([None, None, 1.0, 0.5, 0.5, 0.5])) == [3, 4]


def test_scores_begin_where_the_object_is_in_truth_or_prediction():
    record = an_object([1.0] * 6, truth=[9, 0, 0, 9, 9, 9], area=[9, 0, 0, 9, 9, 9])
    assert scored_frames(record) == [3, 4]


def test_an_object_that_is_never_there_has_no_score():
    scores = object_scores(an_object([1.0] * 5, truth=[9, 0, 0, 0, 9], area=[9, 0, 0, 0, 9]))
    assert scores['J'] is None and scores['J&F'] is None and scores['frames'] == 0


def test_frames_without_a_result_count_as_zero_in_a_measure_of_their_own():
    scores = object_scores(an_object([1.0, 0.8, None, None, 0.6, 1.0]))
    assert scores['missing'] == 2
    assert scores['J'] == pytest.approx(0.7)
    assert scores['J_missing_as_0'] == pytest.approx((0.8 + 0 + 0 + 0.6) / 4)


def test_frames_after_the_last_result_are_missing_too():
    scores = object_scores(an_object([1.0, 0.8, 0.6, *[None] * 7]))
    assert scores['J'] == 0.8
    assert scores['missing'] == 6
    assert scores['J_missing_as_0'] == pytest.approx((0.8 + 0.6) / 8)


def test_frames_before_the_first_result_are_missing_too():
    scores = object_scores(an_object([None, None, None, 1.0, 0.8, 0.7, 0.6]))
    assert scores['J_missing_as_0'] == pytest.approx((0 + 0 + 1.0 + 0.8 + 0.7) / 5)


def test_an_object_that_got_no_result_counts_as_zero_where_missing_frames_do():
    objects = an_object([1.0] * 6), an_object([None] * 6, object_id=2)
    node = summarise(a_run('a'), {'node': [a_video(*objects, through='node')]})['node']
    assert node['J'] == 1.0
    assert node['J_missing_as_0'] == 0.5


def test_nothing_is_missing_from_a_run_that_answered_every_frame():
    late = [None, None, 1.0, 0.5, 0.4, 0.3]
    record = an_object(late, truth=[0, 0, 9, 9, 0, 9], area=[None, None, 9, 9, 9, 9])
    for skip_ends in (True, False):
        scores = object_scores(record, skip_ends)
        assert scores['missing'] == 0 and scores['J_missing_as_0'] == scores['J']


def test_later_frames_are_those_after_the_prompt_with_a_truth_and_a_result():
    record = an_object([None, 1.0, 0.4, None, 0.6])
    assert later_frames(record) == [2, 4]
    record.first_frame = None
    assert later_frames(record) == []


def test_frames_on_another_object_count_after_the_prompt():
    record = an_object([1.0, 0.0, 0.0, 1.0])
    record.on_another = [True, True, True, False]
    assert presence_of(record)['on_another'] == 2


def test_how_much_of_a_picture_makes_a_return_depends_on_its_size():
    record = an_object([1.0] * 3, truth=[9, 0, 9], area=[9, 0, 9])
    assert presence_of(record, (90, 100))['returns'] == 1
    assert presence_of(record, (91, 100))['returns'] == 0


def test_an_object_that_leaves_right_after_its_prompt_returns():
    record = an_object([1.0, 1.0, 0.9, 0.9], truth=[9, 0, 9, 9], area=[9, 0, 9, 9])
    presence = object_scores(record)['presence']
    assert (presence['returns'], presence['taken_up']) == (1, 1)
    assert presence['precision'] == 1.0


def test_frames_without_a_truth_are_not_missing():
    record = an_object([1.0, 0.8, None, 0.6, 1.0], truth=[9, 9, None, 9, 9])
    assert object_scores(record)['missing'] == 0


def test_ciou_averages_over_the_objects_of_a_frame_and_then_over_frames():
    first = an_object([1.0, 0.8, 0.6, 1.0])
    second = an_object([1.0, 0.4, 0.0, 1.0], truth=[9, 9, 0, 9], object_id=2)
    assert frame_overlaps(a_video(first, second)) == pytest.approx([0.6, 0.6])


def test_an_overall_score_counts_objects_alike_however_long_they_are():
    long = an_object([1.0] + [0.9] * 10 + [1.0])
    short = an_object([1.0, 0.5, 1.0])
    videos = [a_video(long, name='a'), a_video(short, name='b')]
    summary = summarise(a_run('a', 'b'), {'tracker': videos})
    assert summary['tracker']['J'] == pytest.approx(0.7)


def test_summary_names_what_failed_and_what_has_not_been_run(run):
    summary = json.loads((run / 'summary.json').read_text())
    assert {entry['video'] for entry in summary['failed']} == {'broken_bag'}
    assert 'truncated' in summary['failed'][0]['error']
    unfinished = summarise(a_run('a', 'later'), {'tracker': [a_video(an_object([1.0] * 4))]})
    assert unfinished['unfinished'] == ['later']


def test_failed_videos_do_not_count(run):
    summary = json.loads((run / 'summary.json').read_text())
    assert summary['tracker']['videos'] == 2
    assert len(summary['tracker']['by_video']) == 2


def test_summary_has_tracker_and_node_side_by_side(run):
    summary = summarise_run(run)
    assert summary['tracker']['dropped'] == 0
    assert summary['node']['dropped'] == 6
    assert summary['node']['live']['NUM_MISSED_FRAMES'] == 6
    assert summary['node']['J_missing_as_0'] < summary['node']['J']


def test_identity_of_a_run_is_that_of_all_its_frames():
    perfect = {name: [0] * 19 if name[:4] == 'HOTA' else 0 for name in COUNTS}
    perfect |= {'HOTA_TP': [900] * 19, 'AssA': [1.0] * 19, 'IDTP': 900, 'CLR_TP': 900}
    videos = [
        a_video(an_object([1.0] * 4), name=name, identity_counts=counts)
        for name, counts in (('a', COUNTS), ('b', perfect), ('c', {}))
    ]
    identity = summarise(a_run('a', 'b', 'c'), {'tracker': videos})['tracker']['identity']
    assert identity['DetA'] == pytest.approx(980 / 1010)
    assert identity['IDF1'] == pytest.approx(978 / (978 + (22 + 12) / 2))
    assert (identity['IDSW'], identity['Frag']) == (1, 2)


def test_percentiles_of_latency_are_those_of_all_frames(run):
    summary = summarise_run(run)
    with (run / 'per_frame.csv').open() as stream:
        by_frame = {
            (row['video'], row['index']): float(row['latency_ms'])
            for row in csv.DictReader(stream)
            if row['through'] == 'node' and row['latency_ms']
        }
    assert summary['node']['live']['MAX_LATENCY'] == pytest.approx(max(by_frame.values()), abs=0.01)
    assert summary['node']['live']['MEAN_LATENCY'] == pytest.approx(mean(by_frame.values()))


def test_frame_table_gives_the_scores_of_the_summary(run):
    sums: dict[tuple, list[float]] = defaultdict(list)
    with (run / 'per_frame.csv').open() as stream:
        for row in csv.DictReader(stream):
            if row['scored'] == '1':
                sums[row['through'], row['video'], int(row['object'])].append(float(row['J']))
    summary = summarise_run(run)
    for side in ('tracker', 'node'):
        for video in summary[side]['by_video']:
            for entry in video['by_object']:
                values = sums.get((side, video['video'], entry['object']))
                assert entry['J'] == (pytest.approx(mean(values)) if values else None)


def test_frame_table_has_a_line_per_frame_and_object(run):
    with (run / 'per_frame.csv').open() as stream:
        lines = sum(1 for _ in csv.DictReader(stream))
    expected = sum(
        len(video['by_object']) * video['frames']
        for side in ('tracker', 'node')
        for video in summarise_run(run)[side]['by_video']
    )
    assert lines == expected > 0


def test_overall_scores_are_those_of_the_authors_evaluator_on_the_written_masks(run):
    scoring = pytest.importorskip('surgsam2_ros.evaluation.scoring')
    truth = run.parent / 'data' / 'Annotations'
    scores = scoring.score_folders(truth, run, 'endo_sav', skip_ends=True)
    summary = summarise_run(run)['tracker']
    for key in ('J', 'F', 'J&F', 'Dice'):
        assert summary[key] == pytest.approx(scores[key], abs=1e-9), key


_OF_RUNS = {'videos', 'objects', 'promise', 'by_video'}


def test_documented_keys_are_those_of_the_summary(run):
    summary = summarise_run(run)
    top, side, by_object = documented_tables('summary.json')
    assert top.keys() == summary.keys()
    assert side.keys() == summary['node'].keys() == summary['tracker'].keys()
    video = summary['node']['by_video'][0]
    assert video.keys() == side.keys() - _OF_RUNS | {'video', 'by_object'}
    assert by_object.keys() == video['by_object'][0].keys()
    for key in ('identity', 'presence', 'inference_ms', 'live'):
        assert set(side[key]) == summary['node'][key].keys()
    for key in ('failed', 'warnings'):
        assert set(top[key]) == summary[key][0].keys()
    assert set(top['node_minus_tracker']) == summary['node_minus_tracker'].keys()


def found_video(**values):
    """Make a record in which object 1 was found, object 2 was not, and found_2 is nothing."""
    found, missed = an_object([0.0, 0.0, 0.9, 0.8, 1.0]), an_object([0.0] * 5, object_id=2)
    found.discovery = {'track': 'found_1', 'frames_until_found': 2}
    missed.discovery = {'track': None, 'frames_until_found': None}
    false = an_object([None, None, 0.0, 0.2, None], object_id=3)
    false.name, false.first_frame = 'found_2', 1
    for entry in (found, false):
        entry.score, entry.presence = [0.9] * 5, [0.9] * 5
    return a_video(
        found,
        missed,
        others=[false],
        discovery={'until_found': [2, None], 'tracks': 2, 'extra': 0, 'false': 1},
        binary_iou=[0.0, 0.0, 0.5, 0.7, None],
        **values,
    )


def test_documented_keys_of_discovery_are_those_of_a_run_without_prompts():
    summary = summarise(a_run('a'), {'tracker': [found_video()]}, judged=False)['tracker']
    _, side, by_object = documented_tables('summary.json')
    assert set(side['discovery']) == summary['discovery'].keys()
    video = summary['by_video'][0]
    assert video['discovery'] == summary['discovery']
    assert set(by_object['discovery']) == video['by_object'][0]['discovery'].keys()


def test_what_was_found_is_pooled_over_videos_by_instruments_and_frames():
    other = a_video(
        an_object([1.0] * 5),
        name='b',
        discovery={'until_found': [6], 'tracks': 3, 'extra': 2, 'false': 0},
        binary_iou=[1.0, None, None, None, None],
    )
    prompted = a_video(an_object([1.0] * 5), name='c')
    records = [found_video(), other, prompted]
    summary = summarise(a_run('a', 'b', 'c'), {'tracker': records}, judged=False)['tracker']
    assert summary['discovery'] == {
        'instruments': 3,
        'found': 2,
        'frames_until_found': 4.0,
        'most_frames_until_found': 6,
        'tracks': 5,
        'extra': 2,
        'false': 1,
        'binary_IoU': pytest.approx((0.5 + 0.7 + 1.0) / 5),
    }
    assert summary['by_video'][2]['discovery'] == {}


def test_the_promise_of_a_false_instrument_is_broken_too():
    """It is TRACKED in frames 2 and 3 with an IoU below 0.5; object 1 in frames 1 to 4."""
    judged = summarise(a_run('a'), {'tracker': [found_video()]})['tracker']['promise']
    assert (judged['tracked'], judged['broken']) == (4 + 2, 1 + 2)


def test_every_track_has_lines_in_the_frame_table(tmp_path):
    write_frame_table(tmp_path / 'frames.csv', [found_video()], skip_ends=True)
    with (tmp_path / 'frames.csv').open(newline='') as stream:
        lines = list(csv.DictReader(stream))
    assert [line['track'] for line in lines] == ['found_1'] * 5 + [''] * 5 + ['found_2'] * 5
    assert [line['binary_IoU'] for line in lines[:5]] == ['0.0', '0.0', '0.5', '0.7', '']
    assert [line['J'] for line in lines[10:]] == ['', '', '0.0', '0.2', '']
    assert [line['scored'] for line in lines[10:]] == ['0'] * 5


def test_documented_columns_are_those_of_the_frame_table():
    (columns,) = documented_tables('per_frame.csv')
    assert tuple(columns) == COLUMNS


def test_a_run_without_results_can_be_reported(tmp_path):
    write_run(tmp_path, a_run('a'))
    summary = write_reports(tmp_path)
    assert summary['unfinished'] == ['a']
    assert 'not evaluated yet' in (tmp_path / 'report.html').read_text()


def test_node_and_tracker_are_compared_over_frames_that_both_answered():
    tracker = a_video(an_object([1.0, 0.9, 0.1, 0.9, 0.9, 1.0]))
    node = a_video(an_object([1.0, 0.8, None, None, 0.8, 1.0]), through='node', dropped=[2, 3])
    summary = summarise(a_run('a'), {'tracker': [tracker], 'node': [node]})
    assert summary['node']['J'] > summary['tracker']['J']
    assert summary['node_minus_tracker']['J'] == pytest.approx(-0.1)
    assert summary['node_minus_tracker']['frames'] == 2
