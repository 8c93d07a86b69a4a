# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Composed clips and moving stills as sources of a training: files, hold-out, messages."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from repository import DATA

from surgsam2_ros.drawing import label_palette
from surgsam2_ros.sources import open_source, read_label_png, write_label_png
from surgsam2_ros.training.clip_sources import DataSource
from surgsam2_ros.training.composed_clips import HELD_OUT_VIDEOS, held_out, open_maker
from surgsam2_ros.training.config import TrainingConfigError, training_config
from surgsam2_ros.training.hold_out import write_clips
from surgsam2_ros.training.mask_fit import mask_fits
from surgsam2_ros.training.training_data import TrainingData

REAL = DATA / 'train'
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason=f'the pictures of {REAL} are not here')
COMPOSED = {'type': 'composed', 'cutouts': ('tools',), 'tissue': ('views',)}
STILLS = {'type': 'stills', 'path': 'tools'}


def write_picture(folder: Path, name: str, rgb: np.ndarray, labels: np.ndarray | None) -> None:
    for part in ('frames', 'masks'):
        (folder / part).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / 'frames' / f'{name}.jpg'), rgb[..., ::-1])
    if labels is not None:
        write_label_png(folder / 'masks' / f'{name}.png', labels, label_palette())


@pytest.fixture(scope='module')
def data_root(tmp_path_factory) -> Path:
    """Twenty pictures with a tool (id 2), a dot (id 3) and something unlabelled; ten views."""
    root = tmp_path_factory.mktemp('pictures')
    rng = np.random.default_rng(0)
    for index in range(20):
        labels = np.zeros((160, 200), np.uint8)
        angle = rng.uniform(0, np.pi)
        reach = (70 * np.array([np.cos(angle), np.sin(angle)])).astype(int)
        middle = np.array([100, 80])
        cv2.line(labels, tuple(map(int, middle - reach)), tuple(map(int, middle + reach)), 2, 12)
        labels[:20, :40] = 255
        labels[150:155, 180:185] = 3
        rgb = np.full((160, 200, 3), 170, np.uint8)
        rgb[labels > 0] = (60, 60, 70)
        write_picture(root / 'tools', f't_{index:04d}', rgb, labels)
    for index, video in enumerate(('00001-1', *HELD_OUT_VIDEOS)):
        view = rng.uniform(90, 200, (9, 9, 1)) * (1, 0.55, 0.5)
        view = cv2.resize(view.astype(np.uint8), (150, 120), interpolation=cv2.INTER_CUBIC)
        write_picture(root / 'views', f'{video}_f{index}', view, None)
    return root


def open_data(source: dict, root: Path, longest: int = 4, size: int = 64) -> TrainingData:
    return TrainingData([DataSource(**source)], size=size, longest=longest, data_root=root)


@pytest.mark.parametrize('source', [COMPOSED, STILLS, {**STILLS, 'cutouts': ('tools',)}])
def test_clips_are_as_long_as_asked_for_and_equal_for_equal_generators(data_root, source):
    data = open_data(source, data_root)
    for frames in (1, 2, 4):
        first, same = (data.draw(np.random.default_rng(frames), frames) for _ in range(2))
        assert first.images.shape == (frames, 3, 64, 64)
        assert np.array_equal(first.images, same.images)
        assert np.array_equal(first.masks, same.masks)
        assert first.masks[:, 0].any(axis=(1, 2)).all()
    other = data.draw(np.random.default_rng(99), 4)
    assert not np.array_equal(first.images, other.images)


@pytest.mark.parametrize('source', [COMPOSED, STILLS])
def test_listed_clips_are_the_same_every_time(data_root, source):
    listed = {**source, 'num_clips': 3, 'clip_length': 4, 'hold_out': 'valid'}
    first, second = (list(open_data(listed, data_root).evenly(3, 4)) for _ in range(2))
    assert len(first) == 3
    for one, same in zip(first, second, strict=True):
        assert np.array_equal(one.images, same.images)
        assert np.array_equal(one.masks, same.masks)
    assert not np.array_equal(first[0].images, first[1].images)
    assert open_data(listed, data_root).draw(np.random.default_rng(0), 4).masks.any()


