# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 compare`: paired differences, bootstrap intervals, wins, pages."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from evaluation_fixtures import write_clips, write_example_run
from page_checks import Outline, documented_tables, show

from surgsam2_ros.cli import main
from surgsam2_ros.evaluation.records import read_run, read_video, write_run, write_video
from surgsam2_ros.evaluation.reports import read_compared, summarise_run
from surgsam2_ros.evaluation.reports.bootstrap import bootstrap_interval
from surgsam2_ros.evaluation.reports.comparison import compare
from surgsam2_ros.evaluation.reports.difference_pictures import largest_differences
from surgsam2_ros.evaluation.reports.formatting import fine_digits


@pytest.fixture(scope='module')
def runs(tmp_path_factory) -> tuple[Path, Path]:
    """Write a run that drifts and one that drifts less, over the same three clips."""
    root = tmp_path_factory.mktemp('compare')
    data = write_clips(root / 'data', videos=3)
    worse = write_example_run(root / 'worse', data, name='worse', shift=0.8)
    better = write_example_run(
        root / 'better', data, name='better', shift=0.2, through=('tracker', 'node')
    )
    return worse, better


def copied(run: Path, target: Path) -> Path:
    return Path(shutil.copytree(run, target))


def test_interval_of_independent_values_is_that_of_the_normal_distribution():
    values = np.random.default_rng(3).normal(0.1, 0.5, 600)
    low, high = bootstrap_interval(values)
    half = 1.96 * values.std(ddof=1) / math.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_interval_over_videos_knows_that_their_objects_are_alike():
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(12), 10)
    values = rng.normal(0, 0.2, 12)[groups] + rng.normal(0, 0.01, 120)
    over_objects, over_videos = bootstrap_interval(values), bootstrap_interval(values, groups)
    # Ten objects that say the same are worth one: the interval is about sqrt(10) times as wide.
    ratio = np.ptp(over_videos) / np.ptp(over_objects)
    assert ratio == pytest.approx(math.sqrt(10), rel=0.15)


def test_drawing_a_video_draws_all_its_objects():
    # Two videos give three equally likely kinds of draws: twice the first, both, twice the second.
    values, groups = [0.0, 0.0, 0.0, 1.0], ['a', 'a', 'a', 'b']
    assert bootstrap_interval(values, groups) == (0.0, 1.0)
    low, high = bootstrap_interval(values, groups, level=0.4)
    assert (low, high) == (0.25, 0.25)


def test_intervals_are_the_same_every_time():
    values = np.random.default_rng(5).normal(size=30)
    assert bootstrap_interval(values) == bootstrap_interval(values)
    assert bootstrap_interval(values) != bootstrap_interval(values, seed=1)


def test_a_single_video_gives_no_interval():
    assert bootstrap_interval([0.1, 0.2], ['a', 'a']) is None
    assert bootstrap_interval([0.1]) is None


def test_a_run_does_not_differ_from_itself(runs, tmp_path):
    same = copied(runs[0], tmp_path / 'same')
    pair = compare([read_compared(runs[0]), read_compared(same, name='same')])['comparisons'][0]
    assert pair['wins'] == pair['losses'] == 0 and pair['ties'] == pair['objects'] > 0
    assert pair['differences']['J&F'] == {
        'mean': 0.0,
        'over_videos': (0.0, 0.0),
        'over_objects': (0.0, 0.0),
    }


def test_mean_difference_is_the_difference_of_the_summaries(runs):
    pair = compare([read_compared(run) for run in runs])['comparisons'][0]
    first, second = (summarise_run(run)['tracker'] for run in runs)
    for key in ('J', 'F', 'J&F', 'Dice'):
        assert pair['differences'][key]['mean'] == pytest.approx(second[key] - first[key])


def test_wins_losses_and_ties_are_all_objects(runs):
    pair = compare([read_compared(run) for run in runs])['comparisons'][0]
    assert pair['wins'] + pair['losses'] + pair['ties'] == pair['objects'] == len(pair['by_object'])
    assert pair['wins'] > pair['losses']
    differences = [entry['difference'] for entry in pair['by_object']]
    assert differences == sorted(differences)


