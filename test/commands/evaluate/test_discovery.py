# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 evaluate --prompt none`: what is refused, what is written, and how it goes on."""

from __future__ import annotations

import csv
import json
import sys

import pytest
import torch
from evaluation_data import truth, write_detector, write_tiny_model, write_vos
from tiny_network import tiny_network

from surgsam2_ros.cli import main
from surgsam2_ros.commands.evaluate.parameters import node_schema
from surgsam2_ros.evaluation.records import read_run, read_video
from surgsam2_ros.sources import read_label_png

pytest.importorskip('scipy')

FRAMES = 8


@pytest.fixture(name='model', scope='module')
def _model(tmp_path_factory):
    folder = tmp_path_factory.mktemp('model')
    model = write_tiny_model(folder)
    write_detector(folder / 'tiny_detector.safetensors', tiny_network())
    return model


@pytest.fixture(name='evaluate')
def _evaluate(model, tmp_path):
    """Evaluate a data set without prompts, with further arguments; returns the exit status."""
    root = write_vos(tmp_path / 'data', ('a', 'b'), frames=FRAMES)

    def evaluate(*arguments, **options):
        given = {'--input': root, '--output': tmp_path / 'out', '--model': model, '--jobs': 1}
        given |= {'--prompt': 'none'}
        given |= {f'--{name.replace("_", "-")}': value for name, value in options.items()}
        tokens = [str(token) for pair in given.items() if pair[1] is not None for token in pair]
        return main(['evaluate', *tokens, *map(str, arguments)])

    return evaluate


def test_what_is_found_by_itself_is_scored_and_told(evaluate, tmp_path, capsys):
    assert evaluate() == 0
    record = read_video(tmp_path / 'out', 'tracker', 'a')
    assert record.discovery['tracks'] == 1
    objects = {entry.object_id: entry for entry in record.objects}
    assert not any(any(entry.prompted) for entry in (*record.objects, *record.others))
    # Three frames must show it; the fourth is the first with a result.
    tracked = [*record.objects, *record.others]
    (found,) = [entry for entry in tracked if any(entry.state)]
    assert [state is not None for state in found.state] == [False] * 3 + [True] * (FRAMES - 3)
    for frame in range(FRAMES):
        said = read_label_png(tmp_path / f'out/a/all/{frame:05d}.png') > 0
        there = truth(frame) > 0
        expected = (said & there).sum() / (said | there).sum()
        assert record.binary_iou[frame] == pytest.approx(expected)
        assert said.any() == (frame >= 3)
        assert objects[3].truth_area[frame] == (truth(frame) == 3).sum()
    summary = json.loads((tmp_path / 'out/summary.json').read_text())
    assert summary['tracker']['discovery']['instruments'] == 4, 'two in each of two videos'
    shown = capsys.readouterr().out
    assert 'of 4 instruments found' in shown and 'HOTA' in shown and 'id switches 0' in shown
    page = (tmp_path / 'out/report.html').read_text()
    assert 'False instruments' in page and 'which was prompted' not in page
    with (tmp_path / 'out/per_frame.csv').open(newline='') as stream:
        assert 'found_1' in {line['track'] for line in csv.DictReader(stream)}


def test_an_overlay_and_the_worst_frames_can_be_had(evaluate, tmp_path):
    assert evaluate('--overlay', videos='a', failures=tmp_path / 'worst.png') == 0
    assert (tmp_path / 'out/overlay/a.mp4').stat().st_size > 0
    assert (tmp_path / 'worst.png').stat().st_size > 0


def test_it_is_the_same_twice_and_goes_on_where_it_was(evaluate, tmp_path):
    assert evaluate() == 0
    before = {path.name: path.stat().st_mtime_ns for path in records(tmp_path / 'out')}
    label = (tmp_path / 'out/b/all/00005.png').read_bytes()
    (tmp_path / 'out/records/tracker/b.json').unlink()
    assert evaluate() == 0
    after = {path.name: path.stat().st_mtime_ns for path in records(tmp_path / 'out')}
    assert after['a.json'] == before['a.json'] and after['b.json'] > before['b.json']
    assert (tmp_path / 'out/b/all/00005.png').read_bytes() == label


