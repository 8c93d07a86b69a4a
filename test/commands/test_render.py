# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 render` writes what it renders, whole or not at all."""

from __future__ import annotations

import argparse
import json
import re

import numpy as np
import pytest

from surgsam2_ros.cli import main
from surgsam2_ros.commands.render import parse_size
from surgsam2_ros.live.scene_topics import IMAGE_TOPIC, OBJECTS_TOPIC, TRUTH_TOPIC
from surgsam2_ros.sources import BagReader, open_source, read_label_png, read_labels
from surgsam2_ros.synthesis import render_scene

FRAMES = 3


def render(*arguments: str) -> int:
    return main(['render', '--size', '64x80', '--frames', str(FRAMES), '--seed', '5', *arguments])


@pytest.fixture(scope='module')
def scene():
    return render_scene(5, FRAMES, size=(64, 80))


def check_truth(bag, scene) -> None:
    with BagReader(bag) as reader:
        stamps, labels = zip(*read_labels(reader, TRUTH_TOPIC), strict=True)
    assert all(np.array_equal(read, scene[i][1]) for i, read in enumerate(labels))
    assert np.allclose(np.diff(stamps), 1e9 / scene.rate_hz, atol=1)


@pytest.mark.parametrize('name', ['scene.mcap', 'scene.db3'])
def test_bag_holds_compressed_images_and_exact_truth(tmp_path, scene, name):
    assert render('--output', str(tmp_path / name)) == 0
    check_truth(tmp_path / name, scene)
    with open_source(tmp_path / name, topic=f'{IMAGE_TOPIC}/compressed') as source:
        frames = list(source)
    assert len(frames) == FRAMES
    for frame, (rgb, _) in zip(frames, scene, strict=True):
        assert np.abs(frame.rgb.astype(int) - rgb).mean() < 6
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_raw_images_in_a_bag_are_exact(tmp_path, scene):
    assert render('--raw', '--output', str(tmp_path / 'scene.mcap')) == 0
    with open_source(tmp_path / 'scene.mcap', topic=IMAGE_TOPIC) as source:
        for frame, (rgb, _) in zip(source, scene, strict=True):
            assert np.array_equal(frame.rgb, rgb)


def test_equal_seeds_give_equal_bags(tmp_path):
    bags = tmp_path / 'a' / 'scene.mcap', tmp_path / 'b' / 'scene.mcap'
    for bag in bags:
        render('--output', str(bag))
    assert bags[0].read_bytes() == bags[1].read_bytes()


def test_folder_has_the_layout_of_video_object_segmentation(tmp_path, scene):
    assert render('--output', str(tmp_path)) == 0
    names = sorted(path.name for path in (tmp_path / 'JPEGImages' / 'scene_0005').iterdir())
    assert names == ['00000.jpg', '00001.jpg', '00002.jpg']
    for index, (_, labels) in enumerate(scene):
        written = tmp_path / 'Annotations' / 'scene_0005' / f'{index:05d}.png'
        assert np.array_equal(read_label_png(written), labels)
    classes = json.loads((tmp_path / 'classes.json').read_text())
    assert classes == {'scene_0005': {'1': 'needle_driver', '2': 'grasper'}}


def test_scenes_of_other_seeds_join_a_folder(tmp_path):
    render('--output', str(tmp_path))
    assert render('--seed', '6', '--output', str(tmp_path)) == 0
    assert sorted(json.loads((tmp_path / 'classes.json').read_text())) == [
        'scene_0005',
        'scene_0006',
    ]


@pytest.mark.parametrize('name', ['scene.mcap', 'folder'])
def test_existing_output_is_kept_unless_it_is_to_be_overwritten(tmp_path, name, capsys):
    output = str(tmp_path / name)
    assert render('--output', output) == 0
    assert render('--output', output) == 1
    assert 'exists already' in capsys.readouterr().err
    assert render('--overwrite', '--output', output) == 0


