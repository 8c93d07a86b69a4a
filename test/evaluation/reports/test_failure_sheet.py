# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The picture of where a tracker failed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from evaluation_data import write_labels
from evaluation_fixtures import a_run, a_video, an_object

from surgsam2_ros.evaluation.reports.failure_sheet import (
    failure_sheet,
    worst_of_each_kind,
    write_failure_sheet,
)
from surgsam2_ros.sources import SourceError

HEIGHT, WIDTH = 48, 64


def square(x: int) -> np.ndarray:
    """Draw a label image with a square of 10 x 10 pixels."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[20:30, x : x + 10] = 1
    return labels


@pytest.fixture(name='write')
def _write(tmp_path):
    """Write videos in which a square moves by 4 pixels a frame, and tracks that are off."""

    def write(**shifts):
        records = []
        for name, shift in shifts.items():
            images = tmp_path / 'data/JPEGImages' / name
            images.mkdir(parents=True)
            for index in range(3):
                stem = f'{index:05d}.png'
                rgb = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
                cv2.imwrite(str(images / stem), rgb)
                write_labels(tmp_path / 'data/Annotations' / name / stem, square(4 * index))
                off = shift if index == 2 else 0
                write_labels(tmp_path / 'run' / name / 'all' / stem, square(4 * index + off))
            iou = [1.0, 1.0, max(10 - shift, 0) / (10 + min(shift, 10))]
            record = an_object(iou, truth=[100] * 3)
            records.append(a_video(record, name=name, size=(HEIGHT, WIDTH)))
        run = a_run(*shifts, input=[str(tmp_path / 'data')])
        return tmp_path / 'run', run, records

    return write


def failures(*objects, size=(HEIGHT, WIDTH)):
    return worst_of_each_kind([a_video(*objects, size=size)])


def test_the_worst_frame_is_that_of_least_overlap():
    (failure,) = failures(
        an_object([1.0, 0.9, 0.8], truth=[100] * 3),
        an_object([1.0, 0.7, 0.9], truth=[100] * 3, object_id=2),
    )
    assert (failure.index, failure.object_id) == (1, 2)


def test_the_prompted_frame_and_frames_without_a_truth_are_no_failures():
    (failure,) = failures(an_object([0.0, None, 0.8], truth=[100, None, 100]))
    assert failure.index == 2


def test_what_is_left_of_an_object_at_the_rim_is_no_failure():
    """31 of 3,072 pixels are a hundredth, 30 are less."""
    (failure,) = failures(an_object([1.0, 0.0, 0.5], truth=[100, 30, 31]))
    assert failure.index == 2
    assert failures(an_object([1.0, 0.0], truth=[100, 30])) == []


def test_of_each_kind_the_worst_video_is_shown_worst_kind_first():
    videos = [
        a_video(an_object([1.0, iou], truth=[100] * 2), name=name, size=(HEIGHT, WIDTH))
        for name, iou in (('smoke_0', 0.8), ('smoke_1', 0.3), ('dark_0', 0.5))
    ]
    assert [failure.video for failure in worst_of_each_kind(videos)] == ['smoke_1', 'dark_0']


def test_videos_without_a_number_are_of_their_own_kind():
    videos = [
        a_video(an_object([1.0, 0.5], truth=[100] * 2), name=name, size=(HEIGHT, WIDTH))
        for name in ('one_tool', 'two_tools')
    ]
    assert len(worst_of_each_kind(videos)) == 2


def test_a_sheet_shows_prompt_truth_and_track_side_by_side(write):
    sheet = failure_sheet(*write(dark_0=36))
    blue = sheet[..., 2].astype(int) - sheet[..., 0]  # instance 1 is drawn in sky blue on grey
    third = sheet.shape[1] // 3
    middles = [
        np.argwhere(blue[:, part * third : (part + 1) * third] > 20)[:, 1].mean() / third * WIDTH
        for part in range(3)
    ]
    assert middles == pytest.approx([5, 13, 49], abs=3)  # of 64 pixels; frames 0, 2 and 2


def test_a_sheet_is_written_with_a_row_for_each_kind(write, tmp_path):
    output, run, records = write(smoke_0=3, smoke_1=4, dark_0=3)
    assert write_failure_sheet(tmp_path / 'new' / 'sheet.png', output, run, records)
    two = cv2.imread(str(tmp_path / 'new' / 'sheet.png')).shape[0]
    one = failure_sheet(output, run, records, rows=1).shape[0]
    assert 1.8 < two / one < 2.0


def test_nothing_is_written_without_a_frame_to_show(write, tmp_path):
    output, run, records = write(smoke_0=3)
    records[0].error = 'damaged'
    assert not write_failure_sheet(tmp_path / 'sheet.png', output, run, records)
    assert not (tmp_path / 'sheet.png').exists()


def test_images_that_are_gone_are_named(write, tmp_path):
    output, run, records = write(smoke_0=3)
    (tmp_path / 'data/JPEGImages').rename(tmp_path / 'elsewhere')
    with pytest.raises(SourceError, match='data'):
        failure_sheet(output, run, records)
