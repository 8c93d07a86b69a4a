# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Videos of an evaluation: data sets, the authors' tree, bags; what is wrong is said clearly."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
from evaluation_data import (
    IMAGE_TOPIC,
    TRUTH_TOPIC,
    picture,
    stamp,
    truth,
    write_bag,
    write_labels,
    write_vos,
)
from recorded_bag import CLIP, TRUTH, write_recorded_bag
from repository import shared_data

from surgsam2_ros.evaluation.runs.inputs import open_videos
from surgsam2_ros.sources import SourceError

TOPICS = {'image_topic': IMAGE_TOPIC, 'truth_topic': TRUTH_TOPIC}


def check_frames(video, frames=4):
    """Every image and every truth, in an order that is not that of the video."""
    assert len(video) == frames
    for index in (2, 0, 1, 3):
        np.testing.assert_array_equal(video.image(index), picture(index))
        np.testing.assert_array_equal(video.truth(index), truth(index))


# Data sets


def test_videos_of_a_data_set_in_natural_order(tmp_path):
    videos = open_videos(write_vos(tmp_path, ('seq_10', 'seq_2')))
    assert [video.name for video in videos] == ['seq_2', 'seq_10']
    for video in videos:
        check_frames(video)
        assert video.stems == ('00000', '00001', '00002', '00003')
        assert video.stamps_ns is None
        assert video.warnings == []


def test_names_of_objects_come_from_the_data_set(tmp_path):
    write_vos(tmp_path)
    (tmp_path / 'classes.json').write_text('{"3": "scissors", "a": {"7": "clip_applier"}}')
    (video,) = open_videos(tmp_path)
    assert video.names == {3: 'scissors', 7: 'clip_applier'}


def test_the_authors_tree_has_its_prompts_apart(tmp_path):
    root = write_vos(tmp_path / 'valid', ('seq_2',))
    first = np.where(truth(0) == 3, 3, 0).astype(np.uint8)
    write_labels(root / 'VOS/Annotations_vos_instrument/seq_2/00001.png', first)
    (video,) = open_videos(tmp_path)
    assert video.prompt_truth(0) is None
    np.testing.assert_array_equal(video.prompt_truth(1), first)
    np.testing.assert_array_equal(video.truth(1), truth(1))


def test_a_truth_elsewhere(tmp_path):
    root = write_vos(tmp_path / 'data')
    shutil.move(root / 'Annotations', tmp_path / 'labels')
    (video,) = open_videos(root, tmp_path / 'labels')
    check_frames(video)


def test_a_folder_of_images_with_a_folder_of_labels(tmp_path):
    root = write_vos(tmp_path)
    (video,) = open_videos(root / 'JPEGImages/a', root / 'Annotations/a')
    assert video.name == 'a'
    check_frames(video)


def test_a_truth_that_prepare_guessed_is_said_to_be_a_guess(tmp_path):
    write_vos(tmp_path / 'valid', ('seq_1', 'seq_2'))
    sequences = {'seq_1': {'labels': 'annotations'}, 'seq_2': {'labels': 'linked'}}
    (tmp_path / 'prepared.json').write_text(json.dumps({'sequences': sequences}))
    sure, guessed = open_videos(tmp_path / 'valid')
    with sure, guessed:
        assert sure.warnings == []
        [warning] = guessed.warnings
        assert 'apart by a guess' in warning


def test_a_damaged_account_of_the_preparation_is_named(tmp_path):
    write_vos(tmp_path / 'valid')
    (tmp_path / 'prepared.json').write_text('{"sequences":')
    with pytest.raises(
        SourceError, match=r'prepared\.json is damaged .* prepare the data set anew'
    ):
        open_videos(tmp_path / 'valid')


def test_some_videos_alone(tmp_path):
    root = write_vos(tmp_path, ('a', 'b', 'c'))
    assert [video.name for video in open_videos(root, only=['c', 'a'])] == ['a', 'c']
    with pytest.raises(SourceError, match="there is no video 'd'; there are a, b, c"):
        open_videos(root, only=['d'])


def test_the_suffix_of_a_label_image_may_be_in_capitals(tmp_path):
    root = write_vos(tmp_path)
    for file in (root / 'Annotations/a').iterdir():
        file.rename(file.with_suffix('.PNG'))
    (video,) = open_videos(root)
    check_frames(video)
    assert video.warnings == []