@pytest.mark.parametrize(
    ('arguments', 'reason'),
    [
        (['--instruments', '9'], '9 instruments'),
        (['--frames', '0'], '0 frames'),
        (['--rate', '0'], 'rate'),
        (['--size', '8x8'], 'size'),
        (['--raw'], '--raw is for bags'),
    ],
)
def test_impossible_requests_are_answered_in_one_line(tmp_path, capsys, arguments, reason):
    assert render(*arguments, '--output', str(tmp_path / 'out')) == 1
    error = capsys.readouterr().err
    assert reason in error
    assert 'Traceback' not in error
    assert not (tmp_path / 'out').exists()


def test_size_is_height_by_width():
    assert parse_size('512x640') == (512, 640)
    for wrong in ('512', 'x640', '5.5x6', 'axb', ''):
        with pytest.raises(argparse.ArgumentTypeError, match='HEIGHTxWIDTH'):
            parse_size(wrong)


def test_folder_tells_tip_and_axes_of_every_frame(tmp_path, scene):
    render('--output', str(tmp_path))
    truth = json.loads((tmp_path / 'truth.json').read_text())['scene_0005']
    assert len(truth) == FRAMES
    for index, (_, labels) in enumerate(scene):
        assert [entry['label'] for entry in truth[index]] == [1, 2]
        assert [entry['kind'] for entry in truth[index]] == ['needle_driver', 'grasper']
        for entry in truth[index]:
            assert entry['area'] == (labels == entry['label']).sum()
            assert len(entry['jaws']) == 2
            assert np.shape(entry['shaft']) == (2, 2)


def test_bag_tells_the_same_with_the_stamps_of_the_images(tmp_path, scene):
    render('--output', str(tmp_path / 'scene.mcap'))
    render('--output', str(tmp_path / 'folder'))
    truth = json.loads((tmp_path / 'folder' / 'truth.json').read_text())['scene_0005']
    with BagReader(tmp_path / 'scene.mcap') as reader:
        messages = list(reader.messages([OBJECTS_TOPIC, TRUTH_TOPIC]))
        told = [message for message in messages if message.topic == OBJECTS_TOPIC]
        stamps = [message.stamp_ns for message in messages if message.topic == TRUTH_TOPIC]
        assert [json.loads(reader.deserialize(message).data) for message in told] == truth
    assert [message.stamp_ns for message in told] == stamps


def test_instruments_and_troubles_are_chosen_by_name(tmp_path, capsys):
    names = ['--instruments', 'hook, suction,clip_applier', '--kinds', 'smoke,round_view']
    assert render(*names, '--output', str(tmp_path)) == 0
    assert '1 hook, 2 suction, 3 clip_applier' in capsys.readouterr().out
    classes = json.loads((tmp_path / 'classes.json').read_text())
    assert classes['scene_0005'] == {'1': 'hook', '2': 'suction', '3': 'clip_applier'}
    truth = json.loads((tmp_path / 'truth.json').read_text())['scene_0005'][0]
    assert [len(entry['jaws']) for entry in truth] == [1, 0, 2]


@pytest.mark.parametrize(
    ('arguments', 'reason'),
    [
        (
            ['--instruments', 'hook,spoon'],
            r"unknown instruments \['spoon'\]; choose of needle_driver",
        ),
        (['--instruments', 'hook,hook,hook,hook,hook'], '5 instruments'),
        (['--kinds', 'fog'], r"unknown kinds of trouble \['fog'\]; choose of smoke"),
    ],
)
def test_unknown_names_are_answered_with_those_to_choose_of(tmp_path, capsys, arguments, reason):
    assert render(*arguments, '--output', str(tmp_path / 'out')) == 1
    assert re.search(reason, capsys.readouterr().err)
    assert not (tmp_path / 'out').exists()


def test_damaged_list_of_classes_is_named_and_kept(tmp_path, capsys):
    (tmp_path / 'classes.json').write_text('{"scene')
    assert render('--output', str(tmp_path)) == 1
    error = capsys.readouterr().err
    assert str(tmp_path / 'classes.json') in error
    assert 'repair' in error
    assert (tmp_path / 'classes.json').read_text() == '{"scene'
    assert not (tmp_path / 'JPEGImages').exists()
