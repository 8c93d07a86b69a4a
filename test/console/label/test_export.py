# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A data set of what was accepted, which checks, evaluation and training take as it is."""

import contextlib
import itertools
import json
import shutil
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluation_data import write_tiny_model
from label_desks import (
    disc_frame,
    disc_mask,
    give,
    mask_prompt,
    open_desk,
    write_bag,
    write_folder,
)

from surgsam2_ros.cli import main
from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.label.export import CARD, Export
from surgsam2_ros.console.label.frame_masks import ObjectMask
from surgsam2_ros.console.label.labels import Verdict
from surgsam2_ros.datasets import VosFolder
from surgsam2_ros.datasets.check import check, open_splits
from surgsam2_ros.sources import BagWriter, read_label_png
from surgsam2_ros.tracking import MaskCrop, Prompt, TrackState
from surgsam2_ros.training.clip_sources import DataSource
from surgsam2_ros.training.training_data import TrainingData


def _label(desk, frames, class_name='probe'):
    for frame in frames:
        give(desk, frame, mask_prompt(frame, class_name=class_name))


def _export(desk, folder, **named):
    desk.export(folder, **named)
    assert desk.wait(60)
    return desk.notices()[-1].text


@pytest.fixture
def labelled(tmp_path):
    """Give a desk over twelve frames of a bag; all but 5 and 9 accepted, 9 rejected."""
    desk = open_desk(write_bag(tmp_path / 'scene.mcap', 12))
    _label(desk, [*range(5), *range(6, 12)])
    give(desk, 7, Prompt('spare', box=(50, 5, 75, 40)))
    desk.judge(Verdict.REJECTED, 9, 9, 'ann')
    desk.judge(Verdict.ACCEPTED, 0, 11, 'ann')
    yield desk
    desk.close()


def test_each_stretch_of_accepted_frames_is_a_video_with_exact_pixels(labelled, tmp_path):
    text = _export(labelled, tmp_path / 'set')
    assert '10 frames in 3 videos' in text
    data = VosFolder(tmp_path / 'set')
    names = [video.name for video in data.videos]
    assert names == ['scene_00000_00004', 'scene_00006_00008', 'scene_00010_00011']
    for video in data.videos:
        for frame in video.frames:
            image = cv2.imread(str(frame.image), cv2.IMREAD_COLOR_RGB)
            np.testing.assert_array_equal(image, disc_frame(int(frame.stem)))
            disc = read_label_png(frame.annotation) == 1
            assert not (disc & ~disc_mask(int(frame.stem))).any()
            if frame.stem != '00007':
                np.testing.assert_array_equal(disc, disc_mask(int(frame.stem)))


def test_it_names_the_objects_of_each_video_and_passes_the_check(labelled, tmp_path):
    _export(labelled, tmp_path / 'set')
    data = VosFolder(tmp_path / 'set')
    assert data.classes_of('scene_00000_00004') == {1: 'probe'}
    assert data.classes_of('scene_00006_00008') == {1: 'probe', 2: 'spare'}
    report = check(open_splits(tmp_path / 'set'))
    assert [str(finding) for finding in report.findings] == []
    assert (report.videos, report.frames, report.labelled) == (3, 10, 10)


def test_the_card_says_what_it_was_made_of(labelled, tmp_path):
    _export(labelled, tmp_path / 'set')
    card = json.loads((tmp_path / 'set' / CARD).read_text())
    assert card['recording'].endswith('scene.mcap')
    assert (card['frames'], len(card['videos'])) == (10, 3)


def test_everything_leaves_out_rejected_frames_alone(tmp_path):
    desk = open_desk(write_folder(tmp_path / 'frames', 6))
    _label(desk, range(6))
    desk.judge(Verdict.REJECTED, 2, 2, 'ann')
    assert '5 frames in 2 videos' in _export(desk, tmp_path / 'set', everything=True)
    desk.close()


def test_files_of_the_recording_are_taken_as_they_are(tmp_path):
    encoded = [cv2.imencode('.jpg', disc_frame(i)[..., ::-1])[1].tobytes() for i in range(3)]
    with BagWriter(tmp_path / 'a.mcap') as bag:
        for index, content in enumerate(encoded):
            bag.write_compressed_image(
                '/image', content, stamp_ns=index, frame_id='camera', image_format='jpeg'
            )
    desk = open_desk(tmp_path / 'a.mcap')
    _label(desk, range(3))
    desk.judge(Verdict.ACCEPTED, 0, 2, 'ann')
    _export(desk, tmp_path / 'set')
    desk.close()
    files = sorted((tmp_path / 'set' / 'JPEGImages' / 'a_00000_00002').iterdir())
    assert [file.read_bytes() for file in files] == encoded
    assert {file.suffix for file in files} == {'.jpg'}


