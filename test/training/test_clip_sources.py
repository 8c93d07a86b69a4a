# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Frames with their truth come from VOS folders, bags and rendered clips, one at a time."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from surgsam2_ros.sources import BagReader, BagWriter, SourceError, write_label_png
from surgsam2_ros.sources.image_encodings import encode_png
from surgsam2_ros.training.clip_sources import DataSource
from surgsam2_ros.training.opening import open_videos
from surgsam2_ros.training.rendered_clips import FreshClip, render_clips

PALETTE = np.arange(768, dtype=np.uint8).reshape(256, 3)
IMAGE, TRUTH = '/camera/image_raw', '/camera/truth'


def picture(index: int, size=(24, 32)) -> np.ndarray:
    rgb = np.zeros((*size, 3), np.uint8)
    rgb[..., 0] = 10 * index
    rgb[..., 2] = 200
    return rgb


def truth(index: int, size=(24, 32)) -> np.ndarray:
    labels = np.zeros(size, np.uint8)
    labels[4:12, index : index + 8] = 1
    labels[14:20, 5:15] = 3
    labels[0, 0] = 255
    return labels


def write_vos(root: Path, video: str = 'seq_1', frames: int = 4, labelled=None) -> Path:
    for folder in ('JPEGImages', 'Annotations'):
        (root / folder / video).mkdir(parents=True)
    for index in range(frames):
        stem = f'{index:05d}.png'
        cv2.imwrite(str(root / 'JPEGImages' / video / stem), picture(index)[..., ::-1])
        if labelled is None or index in labelled:
            write_label_png(root / 'Annotations' / video / stem, truth(index), PALETTE)
    return root


def write_bag(path: Path, frames: int = 5, *, truths=None, shift: int = 0, twice=False) -> Path:
    with BagWriter(path) as bag:
        for index in range(frames):
            stamp = 10**9 * (index + 1)
            bag.write_image(IMAGE, picture(index), stamp_ns=stamp, frame_id='c', encoding='rgb8')
            if truths is None or index in truths:
                for _ in range(2 if twice else 1):
                    bag.write_image(
                        TRUTH,
                        truth(index),
                        stamp_ns=stamp + shift,
                        frame_id='c',
                        encoding='mono8',
                    )
    return path


def bag_source(path: Path, **settings) -> DataSource:
    return DataSource('bag', str(path), truth_topic=TRUTH, **settings)


def open_one(source: DataSource):
    (video,) = open_videos(source, Path())
    return video


def check_frames(video, indices) -> None:
    assert len(video) == len(indices)
    for place, index in reversed(list(enumerate(indices))):
        np.testing.assert_array_equal(video.image(place), picture(index))
        expected = truth(index)
        expected[0, 0] = 0  # 255 marks pixels that nobody labelled
        np.testing.assert_array_equal(video.labels(place), expected)


# Every kind of source


def test_a_vos_folder_gives_its_frames_in_any_order(tmp_path):
    video = open_one(DataSource('vos', str(write_vos(tmp_path))))
    check_frames(video, [0, 1, 2, 3])
    assert video.frame_name(2) == 'seq_1/00002'


def test_relative_paths_start_from_the_root(tmp_path):
    write_vos(tmp_path / 'data')
    (video,) = open_videos(DataSource('vos', 'data'), tmp_path)
    assert len(video) == 4


@pytest.mark.parametrize('name', ['scene.mcap', 'scene.db3', 'scene'])
def test_a_bag_gives_its_frames_in_any_order(tmp_path, name):
    video = open_one(bag_source(write_bag(tmp_path / name)))
    check_frames(video, [0, 1, 2, 3, 4])
    assert video.frame_name(2) == f'{name}/3.000000000'


def test_a_bag_may_hold_compressed_images_and_truth(tmp_path):
    with BagWriter(tmp_path / 'bag') as bag:
        for index in range(3):
            for topic, image in ((IMAGE, picture(index)), (TRUTH, truth(index))):
                bag.write_compressed_image(
                    topic + '/compressed',
                    encode_png(image),
                    stamp_ns=index,
                    frame_id='c',
                    image_format='png',
                )
    source = DataSource('bag', str(tmp_path / 'bag'), truth_topic=TRUTH + '/compressed')
    check_frames(open_one(source), [0, 1, 2])


def test_rendered_clips_give_what_was_rendered(tmp_path):
    render_clips(tmp_path, 2, frames=3, size=64, seed=4)
    stored = np.load(tmp_path / 'clip_00001.npy')
    videos = open_videos(DataSource('rendered', str(tmp_path), num_clips=2), Path())
    assert [len(video) for video in videos] == [3, 3]
    np.testing.assert_array_equal(videos[1].image(2), stored[2, ..., :3])
    np.testing.assert_array_equal(videos[1].labels(0), stored[0, ..., 3])


