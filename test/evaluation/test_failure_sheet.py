# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of where a tracker failed."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest

from surgsam2_ros.datasets.vos_folder import VosFolder
from surgsam2_ros.drawing import label_palette
from surgsam2_ros.evaluation.failure_sheet import (
    failure_sheet,
    worst_frame,
    worst_of_each_kind,
    write_failures,
)
from surgsam2_ros.evaluation.nano_table import parse_arguments
from surgsam2_ros.sources import write_label_png

HEIGHT, WIDTH = 48, 64


def square(x: int, value: int = 1) -> np.ndarray:
    """Draw a label image with a square of 10 x 10 pixels."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[20:30, x : x + 10] = value
    return labels


@pytest.fixture
def videos(tmp_path):
    """Two videos of one kind and one of another; a square moves by 4 pixels a frame."""
    for name in ('smoke_0', 'smoke_1', 'dark_0'):
        for folder in ('JPEGImages', 'Annotations'):
            (tmp_path / folder / name).mkdir(parents=True)
        for index in range(3):
            rgb = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
            cv2.imwrite(str(tmp_path / 'JPEGImages' / name / f'{index}.png'), rgb)
            label = tmp_path / 'Annotations' / name / f'{index}.png'
            write_label_png(label, square(4 * index), label_palette())
    return {video.name: video for video in VosFolder(tmp_path).videos}


def test_the_worst_frame_is_that_of_least_overlap(videos):
    predicted = [square(0), square(5), square(8)]  # off by a pixel in frame 1
    failure = worst_frame(videos['smoke_0'], predicted)
    assert (failure.frame, failure.value) == (1, 1)
    assert failure.overlap == pytest.approx(9 / 11)


def test_the_prompted_frame_is_no_failure(videos):
    assert worst_frame(videos['smoke_0'], [square(40), square(4), square(8)]).overlap == 1.0


def test_an_object_that_never_comes_back_cannot_fail(videos, tmp_path):
    for index in (1, 2):
        path = tmp_path / 'Annotations' / 'smoke_0' / f'{index}.png'
        write_label_png(path, np.zeros((HEIGHT, WIDTH), np.uint8), label_palette())
    assert worst_frame(videos['smoke_0'], [square(0)] * 3) is None
    write_failures(tmp_path / 'sheet.png', {videos['smoke_0']: [square(0)] * 3})
    assert not (tmp_path / 'sheet.png').exists()


def test_what_is_left_of_an_object_at_the_rim_is_no_failure(videos, tmp_path):
    sliver = np.zeros((HEIGHT, WIDTH), np.uint8)
    sliver[:, -1][:20] = 1  # 20 of 3072 pixels
    path = tmp_path / 'Annotations' / 'smoke_0' / '2.png'
    write_label_png(path, sliver, label_palette())
    assert worst_frame(videos['smoke_0'], [square(0), square(5), square(0)]).frame == 1


def test_of_each_kind_the_worst_video_is_shown_worst_kind_first(videos):
    shifts = {'smoke_0': 1, 'smoke_1': 3, 'dark_0': 2}
    failures = [
        worst_frame(videos[name], [square(4 * index + shift) for index in range(3)])
        for name, shift in shifts.items()
    ]
    assert [f.video.name for f in worst_of_each_kind(failures)] == ['smoke_1', 'dark_0']


def test_a_sheet_shows_prompt_truth_and_track_side_by_side(videos):
    failure = worst_frame(videos['dark_0'], [square(0), square(4), square(44)])
    sheet = failure_sheet([failure])
    blue = sheet[..., 2].astype(int) - sheet[..., 0]  # instance 1 is drawn in sky blue on grey
    third = sheet.shape[1] // 3
    middles = [
        np.argwhere(blue[:, part * third : (part + 1) * third] > 20)[:, 1].mean() / third * WIDTH
        for part in range(3)
    ]
    assert middles == pytest.approx([5, 13, 49], abs=3)  # of 64 pixels; the track is on frame 2


def test_a_sheet_is_written_with_a_row_for_each_kind(videos, tmp_path):
    predictions = {video: [square(0)] * 3 for video in videos.values()}
    write_failures(tmp_path / 'new' / 'sheet.png', predictions)
    two = cv2.imread(str(tmp_path / 'new' / 'sheet.png')).shape[0]
    write_failures(tmp_path / 'one.png', predictions, most=1)
    one = cv2.imread(str(tmp_path / 'one.png')).shape[0]
    assert 1.8 < two / one < 2.0


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (
            ['--hard-clips', '1', '--failures', 'sheet.gif'],
            r'sheet\.gif must end with \.jpg or \.png',
        ),
        (['somewhere', '--failures', 'sheet.jpg'], 'give --hard-clips N'),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_anything_is_measured(arguments, message, capsys):
    with pytest.raises(SystemExit):
        parse_arguments(arguments)
    assert re.search(message, capsys.readouterr().err)
