# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Training clips are drawn from all sources in their shares, and bad data is found and named."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from surgsam2_ros.sources import BagWriter, SourceError, write_label_png
from surgsam2_ros.training.augmentation import Augmentation
from surgsam2_ros.training.clip_sources import DataSource
from surgsam2_ros.training.rendered_clips import render_clips
from surgsam2_ros.training.sampling import Sampling
from surgsam2_ros.training.training_data import TrainingData

PALETTE = np.arange(768, dtype=np.uint8).reshape(256, 3)
SIZE = 32
BACKGROUND = (124, 116, 104)  # as grey as what lies beyond a rotated picture
COLOURS = np.full((256, 3), BACKGROUND, np.uint8)
COLOURS[1], COLOURS[2] = (250, 10, 10), (10, 250, 10)


def write_video(root: Path, name: str, labels: np.ndarray) -> Path:
    """Add a video whose pictures show its labels uint8 [T, H, W] in colours."""
    for folder in ('JPEGImages', 'Annotations'):
        (root / folder / name).mkdir(parents=True)
    for index, frame in enumerate(labels):
        file = f'{name}/{index:05d}.png'
        cv2.imwrite(str(root / 'JPEGImages' / file), COLOURS[frame][..., ::-1])
        write_label_png(root / 'Annotations' / file, frame, PALETTE)
    return root


def objects(frames: int, first: int = 0, height: int = 48, width: int = 64) -> np.ndarray:
    """Object 1 from frame `first` on, object 2 from the frame after that."""
    labels = np.zeros((frames, height, width), np.uint8)
    labels[first:, 8:28, 10:30] = 1
    labels[first + 1 :, 30:46, 35:60] = 2
    return labels


def open_data(*sources: DataSource, longest: int = 4, **settings) -> TrainingData:
    return TrainingData(sources, size=SIZE, longest=longest, **settings)


def vos(path: Path, **settings) -> DataSource:
    return DataSource('vos', str(path), **settings)


def names(data: TrainingData, number: int, frames: int = 1) -> list[tuple[str, ...]]:
    rng = np.random.default_rng(0)
    return [data.draw(rng, frames).names for _ in range(number)]


# Clips


def test_a_clip_has_consecutive_frames_of_one_video(tmp_path):
    data = open_data(vos(write_video(tmp_path, 'seq', objects(9))))
    clip = data.draw(np.random.default_rng(0), 4)
    assert clip.images.shape == (4, 3, SIZE, SIZE)
    assert clip.images.dtype == np.float32
    assert clip.masks.shape[1:] == (4, SIZE, SIZE)
    first = int(clip.names[0].removeprefix('seq/'))
    assert clip.names == tuple(f'seq/{first + k:05d}' for k in range(4))


def test_every_start_that_shows_an_object_is_drawn_and_no_other(tmp_path):
    data = open_data(vos(write_video(tmp_path, 'seq', objects(12, first=3))))
    starts = {int(clip[0].removeprefix('seq/')) for clip in names(data, 150, frames=4)}
    assert starts == set(range(3, 9))


def test_objects_that_come_later_are_foreground_only(tmp_path):
    data = open_data(vos(write_video(tmp_path, 'seq', objects(4))))
    clip = data.draw(np.random.default_rng(0), 4)
    assert clip.masks.shape[0] == 1
    assert clip.masks.sum() < clip.foreground.sum()


def test_masks_lie_on_the_objects_in_the_pictures_whatever_happens_to_the_clip(tmp_path):
    """Red is object 1 and green object 2, in every frame of every clip."""
    sampling = Sampling(stride=3, reverse=0.5, turn=0.5)
    moves = Augmentation(hflip=0.5, vflip=0.5, transpose=0.5, degrees=25, shear=20, wander=0.3)
    data = open_data(
        vos(write_video(tmp_path, 'seq', objects(12))), sampling=sampling, augmentation=moves
    )
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    for seed in range(15):
        clip = data.draw(np.random.default_rng(seed), 4)
        rgb = clip.images.transpose(0, 2, 3, 1) * deviation + mean
        coloured = np.ptp(rgb, axis=3) > 0.45  # [T, S, S]
        assert (coloured != clip.foreground).mean() < 0.05
        for mask in clip.masks:
            red, green = rgb[mask][:, 0].mean(), rgb[mask][:, 1].mean()
            assert abs(red - green) > 0.5, 'a mask covers both objects'


def test_ids_that_are_not_asked_for_are_background(tmp_path):
    root = write_video(tmp_path, 'seq', objects(6))
    data = open_data(vos(root, object_ids=(2,)))
    clip = data.draw(np.random.default_rng(0), 2)
    assert clip.masks.shape[0] == 1
    assert (clip.foreground == clip.masks[0]).all()
    assert clip.images[:, 1][clip.foreground].mean() > clip.images[:, 0][clip.foreground].mean()


