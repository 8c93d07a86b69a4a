# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The composed scene that comes with the package: what happens in it, and its exact truth."""

from __future__ import annotations

import re

import numpy as np
import pytest
from repository import REPO

from surgsam2_ros.cli import main
from surgsam2_ros.live.demo_scenes import FOLDER, shipped_scene
from surgsam2_ros.live.scene_topics import IMAGE_TOPIC, OBJECTS_TOPIC, TRUTH_TOPIC
from surgsam2_ros.sources import BagReader, peek_header, read_labels
from surgsam2_ros.synthesis.composing import InstrumentPicture, compose_scene

FRAMES = 50
SIZE = (128, 160)
STAYS, LEAVES = 1, 2


@pytest.fixture(name='scene', scope='module')
def _scene():
    return shipped_scene(7, FRAMES, SIZE, 10.0)


@pytest.fixture(name='labels', scope='module')
def _labels(scene):
    return np.stack([labels for _, labels in scene])


def flat_scene(seed: int = 0):
    """Compose of plain colours: blue instruments over red tissue, so that pixels tell the truth."""
    rgba = np.zeros((60, 300, 4), np.uint8)
    rgba[10:50, :290] = (0, 0, 255, 255)
    tissue = np.full((200, 250, 3), (255, 0, 0), np.uint8)
    pictures = [InstrumentPicture(rgba, kind, 120) for kind in ('first', 'second')]
    return compose_scene(seed, FRAMES, SIZE, tissue, pictures)


def test_equal_seeds_give_equal_scenes_and_others_do_not(scene):
    again, other = shipped_scene(7, FRAMES, SIZE, 10.0), shipped_scene(8, FRAMES, SIZE, 10.0)
    for frame in (0, 23):
        assert np.array_equal(scene[frame][0], again[frame][0])
        assert np.array_equal(scene[frame][1], again[frame][1])
    assert not np.array_equal(scene[23][1], other[23][1])


def test_pictures_have_size_and_type_and_lie_in_a_round_view(scene, labels):
    rgb, _ = scene[0]
    assert (rgb.shape, rgb.dtype) == ((*SIZE, 3), np.uint8)
    assert (labels.shape, labels.dtype) == ((FRAMES, *SIZE), np.uint8)
    corners = (slice(None, None, SIZE[0] - 1), slice(None, None, SIZE[1] - 1))
    assert rgb[corners].max() < 20
    assert rgb[40:90, 40:120].mean() > 60
    assert not labels[:, corners[0], corners[1]].any()


def test_both_instruments_are_seen_from_the_first_frame(labels):
    areas = np.array([(labels[0] == value).mean() for value in (STAYS, LEAVES)])
    assert np.all(areas > 0.005)
    assert set(np.unique(labels)) == {0, STAYS, LEAVES}


def test_one_comes_further_in_and_the_other_grows_out_of_the_border_when_it_returns(labels):
    areas = np.stack([(labels == value).sum(axis=(1, 2)) for value in (STAYS, LEAVES)])
    assert areas[0, :20].max() > 1.15 * areas[0, 0]
    back = np.flatnonzero(areas[1] == 0)[-1] + 1
    assert 0 < areas[1, back] < areas[1, back + 3]


def test_one_stays_and_the_other_leaves_and_returns(labels):
    assert (labels == STAYS).any(axis=(1, 2)).all()
    absent = np.flatnonzero(~(labels == LEAVES).any(axis=(1, 2)))
    assert 3 <= len(absent) <= 10
    assert np.array_equal(absent, np.arange(absent[0], absent[-1] + 1)), 'it leaves once'
    assert absent[-1] < FRAMES - 5


def test_they_cross_once(labels):
    """The second lies over the first: the first falls into pieces or touches it."""
    grown = np.stack([np.pad(frame == LEAVES, 1) for frame in labels])
    near = grown[:, 2:, 1:-1] | grown[:, :-2, 1:-1] | grown[:, 1:-1, 2:] | grown[:, 1:-1, :-2]
    touching = (near & (labels == STAYS)).any(axis=(1, 2))
    assert 2 <= touching.sum() <= 20
    times = np.flatnonzero(touching)
    assert times[-1] - times[0] < 20


