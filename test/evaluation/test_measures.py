# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One way to score: reports, boards and `surgsam2 score` agree with the definitions."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from evaluation_fixtures import a_run, a_video, write_clips, write_example_run
from repository import REPO

from surgsam2_ros.evaluation.board import VideoMeasurement, board_figures
from surgsam2_ros.evaluation.records import read_video, video_path
from surgsam2_ros.evaluation.reports.summary import summarise
from surgsam2_ros.evaluation.runs.frame_scores import FrameScores, ObjectResult
from surgsam2_ros.evaluation.runs.label_writer import LabelWriter
from surgsam2_ros.evaluation.scoring import score_folders
from surgsam2_ros.synthesis import render_clip

FRAMES, SIZE = 7, 96
AWAY = (3, 4)
"""Frames in which object 1 is taken out of the clip; it returns in the next one."""


@pytest.fixture(name='clip', scope='module')
def _clip():
    """Give the truth of a rendered clip, and masks of its objects that are wrong in known ways."""
    _, labels = render_clip(np.random.default_rng(5), FRAMES, SIZE, kinds=('crossing_look_alikes',))
    for frame in AWAY:
        labels[frame][labels[frame] == 1] = 0
    predicted = [
        {value: np.roll(truth == value, frame % 2, axis=1) for value in (1, 2)}
        for frame, truth in enumerate(labels)
    ]
    predicted[AWAY[0]][1] = labels[AWAY[0]] == 2  # taken for the other one while it is away
    predicted[AWAY[-1] + 1][1] = np.zeros((SIZE, SIZE), bool)  # and missed as it returns
    return labels, predicted


@pytest.fixture(name='records', scope='module')
def _records(clip):
    labels, predicted = clip
    scores = FrameScores({1: '', 2: ''}, FRAMES)
    for value in (1, 2):
        scores.note_prompt(0, value)
    for frame, truth in enumerate(labels):
        masks = predicted[frame].items()
        scores.add(frame, truth, {value: ObjectResult(mask) for value, mask in masks})
    return scores.records


def jaccards(clip, value):
    """J of every frame, by its definition."""
    labels, predicted = clip
    found = []
    for truth, masks in zip(labels, predicted, strict=True):
        union = (masks[value] | (truth == value)).sum()
        found.append((masks[value] & (truth == value)).sum() / union if union else 1.0)
    return found


def test_a_board_averages_the_frames_after_the_prompt_and_then_the_objects(clip, records):
    video = VideoMeasurement('a', {'mask': records}, size=(SIZE, SIZE))
    method = board_figures('clips', [video], {})['methods']['mask']
    each = [np.mean(jaccards(clip, value)[1:]) for value in (1, 2)]
    assert method['J'] == pytest.approx(np.mean(each), abs=1e-12)
    presence = method['presence']
    labels, predicted = clip
    right = [
        [predicted[f][value].any() == (labels[f] == value).any() for f in range(1, FRAMES)]
        for value in (1, 2)
    ]
    assert presence['accuracy'] == pytest.approx(np.mean(right), abs=1e-12)
    assert not np.all(right)
    assert presence['on_another'] == 1
    assert (presence['returns'], presence['taken_up']) == (1, 1)
    assert presence['most_frames_until_taken_up'] == 1  # missed in the frame of the return


def test_a_report_leaves_the_ends_out_unless_asked_not_to(clip, records):
    video = a_video(*records, size=(SIZE, SIZE))
    for skip_ends, part in ((True, slice(1, -1)), (False, slice(None))):
        run = a_run('a', skip_ends=skip_ends)
        side = summarise(run, {'tracker': [video]}, judged=False)['tracker']
        each = [np.mean(jaccards(clip, value)[part]) for value in (1, 2)]
        assert side['J'] == pytest.approx(np.mean(each), abs=1e-12)


def test_scores_of_folders_are_those_of_the_report(clip, records, tmp_path):
    """Folders of one image per object, as a run writes them; masks may overlap."""
    labels, predicted = clip
    stems = [f'{index:05d}' for index in range(FRAMES)]
    results, truth = (LabelWriter(tmp_path / name, 'a', stems) for name in ('results', 'truth'))
    for frame in range(FRAMES):
        results.write_objects(frame, predicted[frame])
        truth.write(frame, {value: labels[frame] == value for value in (1, 2)})
    for folder in truth.folder.iterdir():
        if folder.name != 'all':
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
    for file in (truth.folder / 'all').iterdir():
        file.rename(truth.folder / file.name)
    (truth.folder / 'all').rmdir()
    scores = score_folders(tmp_path / 'truth', tmp_path / 'results', 'endo_sav')
    side = summarise(a_run('a'), {'tracker': [a_video(*records)]}, judged=False)['tracker']
    assert {key: scores[key] for key in ('J', 'F', 'J&F', 'Dice')} == pytest.approx(
        {key: side[key] for key in ('J', 'F', 'J&F', 'Dice')}, abs=1e-12
    )


_ADDED = """
import json, sys
import numpy as np
from surgsam2_ros.evaluation import measures

def precision(predicted, truth):
    return (predicted & truth).sum() / predicted.sum() if predicted.any() else 1.0

measures.FRAME_MEASURES += (
    measures.FrameMeasure('P', 'precision', 'P, of pixels', 'Share that is right.', precision),
)
measures.SCORES += ('P',)
from pathlib import Path
from evaluation_fixtures import write_clips, write_example_run
from surgsam2_ros.evaluation.reports import write_reports
root = Path(sys.argv[1])
data = write_clips(root / 'data', videos=1, frames=6)
output = write_example_run(root / 'run', data, shift=1.0)
write_reports(output)
"""


def test_a_measure_in_the_list_is_recorded_averaged_tabulated_and_explained(tmp_path):
    """In a process of its own: the list is read when modules are."""
    code = f'import sys; sys.path.append({str(REPO / "test" / "support")!r})\n{_ADDED}'
    subprocess.run([sys.executable, '-c', code, str(tmp_path)], check=True, timeout=300)
    run = tmp_path / 'run'
    record = json.loads(next(run.glob('records/tracker/*.json')).read_text())
    values = record['objects'][-1]['precision']  # it stays in view, the others leave
    summary = json.loads((run / 'summary.json').read_text())['tracker']
    by_object = summary['by_video'][0]['by_object'][-1]
    assert by_object['P'] == pytest.approx(np.mean(values[1:-1]))
    assert 0 < summary['P'] < 1
    assert ',P,' in (run / 'per_frame.csv').read_text().splitlines()[0]
    page = (run / 'report.html').read_text()
    assert 'P, of pixels' in page and 'Share that is right.' in page


def test_records_without_a_measure_or_what_lies_on_another_can_be_read(tmp_path):
    """As versions wrote them that did not know it."""
    output = write_example_run(tmp_path / 'run', write_clips(tmp_path / 'data', videos=1))
    path = video_path(output, 'tracker', 'clip_0')
    whole = read_video(output, 'tracker', 'clip_0')
    values = json.loads(path.read_text())
    for entry in values['objects']:
        del entry['on_another'], entry['dice']
    path.write_text(json.dumps(values))
    record = read_video(output, 'tracker', 'clip_0')
    assert record.objects[0].iou == whole.objects[0].iou
    side = summarise(a_run('clip_0'), {'tracker': [record]}, judged=False)['tracker']
    assert side['Dice'] is None and side['J'] is not None
    assert side['presence']['on_another'] == 0