def test_frames_without_truth_are_passed_over_with_a_warning(tmp_path):
    root = write_vos(tmp_path)
    (root / 'Annotations/a/00001.png').unlink()
    (video,) = open_videos(root)
    assert video.truth(1) is None
    assert not video.has_truth(1)
    assert video.warnings == [
        f'3 of 4 images have a truth in {root}/Annotations/a; the others are tracked but not scored'
    ]


# Bags


def test_a_bag_with_a_truth_topic(tmp_path):
    (video,) = open_videos(write_bag(tmp_path / 'case.mcap'), truth_topic=TRUTH_TOPIC)
    check_frames(video)
    assert video.name == 'case'
    assert video.image_topic == IMAGE_TOPIC, 'the truth is no candidate'
    assert video.stamps_ns == tuple(stamp(index) for index in range(4))
    assert video.warnings == []


@pytest.mark.parametrize('encoding', ['mono8', '8UC1', 'mono16'])
def test_truth_topics_of_every_kind(tmp_path, encoding):
    bag = write_bag(tmp_path / 'case.mcap', truth_encoding=encoding)
    (video,) = open_videos(bag, **TOPICS)
    check_frames(video)


def test_bags_of_a_folder_at_any_depth(tmp_path):
    write_bag(tmp_path / 'monday' / 'case_1')  # a directory with metadata
    write_bag(tmp_path / 'monday' / 'case_2.mcap')
    write_bag(tmp_path / 'tuesday' / 'case_2.db3')
    videos = open_videos(tmp_path, **TOPICS)
    assert [video.name for video in videos] == ['case_1', 'monday_case_2', 'tuesday_case_2']
    for video in videos:
        check_frames(video)


def test_bags_of_one_name_are_told_apart_by_their_folders(tmp_path):
    for day in ('monday', 'tuesday'):
        write_bag(tmp_path / day / 'left' / 'case.mcap')
    names = [video.name for video in open_videos(tmp_path, **TOPICS)]
    assert names == ['monday_left_case', 'tuesday_left_case']
    with pytest.raises(SourceError, match='give each input once'):
        open_videos([tmp_path / 'monday', tmp_path / 'monday'], **TOPICS)


def test_a_video_called_like_a_folder_of_the_output_gets_another_name(tmp_path):
    """Its label images would lie among the records, and a failure would remove them all."""
    root = write_vos(tmp_path, ('a', 'node', 'records'))
    names = [video.name for video in open_videos(root)]
    assert names == ['a', 'JPEGImages_node', 'JPEGImages_records']


def test_the_output_of_a_run_holds_no_bags(tmp_path):
    write_bag(tmp_path / 'case.mcap')
    left = tmp_path / 'out/records/node/case/results.mcap'
    left.parent.mkdir(parents=True)
    write_bag(left)
    (tmp_path / 'out/run.json').touch()
    videos = open_videos(tmp_path, truth_topic=TRUTH_TOPIC)
    assert [video.name for video in videos] == ['case']


def test_a_split_bag_without_metadata_is_one_video(tmp_path):
    folder = tmp_path / 'case'
    folder.mkdir()
    for part in (0, 1):
        write_bag(tmp_path / f'case_{part}.mcap', frames=4)
        shutil.move(tmp_path / f'case_{part}.mcap', folder)
    assert [video.name for video in open_videos(tmp_path, **TOPICS)] == ['case']
    shutil.move(folder, tmp_path / 'recordings')
    names = [video.name for video in open_videos(tmp_path, **TOPICS)]
    assert names == ['case_0', 'case_1'], 'files that are not named after their folder'


def test_a_truth_within_the_tolerance_is_matched_and_told(tmp_path):
    bag = write_bag(tmp_path / 'case.mcap', truth_delay_ns=3_000_000)
    (video,) = open_videos(bag, **TOPICS, tolerance_ms=4)
    check_frames(video)
    assert video.warnings == [
        'the stamps of images and truth differ by up to 3.000 ms (allowed: 4 ms)'
    ]


def test_a_truth_beyond_the_tolerance_is_refused_with_its_distance(tmp_path):
    bag = write_bag(tmp_path / 'case.mcap', truth_delay_ns=3_000_000)
    (video,) = open_videos(bag, **TOPICS, tolerance_ms=2)
    with pytest.raises(SourceError, match=r'within 2 ms .*nearest is 3\.000 ms away.*--tolerance'):
        video.open()