def test_fresh_clips_have_no_epoch(data_root):
    data = open_data(COMPOSED, data_root)
    assert list(data.evenly(4, 2)) == []
    with pytest.raises(ValueError, match='make no epoch'):
        _ = data.samples_per_epoch


def test_data_can_be_handed_to_workers(data_root):
    data = open_data(COMPOSED, data_root)
    same = pickle.loads(pickle.dumps(data))
    first, second = (d.draw(np.random.default_rng(3), 2) for d in (data, same))
    assert np.array_equal(first.images, second.images)


def test_frames_of_three_videos_and_every_tenth_other_picture_are_held_out():
    frames = [f'{video}_f{n}' for video in ('00001-2', *HELD_OUT_VIDEOS) for n in (5, 99)]
    assert held_out(frames) == [False, False] + [True] * 6
    pictures = [f'c_{n:04d}' for n in range(30)]
    assert [n for n, out in enumerate(held_out(pictures)) if out] == [9, 19, 29]
    assert held_out(pictures[::-1]) == held_out(pictures)[::-1]


def test_training_and_validation_share_no_picture(data_root):
    sides = [
        open_maker(DataSource(**COMPOSED, hold_out=side), data_root) for side in ('train', 'valid')
    ]
    tools = [{entry[0].image for entry in s.material.cutouts.entries} for s in sides]
    views = [set(s.material.tissues.paths) for s in sides]
    assert [len(t) for t in tools] == [18, 2]
    assert [len(v) for v in views] == [1, 3]
    assert tools[0].isdisjoint(tools[1])
    assert views[0].isdisjoint(views[1])
    assert sides[1].material.tissues[0].rgb.shape == (120, 150, 3)


def test_folders_are_drawn_from_equally_often_whatever_they_hold(data_root):
    write_picture(data_root / 'few', 'a', np.full((40, 40, 3), 90, np.uint8), None)
    source = {**COMPOSED, 'tissue': ('views', 'few'), 'hold_out': 'valid'}
    with_few = {**source, 'tissue': ('few', 'views'), 'hold_out': 'train'}
    paths = open_maker(DataSource(**with_few), data_root).material.tissues.paths
    assert sorted(path.stem for path in paths) == ['00001-1_f0', 'a']
    write_picture(data_root / 'more', '00010-23313_f1', np.full((40, 40, 3), 90, np.uint8), None)
    source = {**source, 'tissue': ('views', 'more')}
    paths = open_maker(DataSource(**source), data_root).material.tissues.paths
    folders = [path.parent.parent.name for path in paths]
    assert folders.count('views') == folders.count('more') == 3


def test_small_and_unlabelled_parts_are_no_tools(data_root):
    maker = open_maker(DataSource(**COMPOSED), data_root)
    assert {entry[1] for entry in maker.material.cutouts.entries} == {2}
    cutout = maker.material.cutouts[0]
    assert set(np.unique(cutout.alpha)) == {0, 255}
    assert cutout.rgb[cutout.alpha > 0].mean() < 100


def test_relative_data_root_starts_at_the_root(data_root):
    data = TrainingData(
        [DataSource(**COMPOSED)],
        size=64,
        longest=2,
        root=data_root.parent,
        data_root=data_root.name,
    )
    assert data.draw(np.random.default_rng(0), 2).masks.any()