def test_objects_of_one_run_alone_are_listed_and_left_out(runs, tmp_path):
    less = copied(runs[1], tmp_path / 'less')
    (less / 'records' / 'tracker' / 'clip_0.json').unlink()
    pair = compare([read_compared(runs[0]), read_compared(less)])['comparisons'][0]
    assert all(name.startswith('clip_0/') for name in pair['unpaired']['worse'])
    assert pair['unpaired']['worse'] and not pair['unpaired']['better']
    assert pair['videos'] == 2


def test_objects_of_another_truth_are_listed_and_left_out(runs, tmp_path):
    other = copied(runs[1], tmp_path / 'other')
    record = read_video(other, 'tracker', 'clip_1')
    record.objects[0].truth_area[3] += 1
    write_video(other, record)
    pair = compare([read_compared(runs[0]), read_compared(other)])['comparisons'][0]
    changed = ('clip_1', record.objects[0].object_id)
    assert pair['truth_differs'] == ['{}/{}'.format(*changed)]
    assert changed not in {(entry['video'], entry['object']) for entry in pair['by_object']}
    assert not pair['unpaired']['better']
    first, second = read_compared(runs[0]), read_compared(other)
    assert changed not in {(c.video, c.object_id) for c in largest_differences(first, second)}


def test_runs_of_another_truth_are_refused(runs, tmp_path, capsys):
    other = copied(runs[1], tmp_path / 'other')
    for name in ('clip_0', 'clip_1', 'clip_2'):
        record = read_video(other, 'tracker', name)
        record.stems = [f'other_{stem}' for stem in record.stems]
        write_video(other, record)
    assert main(['compare', str(runs[0]), str(other), '--output', str(tmp_path / 'c')]) == 1
    error = capsys.readouterr().err
    assert 'worse and better have another truth for every object' in error


def test_what_has_no_bearing_on_the_results_is_no_difference(runs, tmp_path):
    other = copied(runs[1], tmp_path / 'other')
    record = read_run(other)
    record.settings |= {'overlay': True, 'rate_hz': 5.0, 'prompt': 'box'}
    write_run(other, record)
    differing = compare([read_compared(runs[0]), read_compared(other)])['settings_that_differ']
    assert differing['settings.prompt'] == ['mask', 'box']
    assert not {'settings.overlay', 'settings.rate_hz'} & differing.keys()
    node = dataclasses.replace(read_compared(other, 'node'), name='node')
    assert 'settings.rate_hz' in compare([read_compared(runs[0]), node])['settings_that_differ']


def test_frames_that_differ_most_come_first(runs):
    first, other = (read_compared(run) for run in runs)
    chosen = largest_differences(first, other)
    gaps = [
        abs(
            other.objects[c.video, c.object_id].iou[c.index]
            - first.objects[c.video, c.object_id].iou[c.index]
        )
        for c in chosen
    ]
    assert gaps and gaps == sorted(gaps, reverse=True)


def test_command_writes_page_and_json(runs, tmp_path, capsys):
    output = tmp_path / 'comparison'
    assert main(['compare', *map(str, runs), '--output', str(output)]) == 0
    assert 'better against worse: J&F +' in capsys.readouterr().out
    comparison = json.loads((output / 'compare.json').read_text())
    assert [run['name'] for run in comparison['runs']] == ['worse', 'better']
    page = Outline((output / 'compare.html').read_text())
    images = [attributes['src'] for tag, attributes in page.elements if tag == 'img']
    assert images and all(source.startswith('data:image/') for source in images)
    assert 'better against worse' in page.text


