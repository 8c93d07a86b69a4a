# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Folders, videos, label images and prompt files: what is read, and what is refused and why."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from surgsam2_ros.drawing import label_palette
from surgsam2_ros.sources import (
    SourceError,
    open_source,
    read_label_png,
    read_prompts,
    write_label_png,
)

SIZE = (48, 64)


def write_images(folder, names, size=SIZE):
    folder.mkdir(exist_ok=True)
    for index, name in enumerate(names):
        cv2.imwrite(str(folder / name), np.full((*size, 3), 10 * index, np.uint8))
    return folder


# Folders


def test_images_come_in_natural_order_with_their_stems(tmp_path):
    folder = write_images(tmp_path / 'clip', ['frame2.png', 'frame10.png', 'frame1.png'])
    (folder / 'notes.txt').write_text('not an image')
    (folder / '.hidden.png').write_bytes(b'')
    with open_source(folder, rate_hz=10) as source:
        assert [source.stem(index) for index in range(len(source))] == [
            'frame1',
            'frame2',
            'frame10',
        ]
        assert [frame.rgb[0, 0, 0] for frame in source] == [20, 0, 10]
        assert source.stamps == (0, 100_000_000, 200_000_000)
        assert source.rate_hz == pytest.approx(10)
        assert source.name == 'clip'


def test_images_are_delivered_as_rgb(tmp_path):
    blue = np.zeros((*SIZE, 3), np.uint8)
    blue[..., 0] = 255  # OpenCV writes BGR
    cv2.imwrite(str(tmp_path / '0.png'), blue)
    assert tuple(next(iter(open_source(tmp_path))).rgb[0, 0]) == (0, 0, 255)


def test_a_folder_without_images_names_the_folders_that_have_some(tmp_path):
    write_images(tmp_path / 'clip_a', ['0.jpg'])
    with pytest.raises(SourceError, match=r'holds no images.*its folders do: clip_a'):
        open_source(tmp_path)


def test_a_damaged_image_and_another_size_are_named(tmp_path):
    folder = write_images(tmp_path / 'clip', ['0.png', '1.png'])
    (folder / '1.png').write_bytes(b'no image')
    with pytest.raises(SourceError, match=r'1\.png is no readable image'):
        list(open_source(folder))
    cv2.imwrite(str(folder / '1.png'), np.zeros((10, 20, 3), np.uint8))
    with pytest.raises(SourceError, match=r'1\.png is 20x10.*64x48'):
        list(open_source(folder))


def test_two_images_of_one_stem_are_refused(tmp_path):
    folder = write_images(tmp_path / 'clip', ['0.png', '0.jpg'])
    with pytest.raises(SourceError, match='named after'):
        open_source(folder)


def test_a_single_image_or_a_missing_path_is_refused(tmp_path):
    folder = write_images(tmp_path / 'clip', ['0.png'])
    with pytest.raises(SourceError, match='give the folder'):
        open_source(folder / '0.png')
    with pytest.raises(SourceError, match='does not exist'):
        open_source(tmp_path / 'nowhere')
    with pytest.raises(SourceError, match='not a bag'):
        open_source(folder, topic='/image')


# Videos