def test_what_is_missing_is_named_with_the_remedy(data_root):
    with pytest.raises(FileNotFoundError, match=r'data_root, which is not set.*--set data_root='):
        open_data(COMPOSED, '')
    with pytest.raises(FileNotFoundError, match='nothing/frames does not exist'):
        open_data({**COMPOSED, 'tissue': ('nothing',)}, data_root)
    with pytest.raises(FileNotFoundError, match='views hold no tool that is large enough'):
        open_data({**COMPOSED, 'cutouts': ('views',)}, data_root)
    with pytest.raises(FileNotFoundError, match="no labelled picture for hold_out 'train'"):
        open_data({**STILLS, 'path': 'views'}, data_root)


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        ({'type': 'composed'}, 'needs cutouts and tissue'),
        ({'type': 'composed', 'cutouts': ['a']}, 'needs cutouts and tissue'),
        ({**COMPOSED, 'path': 'a'}, 'and no path'),
        ({'type': 'stills'}, 'type stills needs a path'),
        ({**STILLS, 'tissue': ['a']}, 'tissue is a setting of type composed'),
        ({**STILLS, 'pieces': 0.5}, 'pieces is a setting of type composed'),
        ({**COMPOSED, 'pieces': 1.5}, 'pieces 1.5 must be a share, 0 to 1'),
        ({**COMPOSED, 'articulated': -0.1}, 'articulated -0.1 must be a share, 0 to 1'),
        ({**COMPOSED, 'grey': 'all'}, "grey 'all' must be a share, 0 to 1"),
        ({**STILLS, 'hollows': 0.5}, 'hollows is a setting of type composed'),
        ({**STILLS, 'kinds': ['smoke']}, 'kinds is a setting of type rendered'),
        ({**STILLS, 'hold_out': 'test'}, "hold_out 'test' is unknown; use train or valid"),
        ({'type': 'rendered', 'hold_out': 'valid'}, 'hold_out is a setting of type composed and'),
    ],
)
def test_bad_settings_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        DataSource(**values)


def test_configuration_takes_the_sources_and_wants_validation_that_stays():
    values = {
        'model': 'm.yaml',
        'data_root': '/pictures',
        'data': [{'type': 'composed', 'cutouts': ['a'], 'tissue': ['b'], 'weight': 0.4}],
        'validation': [{**STILLS, 'num_clips': 4, 'hold_out': 'valid'}],
        'minutes': 1,
        'validate_minutes': 1,
    }
    config = training_config(values, Path())
    assert config.data_root == '/pictures'
    assert config.data[0].cutouts == ('a',)
    values['validation'] = [STILLS]
    with pytest.raises(TrainingConfigError, match='need num_clips'):
        training_config(values, Path())


def test_held_out_clips_are_written_as_a_folder_of_videos(data_root, tmp_path):
    source = DataSource(**STILLS, num_clips=2, clip_length=3, hold_out='valid')
    names = write_clips({'moved': source}, data_root, tmp_path, size=96)
    assert names == ['moved_000', 'moved_001']
    for name in names:
        assert [frame.rgb.shape for frame in open_source(tmp_path / 'JPEGImages' / name)] == [
            (96, 96, 3)
        ] * 3
        assert read_label_png(tmp_path / 'Annotations' / name / '00000.png').any()


def test_shifted_masks_are_found():
    labels = np.zeros((200, 300), np.uint8)
    cv2.line(labels, (60, 60), (200, 140), 1, 24)
    rgb = np.full((200, 300, 3), 180, np.uint8)
    rgb[labels > 0] = 60
    assert mask_fits(rgb, labels)
    assert not mask_fits(rgb, np.roll(labels, (45, 60), (0, 1)))
    assert not mask_fits(rgb, np.zeros_like(labels))


@needs_real
def test_real_pictures_give_clips_on_both_sides_that_share_none():
    tissue, cutouts = ('lap_stanford_backgrounds', 'polypgen'), ('surgical_cutouts',)
    makers = {
        side: open_maker(
            DataSource('composed', cutouts=cutouts, tissue=tissue, hold_out=side), REAL
        )
        for side in ('train', 'valid')
    }
    for maker in makers.values():
        images, labels = maker.make(np.random.default_rng(0), 3, 96)
        assert images.std() > 10
        assert labels[0].any()
    paths = [set(maker.material.tissues.paths) for maker in makers.values()]
    assert paths[0].isdisjoint(paths[1])
    assert not any(path.stem.startswith(HELD_OUT_VIDEOS) for path in paths[0])


@needs_real
def test_real_tool_pictures_with_shifted_masks_are_left_out():
    names = {p.stem for p in (REAL / 'tools_seg' / 'frames').glob('*.jpg')}
    train, valid = (
        {p.image.stem for p in open_maker(DataSource(**source), REAL).pictures}
        for source in (
            {'type': 'stills', 'path': 'tools_seg'},
            {'type': 'stills', 'path': 'tools_seg', 'hold_out': 'valid'},
        )
    )
    assert train.isdisjoint(valid)
    assert 0.01 < 1 - len(train | valid) / len(names) < 0.12