def test_labels_lie_on_the_pixels_of_the_instruments():
    scene = flat_scene()
    for frame in (0, 20, 22, 45):
        rgb, labels = scene[frame]
        bright = rgb.max(axis=2) > 60
        blue = rgb[..., 2] > rgb[..., 0]
        wrong = ((labels > 0) != blue) & bright
        assert wrong.mean() < 0.01, frame


def test_tips_and_shafts_lie_on_the_instruments(scene, labels):
    for frame in (0, 14, 45):
        for entry in scene.objects(frame, labels[frame]):
            assert entry.kind == scene.class_names[entry.label]
            assert entry.area == (labels[frame] == entry.label).sum()
            assert entry.tip_visible
            x, y = (round(value) for value in entry.tip)
            assert entry.label in labels[frame][y - 1 : y + 2, x - 1 : x + 2]
    near, far = scene.objects(14, labels[14])[0].shaft
    middle = np.mean([near, far], axis=0).round().astype(int)
    assert near[0] == pytest.approx(SIZE[1] - 1)
    assert labels[14][middle[1], min(middle[0], SIZE[1] - 10)] == STAYS


def test_it_moves_from_frame_to_frame_but_not_in_leaps(scene, labels):
    tips = np.array([[entry.tip for entry in scene.objects(i, labels[i])] for i in range(FRAMES)])
    steps = np.hypot(*np.diff(tips, axis=0).T)
    assert 0.1 < np.median(steps) < 5
    assert steps.max() < 0.2 * SIZE[1]


@pytest.mark.parametrize(
    ('frames', 'size', 'rate', 'reason'),
    [(0, SIZE, 30, '0 frames'), (5, (32, 160), 30, '32x160'), (5, SIZE, 0, 'at 0 Hz')],
)
def test_impossible_scenes_are_refused(frames, size, rate, reason):
    with pytest.raises(ValueError, match=reason):
        shipped_scene(0, frames, size, rate)


def test_a_scene_has_two_instruments():
    with pytest.raises(ValueError, match='0 instruments are given'):
        compose_scene(0, 5, SIZE, np.zeros((80, 80, 3), np.uint8), [])


def test_the_pictures_are_small_and_have_their_licence_beside_them():
    folder = REPO / FOLDER
    assert sum(path.stat().st_size for path in folder.iterdir()) < 250_000
    text = (folder / 'LICENSE.txt').read_text()
    assert 'MIT License' in text
    assert 'Copyright (c)' in text
    for path in folder.iterdir():
        assert path.name in text or path.name == 'LICENSE.txt'


def test_what_is_shown_is_not_trained_on():
    composed_clips = pytest.importorskip('surgsam2_ros.training.composed_clips')
    text = (REPO / FOLDER / 'LICENSE.txt').read_text()
    videos = re.findall(r'images/(\S+)-frame-', text)
    assert len(videos) == 3
    assert set(videos) <= set(composed_clips.HELD_OUT_VIDEOS)


def test_the_render_command_writes_the_same_kind_of_bag_as_of_a_rendered_scene(tmp_path, capsys):
    arguments = ['--scene', 'composed', '--size', '64x80', '--frames', '3', '--seed', '5']
    bag = tmp_path / 'scene.mcap'
    assert main(['render', *arguments, '--raw', '--output', str(bag)]) == 0
    assert 'at 30 Hz' in capsys.readouterr().out
    scene = shipped_scene(5, 3, (64, 80), 30.0)
    with BagReader(bag) as reader:
        assert set(reader.topics) == {IMAGE_TOPIC, TRUTH_TOPIC, OBJECTS_TOPIC}
        stamps, labels = zip(*read_labels(reader, TRUTH_TOPIC), strict=True)
        assert [peek_header(m.data)[0] for m in reader.messages([IMAGE_TOPIC])] == list(stamps)
    assert all(np.array_equal(read, scene[i][1]) for i, read in enumerate(labels))
    assert np.allclose(np.diff(stamps), 1e9 / 30, atol=1)


@pytest.mark.parametrize(
    ('arguments', 'reason'),
    [
        (['--kinds', 'smoke', '--output', 'x.mcap'], 'are for --scene rendered'),
        (['--instruments', 'hook', '--output', 'x.mcap'], 'are for --scene rendered'),
        (['--output', 'x.jpg'], 'is a bag or a folder'),
    ],
)
def test_what_a_composed_scene_lacks_is_said_in_one_line(capsys, arguments, reason):
    assert main(['render', '--scene', 'composed', *arguments]) == 1
    assert reason in capsys.readouterr().err