def test_equal_states_give_equal_clips_also_after_pickling(tmp_path):
    data = open_data(
        vos(write_video(tmp_path, 'seq', objects(9))),
        DataSource('rendered', clip_length=4),
        augmentation=Augmentation(hflip=0.5, degrees=25, clip_contrast=0.1, colours=0.5),
        sampling=Sampling(stride=2, reverse=0.5, turn=0.5),
    )
    copy = pickle.loads(pickle.dumps(data))
    seen = set()
    for seed in range(6):
        one, other = (d.draw(np.random.default_rng(seed), 3) for d in (data, copy))
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.masks, other.masks)
        assert one.names == other.names
        seen.add(one.images.tobytes())
    assert len(seen) == 6


def test_a_clip_whose_object_would_be_moved_away_is_taken_as_it_is(tmp_path):
    labels = np.zeros((6, 64, 64), np.uint8)
    labels[:, :5, :5] = 1  # the corner, which leaves at 45 degrees
    data = open_data(
        vos(write_video(tmp_path, 'seq', labels)), augmentation=Augmentation(degrees=180)
    )
    for seed in range(10):
        assert data.draw(np.random.default_rng(seed), 4).masks[:, 0].any()


def test_an_object_that_is_seen_once_in_a_long_video_is_found(tmp_path):
    labels = np.zeros((60, 16, 16), np.uint8)
    labels[41, :8, :8] = 1
    data = open_data(vos(write_video(tmp_path, 'seq', labels)), longest=2)
    for seed in range(5):
        assert data.draw(np.random.default_rng(seed), 2).names[0] == 'seq/00041'


# Mixing


def test_videos_are_drawn_in_proportion_to_their_length(tmp_path):
    write_video(tmp_path, 'long', objects(12))
    write_video(tmp_path, 'short', objects(4))
    drawn = names(open_data(vos(tmp_path)), 300)
    share = np.mean([clip[0].startswith('long') for clip in drawn])
    assert share == pytest.approx(12 / 16, abs=0.07)


def test_sources_are_drawn_by_their_weights_whatever_their_length(tmp_path):
    write_video(tmp_path / 'a', 'first', objects(12))
    write_video(tmp_path / 'b', 'second', objects(4))
    data = open_data(vos(tmp_path / 'a', weight=1), vos(tmp_path / 'b', weight=3))
    share = np.mean([clip[0].startswith('second') for clip in names(data, 300)])
    assert share == pytest.approx(3 / 4, abs=0.07)


def test_all_kinds_of_sources_mix(tmp_path):
    write_video(tmp_path / 'vos', 'seq', objects(5))
    render_clips(tmp_path / 'clips', 2, frames=4, size=SIZE, seed=1)
    labels = objects(5)
    with BagWriter(tmp_path / 'scene.mcap') as bag:
        for index, frame in enumerate(labels):
            stamps = {'stamp_ns': index, 'frame_id': 'camera'}
            bag.write_image('/image', COLOURS[frame], encoding='rgb8', **stamps)
            bag.write_image('/truth', frame, encoding='mono8', **stamps)
    data = open_data(
        vos(tmp_path / 'vos'),
        DataSource('bag', str(tmp_path / 'scene.mcap'), truth_topic='/truth'),
        DataSource('rendered', str(tmp_path / 'clips'), num_clips=2),
        DataSource('rendered', clip_length=4),
    )
    origins = {clip[0].partition('/')[0].partition('_')[0] for clip in names(data, 40)}
    assert origins == {'seq', 'scene.mcap', 'clip', 'scene'}
    assert data.samples_per_epoch == 5 + 5 + 2 * 4


def test_an_epoch_has_a_sample_per_frame_and_repetition(tmp_path):
    write_video(tmp_path, 'long', objects(12))
    write_video(tmp_path, 'short', objects(4))
    assert open_data(vos(tmp_path)).samples_per_epoch == 16
    assert open_data(vos(tmp_path), sampling=Sampling(repeat=2.5)).samples_per_epoch == 40


def test_scenes_rendered_while_training_make_no_epoch():
    with pytest.raises(ValueError, match='no epoch; give steps or minutes'):
        _ = open_data(DataSource('rendered')).samples_per_epoch