@pytest.mark.parametrize(
    'name', ['{0:05d}', '{1}', '{2}.{3:09d}'], ids=['numbers', 'nanoseconds', 'seconds']
)
def test_a_truth_folder_named_after_numbers_or_stamps(tmp_path, name):
    bag = write_bag(tmp_path / 'case.mcap', with_truth=False)
    for index in range(4):
        time = stamp(index)
        stem = name.format(index, time, *divmod(time, 10**9))
        write_labels(tmp_path / 'labels/case' / f'{stem}.png', truth(index))
    for folder in (tmp_path / 'labels', tmp_path / 'labels/case'):
        (video,) = open_videos(bag, folder)
        check_frames(video)


def test_a_truth_in_another_bag(tmp_path):
    images = write_bag(tmp_path / 'images/case.mcap', with_truth=False)
    write_bag(tmp_path / 'truth/case.mcap')
    write_bag(tmp_path / 'truth/other.mcap', frames=1)
    for place in ('truth', 'truth/case.mcap'):
        (video,) = open_videos(images, tmp_path / place, **TOPICS)
        check_frames(video)


def test_many_bags_cost_nothing_until_they_are_opened(tmp_path, monkeypatch):
    for number in range(20):
        write_bag(tmp_path / f'case_{number}.mcap', frames=1)

    def refuse(*_arguments, **_options):
        raise AssertionError('a bag was opened')

    monkeypatch.setattr('surgsam2_ros.evaluation.runs.bag_video.BagReader', refuse)
    videos = open_videos(tmp_path, **TOPICS)
    assert len(pickle.dumps(videos)) < 20_000


def test_an_opened_video_is_sent_unopened(tmp_path):
    (video,) = open_videos(write_bag(tmp_path / 'case.mcap'), **TOPICS)
    check_frames(video)
    check_frames(pickle.loads(pickle.dumps(video)))


def test_the_recorded_clip_is_the_same_as_folder_and_as_bag(tmp_path):
    (folder,) = open_videos(CLIP)
    (bag,) = open_videos(write_recorded_bag(tmp_path / 'recorded.mcap'), truth_topic=TRUTH)
    for index in (0, 4, 11):
        np.testing.assert_array_equal(bag.image(index), folder.image(index))
        np.testing.assert_array_equal(bag.truth(index), folder.truth(index))


