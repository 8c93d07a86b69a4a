# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Frames of a recording in any order."""

import threading

import cv2
import numpy as np
import pytest
from label_desks import STARTS_NS, disc_frame, write_bag, write_folder

from surgsam2_ros.console.label.bag_images import BagImages
from surgsam2_ros.console.label.recording import FolderImages, Recording
from surgsam2_ros.sources import BagWriter, SourceError

FRAMES = 21
ORDER = [3, 4, 5, 20, 0, 19, 18, 17, 16, 15, 14, 9, 9, 1]


@pytest.fixture(params=['.mcap', '.db3', 'folder'])
def images(request, tmp_path):
    if request.param == 'folder':
        opened = FolderImages(write_folder(tmp_path / 'frames', FRAMES))
    else:
        opened = BagImages(write_bag(tmp_path / f'bag{request.param}', FRAMES))
    yield opened
    opened.close()
    opened.close()


def test_every_frame_is_found_in_any_order(images):
    for index in ORDER:
        np.testing.assert_array_equal(images.image(index), disc_frame(index))


def test_messages_of_one_time_are_told_apart(tmp_path):
    images = BagImages(write_bag(tmp_path / 'bag.mcap', FRAMES, together=4))
    for index in ORDER:
        np.testing.assert_array_equal(images.image(index), disc_frame(index))
    images.close()


def test_stamps_are_those_of_the_headers(tmp_path):
    images = BagImages(write_bag(tmp_path / 'bag.mcap', 3, together=3))
    assert images.stamps.tolist() == [STARTS_NS, STARTS_NS + 40_000_000, STARTS_NS + 80_000_000]
    images.close()


def test_threads_may_ask_at_once(images):
    wrong = []

    def read(start):
        for index in range(start, FRAMES):
            if not np.array_equal(images.image(index), disc_frame(index)):
                wrong.append(index)

    threads = [threading.Thread(target=read, args=(start,)) for start in (0, 5, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_an_index_spares_the_next_opening_the_way_through_the_bag(tmp_path, monkeypatch):
    bag = write_bag(tmp_path / 'bag.mcap', FRAMES)
    first = BagImages(bag)
    first.keep_index(tmp_path / 'index.npz')
    first.close()
    monkeypatch.delattr(BagImages, '_scan')
    second = BagImages(bag, index_file=tmp_path / 'index.npz')
    assert second.digest == first.digest
    np.testing.assert_array_equal(second.image(7), disc_frame(7))
    second.close()


def test_an_index_of_another_bag_is_not_believed(tmp_path):
    first = BagImages(write_bag(tmp_path / 'first.mcap', 5))
    first.keep_index(tmp_path / 'index.npz')
    first.close()
    second = BagImages(write_bag(tmp_path / 'second.mcap', 9), index_file=tmp_path / 'index.npz')
    assert len(second) == 9
    second.close()


def test_decoded_frames_are_kept_up_to_a_limit(images, monkeypatch):
    monkeypatch.setattr('surgsam2_ros.console.label.recording._KEPT_BYTES', 5 * 48 * 80 * 3)
    recording = Recording(images, 'somewhere')
    for index in range(FRAMES):
        recording.frame(index)
    assert recording.kept == 5
    assert recording.frame(20) is recording.frame(20)


def test_a_frame_of_another_size_is_refused_by_name(tmp_path):
    folder = write_folder(tmp_path / 'frames', 3)
    cv2.imwrite(str(folder / '00001.png'), np.zeros((8, 9, 3), np.uint8))
    with pytest.raises(SourceError, match=r'frame 1 of .* is 9x8'):
        Recording(FolderImages(folder), folder).frame(1)


def test_compressed_messages_hand_out_their_files(tmp_path):
    encoded = cv2.imencode('.jpg', disc_frame(0)[..., ::-1])[1].tobytes()
    with BagWriter(tmp_path / 'bag.mcap') as bag:
        bag.write_compressed_image(
            '/image', encoded, stamp_ns=5, frame_id='camera', image_format='jpeg'
        )
    images = BagImages(tmp_path / 'bag.mcap')
    assert images.original(0) == ('.jpg', encoded)
    images.close()