def test_a_video_gives_its_frames_and_times(tmp_path):
    writer = cv2.VideoWriter(
        str(tmp_path / 'v.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 20, SIZE[::-1]
    )
    for index in range(6):
        writer.write(np.full((*SIZE, 3), 40 * index, np.uint8))
    writer.release()
    with open_source(tmp_path / 'v.avi') as source:
        assert len(source) == 6
        assert source.rate_hz == pytest.approx(20)
        frames = list(source)
    assert [frame.stamp_ns for frame in frames] == [50_000_000 * i for i in range(6)]
    assert abs(int(frames[3].rgb.mean()) - 120) < 4


def test_a_file_that_is_no_video_is_refused(tmp_path):
    (tmp_path / 'v.mp4').write_bytes(b'nothing')
    with pytest.raises(SourceError, match='no bag, folder of images or video'):
        open_source(tmp_path / 'v.mp4')


# Label images


def test_label_images_keep_every_index(tmp_path):
    labels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    write_label_png(tmp_path / 'a.png', labels, label_palette())
    np.testing.assert_array_equal(read_label_png(tmp_path / 'a.png'), labels)
    shown = cv2.imread(str(tmp_path / 'a.png'))[..., ::-1]
    np.testing.assert_array_equal(shown.reshape(-1, 3), label_palette())


def test_label_images_of_the_data_sets_are_read(shared_data):
    path = shared_data('endoscope_clip/Annotations/two_tools/00000.png')
    labels = read_label_png(path)
    assert labels.shape == (256, 320)
    assert set(np.unique(labels)) == {0, 1, 2}


@pytest.mark.parametrize('bits', [1, 2, 4])
def test_palettes_of_few_bits_are_read_as_indices(tmp_path, bits):
    image = pytest.importorskip('PIL.Image')
    labels = (np.arange(64).reshape(8, 8) % (1 << bits)).astype(np.uint8)
    picture = image.fromarray(labels, mode='P')
    picture.putpalette([index * 3 % 251 for index in range(3 << bits)])
    picture.save(tmp_path / 'a.png', bits=bits)
    np.testing.assert_array_equal(read_label_png(tmp_path / 'a.png'), labels)


def test_grey_label_images_are_read_by_value(tmp_path):
    labels = np.array([[0, 1], [2, 254]], np.uint8)
    cv2.imwrite(str(tmp_path / 'a.png'), labels)
    np.testing.assert_array_equal(read_label_png(tmp_path / 'a.png'), labels)


def test_colour_images_jpegs_and_torn_files_are_no_label_images(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((*SIZE, 3), np.uint8))
    with pytest.raises(SourceError, match='a palette or one channel'):
        read_label_png(tmp_path / 'a.png')
    cv2.imwrite(str(tmp_path / 'a.jpg'), np.zeros((*SIZE, 3), np.uint8))
    with pytest.raises(SourceError, match='no PNG'):
        read_label_png(tmp_path / 'a.jpg')
    with pytest.raises(SourceError, match='does not exist'):
        read_label_png(tmp_path / 'b.png')


# Prompt files


def test_a_label_image_prompts_each_of_its_objects(tmp_path):
    labels = np.zeros(SIZE, np.uint8)
    labels[5:10, 5:10], labels[20:30, 20:30], labels[40, 40] = 3, 7, 255
    write_label_png(tmp_path / 'p.png', labels, label_palette())
    prompts = read_prompts(tmp_path / 'p.png', SIZE)
    assert [(p.object_id, p.label) for p in prompts] == [('instrument_3', 3), ('instrument_7', 7)]
    np.testing.assert_array_equal(prompts[0].mask, labels == 3)


def test_a_label_image_of_another_size_or_without_objects_is_refused(tmp_path):
    write_label_png(tmp_path / 'p.png', np.zeros(SIZE, np.uint8), label_palette())
    with pytest.raises(SourceError, match='64x48, but the first image is 64x60'):
        read_prompts(tmp_path / 'p.png', (60, 64))
    with pytest.raises(SourceError, match='marks no object'):
        read_prompts(tmp_path / 'p.png', SIZE)


def test_points_and_boxes_are_read_from_json(tmp_path):
    entries = [
        {'object_id': 'a', 'points': [[1, 2], [3.5, 4]], 'labels': [1, 0]},
        {'object_id': 'b', 'class_name': 'scissors', 'box': [1, 2, 30, 40]},
        {'object_id': 'c', 'points': [[1, 2]], 'box': [0, 0, 64, 48]},
    ]
    (tmp_path / 'p.json').write_text(json.dumps({'objects': entries}))
    first, second, third = read_prompts(tmp_path / 'p.json', SIZE)
    np.testing.assert_array_equal(first.points, [[1, 2], [3.5, 4]])
    assert list(first.labels) == [1, 0]
    assert (second.class_name, second.box, second.label) == ('scissors', (1, 2, 30, 40), 2)
    assert list(third.labels) == [1]


@pytest.mark.parametrize(
    ('entry', 'complaint'),
    [
        ({'points': [[1, 2]]}, 'object_id must be a non-empty string'),
        ({'object_id': 'a'}, 'needs points or a box'),
        ({'object_id': 'a', 'points': []}, 'at least one'),
        ({'object_id': 'a', 'points': [[1, 2, 3]]}, r'a point must be \[x, y\]'),
        ({'object_id': 'a', 'points': [[1, True]]}, r'a point must be \[x, y\]'),
        ({'object_id': 'a', 'points': [[65, 2]]}, 'outside the 64x48 image'),
        ({'object_id': 'a', 'points': [[1, 2]], 'labels': [1, 0]}, '1 points have 2 labels'),
        ({'object_id': 'a', 'points': [[1, 2]], 'labels': [2]}, 'labels must be'),
        ({'object_id': 'a', 'points': [[1, 2]], 'labels': [0]}, 'no point is labelled 1'),
        ({'object_id': 'a', 'labels': [1], 'box': [0, 0, 1, 1]}, 'labels are given without points'),
        ({'object_id': 'a', 'box': [1, 2, 3]}, 'a box must be'),
        ({'object_id': 'a', 'box': [10, 2, 3, 20]}, 'is empty'),
        ({'object_id': 'a', 'box': [0, 0, 65, 20]}, 'outside the 64x48 image'),
        ({'object_id': 'a', 'bbox': [0, 0, 5, 20]}, "unknown key 'bbox'"),
        ('a', 'expected an object'),
    ],
)
def test_a_wrong_entry_is_named_with_what_is_wrong(tmp_path, entry, complaint):
    good = {'object_id': 'good', 'box': [0, 0, 5, 5]}
    (tmp_path / 'p.json').write_text(json.dumps({'objects': [good, entry]}))
    with pytest.raises(SourceError, match=rf'p\.json, objects\[1\]: .*{complaint}'):
        read_prompts(tmp_path / 'p.json', SIZE)


def test_files_that_are_no_prompts_are_refused(tmp_path):
    for text, complaint in (
        ('{', 'no valid JSON'),
        ('[]', 'must hold'),
        ('{"objects": []}', 'at least one object'),
    ):
        (tmp_path / 'p.json').write_text(text)
        with pytest.raises(SourceError, match=complaint):
            read_prompts(tmp_path / 'p.json', SIZE)
    box = {'object_id': 'a', 'box': [0, 0, 5, 5]}
    (tmp_path / 'p.json').write_text(json.dumps({'objects': [box, box]}))
    with pytest.raises(SourceError, match="'a' occurs twice"):
        read_prompts(tmp_path / 'p.json', SIZE)
    (tmp_path / 'p.txt').write_text('')
    with pytest.raises(SourceError, match='neither a label image'):
        read_prompts(tmp_path / 'p.txt', SIZE)
    with pytest.raises(SourceError, match='does not exist'):
        read_prompts(tmp_path / 'q.json', SIZE)