def records(output):
    return list(output.glob('records/tracker/*.json'))


def test_parameters_are_those_of_the_node_and_decide_the_run(evaluate, tmp_path, capsys):
    assert evaluate('--set', 'discovery.confirm_frames=2', videos='a') == 0
    told = read_run(tmp_path / 'out').settings['discovery']
    defaults = {
        name.partition('.')[2]: entry['default']
        for name, entry in node_schema().items()
        if name.startswith('discovery.')
    }
    detector = told.pop('detector')
    assert told == defaults | {'source': 'own', 'confirm_frames': 2}
    assert len(detector) == 64
    record = read_video(tmp_path / 'out', 'tracker', 'a')
    (found,) = [e.state for e in (*record.objects, *record.others) if any(e.state)]
    assert [state is not None for state in found].index(True) == 2
    assert evaluate(videos='a') == 1
    assert 'discovery.confirm_frames was 2, now 3' in capsys.readouterr().err


def test_another_detector_can_be_named_and_is_another_setting(evaluate, tmp_path, capsys):
    assert evaluate(videos='a') == 0
    other = write_detector(tmp_path / 'other.safetensors', tiny_network(), seed=1)
    assert evaluate('--set', f'model.detector={other}', videos='a') == 1
    assert 'discovery.detector was "' in capsys.readouterr().err


def test_the_detector_of_another_network_fails_with_its_reason(evaluate, tmp_path, capsys):
    network = tiny_network()
    with torch.no_grad():
        next(network.image_encoder.parameters()).add_(0.1)
    other = write_detector(tmp_path / 'other.safetensors', network)
    assert evaluate('--set', f'model.detector={other}', videos='a') == 1
    assert 'was trained on the features of another network' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('arguments', 'complaint'),
    [
        (['--baselines'], '--baselines makes no sense with --prompt none: baselines start from'),
        (['--correct-every', '5'], '--correct-every 5 makes no sense with --prompt none'),
        (['--objects', '1-3', '7'], '--objects 1-3 7 makes no sense with --prompt none'),
        (['--one-at-a-time'], '--one-at-a-time makes no sense with --prompt none'),
        (['--board'], '--output has no effect on a board'),
        (['--set', 'discovery.source=external'], "source is 'external', but a recording has no"),
        (['--set', 'discovery.source=off'], "source is 'off', but a recording has no detections"),
        (['--set', 'discovery.source=both'], "source is 'both', but a recording has no detections"),
        (['--set', 'discovery.source=mine'], "is 'mine'; use off, external, own, both"),
        (['--set', 'discovery.min_score=3'], 'discovery.min_score is 3.0; give 0 to 1'),
        (['--set', 'discovery.confirm_frames=two'], "confirm_frames is 'two', but its type is int"),
        (['--set', 'discovery.confirm_frames=9'], 'is 9, more than discovery.window_frames'),
        (['--set', 'discovery.speed=9'], "no parameter 'discovery.speed'; there are discovery.sou"),
        (['--set', 'model.detector=gone.pt'], 'model.detector: gone.pt does not exist; name a'),
        (['--prompt', 'box', '--set', 'discovery.min_score=0.3'], 'no effect with --prompt box'),
        (['--model', 'surgsam2_nano'], 'surgsam2_nano_detector.safetensors does not exist; take'),
    ],
)
def test_what_makes_no_sense_is_one_line_and_writes_nothing(
    evaluate, tmp_path, capsys, arguments, complaint
):
    assert evaluate(*arguments) == 1
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1 and complaint in error[0]
    assert not (tmp_path / 'out').exists()


def test_without_scipy_it_says_how_to_install_it(evaluate, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'scipy.optimize', None)
    assert evaluate() == 1
    assert '--prompt none: pairing tracks with objects needs scipy' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