def test_fresh_scenes_depend_on_the_state_of_the_generator_alone():
    one, same, other = (FreshClip(np.random.default_rng(s), 2, 64) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.image(1), same.image(1))
    assert one.frame_name(1) == same.frame_name(1) != other.frame_name(1)
    assert (one.image(1) != other.image(1)).any()


def test_only_ids_that_are_asked_for_are_kept(tmp_path):
    write_vos(tmp_path / 'vos')
    write_bag(tmp_path / 'bag')
    for source in (
        DataSource('vos', str(tmp_path / 'vos'), object_ids=[3]),
        bag_source(tmp_path / 'bag', object_ids=[3]),
    ):
        assert set(np.unique(open_one(source).labels(1))) == {0, 3}


# Frames without a truth


def test_frames_without_a_label_image_are_left_out(tmp_path):
    video = open_one(DataSource('vos', str(write_vos(tmp_path, labelled=[1, 3]))))
    check_frames(video, [1, 3])
    assert video.frame_name(1) == 'seq_1/00003'


def test_images_without_a_truth_of_their_stamp_are_left_out(tmp_path):
    check_frames(open_one(bag_source(write_bag(tmp_path / 'bag', truths=[0, 3]))), [0, 3])


# Reading no more than needed


def test_only_the_image_asked_for_is_fetched_from_a_bag(tmp_path, monkeypatch):
    video = open_one(bag_source(write_bag(tmp_path / 'bag', frames=20)))
    fetched = []
    whole = BagReader.messages

    def counted(self, *arguments, **span):
        for message in whole(self, *arguments, **span):
            fetched.append(message.topic)
            yield message

    monkeypatch.setattr(BagReader, 'messages', counted)
    video.image(13)
    video.labels(13)
    assert fetched == [IMAGE, TRUTH]


def test_only_the_files_asked_for_are_read(tmp_path):
    root = write_vos(tmp_path)
    (root / 'JPEGImages/seq_1/00000.png').write_bytes(b'broken')
    (root / 'Annotations/seq_1/00001.png').write_bytes(b'broken')
    video = open_one(DataSource('vos', str(root)))
    video.image(1)
    video.labels(0)


@pytest.mark.parametrize('name', ['bag.mcap', 'bag.db3'])
def test_threads_and_other_processes_open_a_bag_for_themselves(tmp_path, name):
    video = open_one(bag_source(write_bag(tmp_path / name)))
    check_frames(pickle.loads(pickle.dumps(video)), [0, 1, 2, 3, 4])
    results = []
    thread = threading.Thread(target=lambda: results.append(video.image(3)))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(results[0], picture(3))


# Rendering


def test_rendering_adds_what_is_missing_and_depends_on_seed_and_number_alone(tmp_path):
    one, other = tmp_path / 'one', tmp_path / 'other'
    render_clips(one, count=3, frames=2, size=64, seed=5)
    render_clips(other, count=1, frames=2, size=64, seed=5)
    before = (other / 'clip_00000.npy').stat().st_mtime_ns
    steps = []
    render_clips(
        other, 3, frames=2, size=64, seed=5, processes=2, report=lambda *n: steps.append(n)
    )
    assert (other / 'clip_00000.npy').stat().st_mtime_ns == before
    assert steps == [(1, 2), (2, 2)]
    for name in ('clip_00000.npy', 'clip_00001.npy', 'clip_00002.npy'):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    assert not list(tmp_path.rglob('*.part'))


def test_a_clip_that_cannot_be_written_is_named_and_leaves_nothing(tmp_path, monkeypatch):
    def full(file, array):
        file.write(b'half')
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(np, 'save', full)
    with pytest.raises(SourceError, match=r'clip_00000.npy cannot be written.*No space left'):
        render_clips(tmp_path, 1, frames=1, size=64, seed=0)
    assert not list(tmp_path.glob('clip_*'))


@pytest.mark.parametrize(
    ('name', 'value'), [('frames', 3), ('size', 48), ('seed', 6), ('kinds', ['smoke'])]
)
def test_clips_rendered_otherwise_are_not_mixed(tmp_path, name, value):
    settings = {'count': 1, 'frames': 2, 'size': 64, 'seed': 5}
    render_clips(tmp_path, **settings)
    with pytest.raises(SourceError, match=rf'{tmp_path} holds clips rendered with {name} '):
        render_clips(tmp_path, **{**settings, 'count': 2, name: value})
    assert len(list(tmp_path.glob('clip_*'))) == 1


def test_clips_of_other_kinds_than_asked_for_are_refused(tmp_path):
    render_clips(tmp_path, 1, frames=2, size=64, seed=5, kinds=['smoke'])
    source = DataSource('rendered', str(tmp_path), num_clips=1, kinds=['smoke'])
    assert len(open_one(source)) == 2
    source = DataSource('rendered', str(tmp_path), num_clips=1, kinds=['glare'])
    with pytest.raises(SourceError, match=r"rendered with kinds \['smoke'\], \['glare'\] is asked"):
        open_one(source)


