# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of reports: which frames, which part of them, and the overlay videos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from evaluation_fixtures import a_video, an_object, write_clips, write_example_run

from surgsam2_ros.evaluation.records import read_run, read_video
from surgsam2_ros.evaluation.reports.frame_choice import APART, PER_OBJECT, worst_frames
from surgsam2_ros.evaluation.reports.overlay import frame_rate, overlay_frames
from surgsam2_ros.evaluation.reports.pictures import (
    RunPictures,
    cut_out,
    draw_outlines,
    prediction_colour,
)
from surgsam2_ros.evaluation.reports.worst_frames import what_happened


@pytest.fixture(scope='module')
def run(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('pictures')
    data = write_clips(root / 'data')
    return write_example_run(root / 'run', data, through=('tracker', 'node'))


def test_worst_frames_come_first_and_apart():
    rng = np.random.default_rng(0)
    video = a_video(an_object(list(rng.random(60))), an_object(list(rng.random(60)), object_id=2))
    chosen = worst_frames([video])
    assert [c.badness for c in chosen] == sorted((c.badness for c in chosen), reverse=True)
    for object_id, record in zip((1, 2), video.objects, strict=True):
        frames = [c.index for c in chosen if c.object_id == object_id]
        assert frames[0] == int(np.argmin(record.iou[1:-1])) + 1
        assert len(frames) == PER_OBJECT
        assert np.diff(sorted(frames)).min() >= APART


def test_a_failed_video_has_no_pictures():
    video = a_video(an_object([1.0, 0.1, 0.1, 1.0]), error='damaged')
    assert worst_frames([video]) == []


@pytest.mark.parametrize('corner', [(0, 0), (470, 600), (200, 300)])
def test_a_cut_out_shows_the_object_and_lies_inside_the_image(corner):
    mask = np.zeros((512, 640), bool)
    mask[corner[0] : corner[0] + 40, corner[1] : corner[1] + 30] = True
    left, top, width, height = cut_out([mask], mask.shape)
    assert left >= 0 and top >= 0 and left + width <= 640 and top + height <= 512
    assert mask[top : top + height, left : left + width].sum() == mask.sum()
    assert width / height == pytest.approx(4 / 3, abs=0.02)


def test_without_masks_the_whole_image_is_shown():
    assert cut_out([np.zeros((50, 80), bool)], (50, 80)) == (0, 0, 80, 50)


def test_outlines_of_truth_and_prediction_are_in_the_picture():
    truth, mask = np.zeros((90, 120), bool), np.zeros((90, 120), bool)
    truth[20:60, 10:40] = True
    mask[20:60, 70:100] = True
    picture = draw_outlines(
        np.full((90, 120, 3), 60, np.uint8), truth, {(255, 0, 0): mask}, (0, 0, 120, 90), width=120
    )
    assert (picture[20:60, 10:40] == 255).all(axis=-1).any()
    assert (picture[20:60, 70:100] == (255, 0, 0)).all(axis=-1).any()
    assert not (picture[:, 45:65] != 60).any()


def test_no_prediction_is_as_white_as_the_truth():
    assert all(min(prediction_colour(object_id)) <= 200 for object_id in range(1, 255))


def test_what_happened_is_said_in_words():
    record = an_object([1.0, 0.0, 0.0, 0.5], truth=[9, 0, 9, 9], area=[9, 9, 0, 9])
    assert what_happened(record, 1) == 'seen though absent, tracked'
    assert what_happened(record, 2) == 'missed, tracked'
    assert what_happened(record, 3) == 'J 0.50, F 0.50, tracked'


def test_pictures_take_the_masks_of_the_side_asked_for(run):
    record = read_video(run, 'node', 'clip_0')
    dropped, object_id = record.dropped[0], record.objects[0].object_id
    with RunPictures(run, read_run(run)) as pictures:
        assert not pictures.prediction('clip_0', 'node', object_id, dropped).any()
        area = pictures.prediction('clip_0', 'tracker', object_id, dropped).sum()
    assert area == read_video(run, 'tracker', 'clip_0').objects[0].area[dropped]


def test_an_overlay_has_every_image_and_names_dropped_ones(run):
    record = read_video(run, 'node', 'clip_0')
    frames = list(overlay_frames(run, read_run(run), record))
    assert len(frames) == len(record.stems)
    with RunPictures(run, read_run(run)) as pictures:
        for index, frame in enumerate(frames):
            assert frame.shape == pictures.image('clip_0', index).shape
        first_dropped = record.dropped[0]
        changed = (frames[first_dropped] != pictures.image('clip_0', first_dropped)).any(axis=-1)
    assert changed[:24].any()


def test_an_overlay_plays_at_the_rate_of_the_stamps(run):
    assert frame_rate(read_video(run, 'node', 'clip_0')) == pytest.approx(15.0)


def test_frame_rate_ignores_a_gap():
    video = a_video(an_object([1.0] * 5), stamps_ns=[0, 100, 200, 5000, 5100])
    assert frame_rate(video) == pytest.approx(1e7)