def test_tracker_and_node_of_one_run_can_be_compared(runs, tmp_path, capsys):
    better = str(runs[1])
    arguments = ['compare', f'{better}:tracker', f'{better}:node', '--output', str(tmp_path)]
    assert main(arguments) == 0
    assert 'better (node) against better (tracker)' in capsys.readouterr().out
    comparison = json.loads((tmp_path / 'compare.json').read_text())
    assert comparison['settings_that_differ']['through'] == ['tracker', 'node']
    assert comparison['comparisons'][0]['differences']['J_missing_as_0']['mean'] < 0


def test_documented_keys_are_those_of_a_comparison(runs):
    top, pair = documented_tables('compare.json')
    comparison = compare([read_compared(run) for run in runs])
    (written,) = comparison['comparisons']
    assert top.keys() == comparison.keys()
    assert set(top['bootstrap']) == comparison['bootstrap'].keys()
    assert set(top['runs']) == comparison['runs'][0].keys()
    assert pair.keys() == written.keys()
    assert set(pair['differences']) == written['differences']['J'].keys()
    assert set(pair['by_object']) == written['by_object'][0].keys()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['{worse}'], 'alone cannot be compared'),
        (['{worse}', '{worse}'], 'named twice'),
        (['{worse}', '{worse}/records'], 'holds no run.json'),
        (['{worse}', '{worse}:node'], 'no results through the node'),
        (['{worse}', 'not/there'], 'not/there holds no run.json'),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(runs, capsys, arguments, message):
    given = [argument.format(worse=runs[0]) for argument in arguments]
    assert main(['compare', *given]) == 1
    error = capsys.readouterr().err
    assert message in error and 'Traceback' not in error


@pytest.mark.parametrize('file', ['run.json', 'records/tracker/clip_1.json'])
def test_a_damaged_file_is_named(runs, tmp_path, capsys, file):
    other = copied(runs[1], tmp_path / 'other')
    (other / file).write_text('{"schema": 1, "vid')
    assert main(['compare', str(runs[0]), str(other), '--output', str(tmp_path / 'c')]) == 1
    error = capsys.readouterr().err
    assert f'{other / file} is damaged' in error and 'Traceback' not in error
    assert not (tmp_path / 'c').exists()


def test_runs_without_common_objects_are_refused(runs, tmp_path, capsys):
    other = copied(runs[1], tmp_path / 'other')
    for name in ('clip_0', 'clip_1', 'clip_2'):
        record = read_video(other, 'tracker', name)
        for entry in record.objects:
            entry.object_id += 100
        write_video(other, record)
    assert main(['compare', str(runs[0]), str(other), '--output', str(tmp_path / 'c')]) == 1
    assert 'no scored object in common' in capsys.readouterr().err


def test_a_browser_shows_a_comparison_without_a_complaint(runs, tmp_path):
    main(['compare', *map(str, runs), '--output', str(tmp_path)])
    found = show(tmp_path / 'compare.html')
    assert found['images'] > 0 and found['broken'] == 0
    assert found['requested'] == [] and found['console'] == []
    assert found['wide'] <= 0 and found['flat'] == 0


def test_a_run_that_drops_frames_is_compared_over_those_it_answered(runs):
    sides = [read_compared(runs[1], side) for side in ('tracker', 'node')]
    pair = compare([sides[0], dataclasses.replace(sides[1], name='node')])['comparisons'][0]
    # Its masks are those of the tracker, so nothing differs where it has any.
    assert pair['differences']['J']['mean'] == 0
    assert pair['differences']['J_missing_as_0']['mean'] < 0
    assert all(entry['frames'] < 10 for entry in pair['by_object'])


def test_an_end_of_an_interval_near_zero_is_not_written_as_zero():
    assert fine_digits(-0.0126, -0.039, -0.0003) == 4
    assert fine_digits(-0.013, -0.039, 0.0) == 3


def test_few_videos_do_not_make_a_run_better(runs, tmp_path):
    main(['compare', *map(str, runs), '--output', str(tmp_path)])
    text = Outline((tmp_path / 'compare.html').read_text()).text
    assert '3 videos are too few to call that better' in text