def test_inputs_are_read_without_torch():
    code = (
        'import sys, surgsam2_ros.evaluation.runs.inputs, surgsam2_ros.evaluation.runs.prompting,'
        " surgsam2_ros.evaluation.runs.label_writer; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, '-c', code], check=True)


# Bad input


@pytest.mark.parametrize(
    ('spoil', 'complaint'),
    [
        (lambda root: shutil.rmtree(root / 'Annotations/a'), 'video a has no truth: folder'),
        (
            lambda root: [file.unlink() for file in (root / 'JPEGImages/a').iterdir()],
            'JPEGImages/a is an empty video',
        ),
        (
            lambda root: [
                file.rename(file.with_name(f'x{file.name}'))
                for file in (root / 'Annotations/a').iterdir()
            ],
            'none of the 4 label images in .* is named like an image',
        ),
        (
            lambda root: [
                file.rename(file.with_suffix('.jpg')) for file in (root / 'Annotations/a').iterdir()
            ],
            'Annotations/a, the truth of video a, holds no PNG files',
        ),
        (
            lambda root: write_labels(root / 'Annotations/a/00002.png', truth(2)[:24]),
            r'truth .*00002\.png is 64x24, the images of .* are 64x48; .*nearest-neighbour',
        ),
        (
            lambda root: cv2.imwrite(
                str(root / 'JPEGImages/a/00002.png'), np.zeros((10, 12, 3), np.uint8)
            ),
            'image 00002 of .* is 12x10, the first one is 64x48',
        ),
        (
            lambda root: (root / 'JPEGImages/a/00002.png').write_bytes(b'no image'),
            r'00002\.png is no readable image; repair or remove it',
        ),
        (
            lambda root: (root / 'Annotations/a/00002.png').write_bytes(b'no image'),
            r'00002\.png is no PNG file',
        ),
    ],
)
def test_a_bad_video_of_a_data_set_says_what_is_wrong(tmp_path, spoil, complaint):
    root = write_vos(tmp_path, ('a', 'b'))
    spoil(root)
    bad, good = open_videos(root)
    with pytest.raises(SourceError, match=complaint):
        [(bad.image(index), bad.truth(index)) for index in range(len(bad.open()))]
    check_frames(good)


@pytest.mark.parametrize(
    ('options', 'complaint'),
    [
        ({}, 'nothing tells the truth of bag .* --truth-topic'),
        ({'truth_topic': '/nowhere'}, 'has no topic /nowhere; it has'),
        ({'image_topic': '/nowhere', 'truth_topic': TRUTH_TOPIC}, 'has no topic /nowhere'),
        ({'image_topic': TRUTH_TOPIC, 'truth_topic': TRUTH_TOPIC}, 'cannot be both'),
        ({'image_topic': '/numbers', 'truth_topic': TRUTH_TOPIC}, 'Header, no image topic'),
    ],
)
def test_wrong_topics_of_a_bag_are_named(tmp_path, options, complaint):
    from surgsam2_ros.sources import BagWriter

    with BagWriter(tmp_path / 'case.mcap') as bag:
        bag.write_image(IMAGE_TOPIC, picture(0), stamp_ns=1, frame_id='c', encoding='rgb8')
        if 'truth_topic' in options:
            bag.write_image(TRUTH_TOPIC, truth(0), stamp_ns=1, frame_id='c', encoding='mono8')
        bag.write_message('/numbers', 1, bag.header(1, 'c'))
    (video,) = open_videos(tmp_path / 'case.mcap', **options)
    with pytest.raises(SourceError, match=complaint):
        video.open()


def test_a_truth_that_is_no_label_image_is_refused(tmp_path):
    (video,) = open_videos(
        write_bag(tmp_path / 'case.mcap'), image_topic=TRUTH_TOPIC, truth_topic=IMAGE_TOPIC
    )
    with pytest.raises(SourceError, match=f"{IMAGE_TOPIC}.* must be mono8.* this one is 'rgb8'"):
        video.truth(0)


def test_a_truncated_bag_is_named_with_the_remedy(tmp_path):
    bag = write_bag(tmp_path / 'case.mcap')
    bag.write_bytes(bag.read_bytes()[: bag.stat().st_size // 2])
    (video,) = open_videos(bag, **TOPICS)
    with pytest.raises(SourceError, match=r'case\.mcap is damaged or truncated.*mcap recover'):
        video.open()


def test_a_bag_that_lacks_a_part_is_named_with_the_remedy(tmp_path):
    folder = write_bag(tmp_path / 'case')
    next(folder.glob('*.mcap')).unlink()
    (video,) = open_videos(folder, **TOPICS)
    with pytest.raises(SourceError, match=r'lacks case.*which its metadata\.yaml lists'):
        video.open()


def test_an_empty_bag_has_no_images(tmp_path):
    (video,) = open_videos(write_bag(tmp_path / 'case.mcap', frames=0), **TOPICS)
    with pytest.raises(SourceError, match=r'has no topic /camera/.*; it has no topics at all'):
        video.open()


@pytest.mark.parametrize('part', ['sqlite3/talker', 'mcap/reindex_test_bags/multiple_files'])
def test_official_bags_without_images_say_so(part):
    folder = shared_data(f'rosbag2_official/rosbag2_py_test_resources/{part}')
    (video,) = open_videos(folder)
    with pytest.raises(SourceError, match='has no image topic; it has'):
        video.open()


@pytest.mark.parametrize(
    ('make', 'complaint'),
    [
        (lambda folder: folder / 'nowhere', 'nowhere does not exist; give a data set'),
        (lambda folder: folder, 'holds nothing to evaluate'),
        (lambda folder: write_vos(folder / 'x/test') and folder / 'x', 'the splits test, name one'),
        (lambda folder: write_vos(folder) / 'JPEGImages/a', 'images without a truth; give --truth'),
    ],
)
def test_inputs_that_hold_nothing_are_refused_at_once(tmp_path, make, complaint):
    with pytest.raises(SourceError, match=complaint):
        open_videos(make(tmp_path))


def test_a_truth_that_is_not_there_is_refused_at_once(tmp_path):
    with pytest.raises(SourceError, match=r'truth nowhere does not exist.*--truth-topic'):
        open_videos(write_vos(tmp_path), 'nowhere')