def test_validation_clips_spread_over_a_long_video_and_start_with_an_object(tmp_path):
    labels = np.zeros((13, 16, 16), np.uint8)
    labels[[1, 2, 3, 8, 9, 12], :8, :8] = 1  # stretches of 3 begin at 1, 4, 7 and 10
    data = open_data(vos(write_video(tmp_path, 'seq', labels)), longest=3)
    firsts = [clip.names[0] for clip in data.evenly(10, frames=3)]
    assert firsts == ['seq/00001', 'seq/00008']


def test_validation_sees_the_same_clips_every_time_spread_over_all_videos(tmp_path):
    for index in range(7):
        write_video(tmp_path, f'seq_{index}', objects(6, first=1))
    data = open_data(vos(tmp_path), augmentation=Augmentation(hflip=0.5, degrees=25))
    once, again = (list(data.evenly(4, frames=3)) for _ in range(2))
    assert [clip.names[0] for clip in once] == [f'seq_{n}/00001' for n in (0, 2, 4, 6)]
    for one, other in zip(once, again, strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.masks, other.masks)
    assert len(list(data.evenly(100, frames=3))) == 7


# What cannot be used


def test_a_source_without_any_object_is_found_at_once(tmp_path):
    root = write_video(tmp_path, 'seq', np.zeros((8, 16, 16), np.uint8))
    with pytest.raises(SourceError, match=f'no clip can be taken from vos {root}: .*no object'):
        open_data(vos(root))


def test_a_source_without_an_object_of_the_ids_is_found_at_once(tmp_path):
    root = write_video(tmp_path, 'seq', objects(8))
    with pytest.raises(SourceError, match=r'seq shows no object with an id of \[7, 9\]'):
        open_data(vos(root, object_ids=[7, 9]))


def test_objects_that_come_too_late_for_a_clip_are_no_start(tmp_path):
    root = write_video(tmp_path, 'seq', objects(8, first=6))
    with pytest.raises(SourceError, match='no object early enough for a clip of 4 frames'):
        open_data(vos(root))


def test_videos_that_are_too_short_or_empty_are_left_out_and_named(tmp_path):
    write_video(tmp_path, 'good', objects(6))
    write_video(tmp_path, 'short', objects(3))
    write_video(tmp_path, 'empty', np.zeros((6, 16, 16), np.uint8))
    data = open_data(vos(tmp_path))
    assert {clip[0].partition('/')[0] for clip in names(data, 30)} == {'good'}
    assert len(data.left_out) == 2
    assert any('short has 3 labelled frames' in sentence for sentence in data.left_out)
    assert any('empty shows no object' in sentence for sentence in data.left_out)


def test_a_source_with_short_videos_alone_is_an_error(tmp_path):
    root = write_video(tmp_path, 'seq', objects(3))
    with pytest.raises(SourceError, match='seq has 3 labelled frames, clips have up to 4'):
        open_data(vos(root))


def test_a_mask_of_another_size_is_named_with_its_image(tmp_path):
    root = write_video(tmp_path, 'seq', objects(8))
    path = root / 'Annotations/seq/00000.png'
    write_label_png(path, objects(1, height=20, width=20)[0], PALETTE)
    with pytest.raises(SourceError, match=f'{path}.*the image is 64x48, its mask 20x20'):
        open_data(vos(root))


def test_frames_of_another_size_are_named_when_they_are_met(tmp_path):
    root = write_video(tmp_path, 'seq', objects(6))
    small = objects(6, height=40, width=64)[5]
    write_label_png(root / 'Annotations/seq/00005.png', small, PALETTE)
    cv2.imwrite(str(root / 'JPEGImages/seq/00005.png'), COLOURS[small])
    data = open_data(vos(root), longest=6)
    with pytest.raises(SourceError, match=r'00005.png .* is 64x40, .*00000.png .* is 64x48'):
        data.draw(np.random.default_rng(0), 6)


def test_an_unreadable_image_is_named_when_it_is_met(tmp_path):
    root = write_video(tmp_path, 'seq', objects(6))
    path = root / 'JPEGImages/seq/00004.png'
    path.write_bytes(b'')
    data = open_data(vos(root), longest=6)
    with pytest.raises(SourceError, match=f'{path} is no readable image'):
        data.draw(np.random.default_rng(0), 6)


def test_no_source_at_all_is_an_error():
    with pytest.raises(ValueError, match='data lists no source'):
        open_data()


def test_rendered_clips_that_are_kept_need_a_folder():
    with pytest.raises(ValueError, match='need a path'):
        open_data(DataSource('rendered', num_clips=2))


def test_more_frames_than_were_announced_are_refused(tmp_path):
    data = open_data(vos(write_video(tmp_path, 'seq', objects(9))))
    for frames in (0, 5):
        with pytest.raises(ValueError, match=f'{frames} frames asked for; expected 1 to 4'):
            data.draw(np.random.default_rng(0), frames)