def test_repeated_pixels_and_stretches_without_objects_are_left_out_and_counted(tmp_path):
    folder = write_folder(tmp_path / 'frames', 7)
    (folder / '00001.png').write_bytes((folder / '00000.png').read_bytes())
    desk = open_desk(folder)
    _label(desk, [0, 1, 2, 5, 6])
    desk.judge(Verdict.ACCEPTED, 0, 6, 'ann')
    desk.remove(desk.cameras[0], 'disc')
    give(desk, 0, mask_prompt(0))
    for index in (1, 2, 5, 6):
        desk.labelling.put(index, _objects(desk, index, seen=index < 5))
    text = _export(desk, tmp_path / 'set')
    assert '2 frames in 1 video' in text
    assert '1 repeat' in text
    assert '2 were left out' in text
    assert not len(check(open_splits(tmp_path / 'set')).findings)
    desk.close()


def _objects(desk, index, *, seen):
    crop = MaskCrop.of(disc_mask(index)) if seen else MaskCrop.empty((48, 80))
    instance = desk.instruments(desk.cameras[0])[0].instance
    return [ObjectMask(instance, crop, 0.9, 0.9, TrackState.TRACKED)]


def test_an_earlier_export_is_replaced_and_nothing_else(labelled, tmp_path):
    _export(labelled, tmp_path / 'set')
    labelled.judge(Verdict.REJECTED, 0, 4, 'ann')
    _export(labelled, tmp_path / 'set')
    assert len(VosFolder(tmp_path / 'set').videos) == 2
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'thesis.tex').write_text('')
    with pytest.raises(DeskError, match='something that is no export'):
        labelled.export(tmp_path / 'other')


def test_nothing_accepted_is_said(tmp_path):
    desk = open_desk(write_folder(tmp_path / 'frames', 3))
    with pytest.raises(DeskError, match='no frame is accepted'):
        desk.export(tmp_path / 'set')
    desk.close()


def test_an_export_that_is_stopped_leaves_the_earlier_one(labelled, tmp_path):
    _export(labelled, tmp_path / 'set')
    stop = threading.Event()
    stop.set()
    export = Export(labelled.recording, labelled.labelling, tmp_path / 'set')
    with pytest.raises(DeskError, match='was stopped'):
        export.run(stop, lambda done: None)
    assert len(VosFolder(tmp_path / 'set').videos) == 3
    assert not list(tmp_path.glob('.set*'))


def test_an_evaluation_and_a_training_take_it(labelled, tmp_path):
    _export(labelled, tmp_path / 'set')
    arguments = ['--input', tmp_path / 'set', '--output', tmp_path / 'out', '--jobs', '1']
    model = write_tiny_model(tmp_path)
    assert main(['evaluate', *map(str, arguments), '--model', str(model)]) == 0
    summary = json.loads((tmp_path / 'out' / 'summary.json').read_text())
    assert summary['tracker']['videos'] == 3
    data = TrainingData([DataSource('vos', str(tmp_path / 'set'))], size=64, longest=2)
    assert data.left_out == ()
    clip = data.draw(np.random.default_rng(0), 2)
    assert all(name.startswith('scene_') for name in clip.names)


class _Killed(BaseException):
    """Nothing is done any more, not even tidying up."""


def _kill_before(step, monkeypatch):
    """Have the process end before the n-th time that a folder of a data set is moved or removed."""
    steps = itertools.count()

    def until(do):
        def guarded(folder, *arguments, **named):
            if Path(folder).name.strip('.').partition('.')[0] == 'dataset' and next(steps) >= step:
                raise _Killed
            return do(folder, *arguments, **named)

        return guarded

    monkeypatch.setattr(Path, 'replace', until(Path.replace))
    monkeypatch.setattr('shutil.rmtree', until(shutil.rmtree))


@pytest.mark.parametrize('step', range(6))
def test_a_kill_at_any_moment_leaves_the_former_data_set_or_the_new_one(
    tmp_path, monkeypatch, step
):
    source = write_folder(tmp_path / 'frames', 8)
    desk = open_desk(source)
    _label(desk, range(8))
    data_set = tmp_path / 'frames.labels' / 'dataset'
    desk.judge(Verdict.ACCEPTED, 0, 3)
    _export(desk, data_set)
    desk.judge(Verdict.ACCEPTED, 0, 7)
    export = Export(desk.recording, desk.labelling, data_set)
    with monkeypatch.context() as patched:
        _kill_before(step, patched)
        with contextlib.suppress(_Killed):
            export.run(threading.Event(), lambda done: None)
    desk.close()
    open_desk(source).close()
    said = json.loads((data_set / CARD).read_text())['frames']
    assert said in (4, 8)
    assert len(list(data_set.glob('JPEGImages/*/*'))) == said
    assert len(list(data_set.glob('Annotations/*/*'))) == said
    beside = {path.name for path in data_set.parent.iterdir()}
    assert beside == {'dataset', 'journal.jsonl', 'masks'}