# Bad data


def test_an_unreadable_image_is_named(tmp_path):
    path = write_vos(tmp_path) / 'JPEGImages/seq_1/00002.png'
    path.write_bytes(b'no image')
    video = open_one(DataSource('vos', str(tmp_path)))
    with pytest.raises(SourceError, match=f'{path} is no readable image; repair'):
        video.image(2)


def test_a_mask_of_16_bits_is_named(tmp_path):
    path = write_vos(tmp_path) / 'Annotations/seq_1/00002.png'
    cv2.imwrite(str(path), np.full((24, 32), 300, np.uint16))
    with pytest.raises(SourceError, match=f'{path} .*16 bits'):
        open_one(DataSource('vos', str(tmp_path))).labels(2)


def test_a_folder_whose_images_and_masks_do_not_match_is_named(tmp_path):
    write_vos(tmp_path, labelled=[])
    with pytest.raises(SourceError, match=f'no image of {tmp_path}/JPEGImages has a label image'):
        open_videos(DataSource('vos', str(tmp_path)), Path())


def test_a_missing_folder_is_named(tmp_path):
    for source in (DataSource('vos', 'nowhere'), DataSource('rendered', 'nowhere', num_clips=2)):
        with pytest.raises(FileNotFoundError, match='nowhere'):
            open_videos(source, tmp_path)
    with pytest.raises(SourceError, match='nowhere does not exist'):
        open_videos(bag_source(Path('nowhere')), tmp_path)


def test_too_few_rendered_clips_are_an_error(tmp_path):
    render_clips(tmp_path, 1, frames=1, size=64, seed=0)
    with pytest.raises(FileNotFoundError, match=r'holds 1 rendered clips.*3 wanted'):
        open_videos(DataSource('rendered', str(tmp_path), num_clips=3), Path())


def test_a_damaged_rendered_clip_is_named(tmp_path):
    (tmp_path / 'clip_00000.npy').write_bytes(b'\x93NUMPY')
    with pytest.raises(SourceError, match=r'clip_00000.npy is no rendered clip .*remove it'):
        open_videos(DataSource('rendered', str(tmp_path)), Path())


def test_an_unknown_topic_is_an_error_that_lists_those_there_are(tmp_path):
    path = write_bag(tmp_path / 'bag')
    for topics in ({'truth_topic': '/none'}, {'truth_topic': TRUTH, 'image_topic': '/none'}):
        with pytest.raises(SourceError, match=f'no topic /none; it has .*{IMAGE}'):
            open_videos(DataSource('bag', str(path), **topics), Path())


def test_a_truth_with_stamps_of_its_own_is_an_error(tmp_path):
    path = write_bag(tmp_path / 'bag', shift=7)
    with pytest.raises(SourceError, match=r'none of the 5 images .* has the stamp of one of the 5'):
        open_videos(bag_source(path), Path())


def test_two_truths_of_one_stamp_are_an_error(tmp_path):
    path = write_bag(tmp_path / 'bag', twice=True)
    with pytest.raises(SourceError, match=f'{TRUTH} .* two messages with the stamp 1000000000 ns'):
        open_videos(bag_source(path), Path())


def test_a_colour_image_is_no_truth(tmp_path):
    path = write_bag(tmp_path / 'bag')
    video = open_one(DataSource('bag', str(path), truth_topic=IMAGE, image_topic=TRUTH))
    with pytest.raises(SourceError, match=f"{IMAGE} of bag {path}.* 1000000000 ns: .*'rgb8'"):
        video.labels(0)


# Settings


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'type': 'video', 'path': 'a'}, "type 'video' is unknown; use vos, bag, rendered"),
        ({'type': 'vos'}, 'type vos needs a path'),
        ({'type': 'bag', 'path': 'a'}, 'bag a needs a truth_topic'),
        ({'type': 'vos', 'path': 'a', 'weight': 0}, 'weight 0 must be a number above 0'),
        ({'type': 'vos', 'path': 'a', 'object_ids': [0]}, 'object id 0 is out of range'),
        ({'type': 'vos', 'path': 'a', 'object_ids': [255]}, 'object id 255 is out of range'),
        ({'type': 'vos', 'path': 'a', 'object_ids': []}, 'object_ids is empty'),
        ({'type': 'vos', 'path': 'a', 'truth_topic': '/t'}, 'truth_topic is a setting of type bag'),
        ({'type': 'rendered', 'num_clips': -1}, 'num_clips -1 must be at least 0'),
        ({'type': 'rendered', 'kinds': ['fog']}, "kind 'fog' is unknown; use plain"),
    ],
)
def test_impossible_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        DataSource(**settings)
