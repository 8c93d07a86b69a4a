# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Prompts come from the truth, are the same every time, and corrections go where the mistake is."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation_data import LATE, SIZE, truth, write_labels, write_vos
from hypothesis import given, settings
from hypothesis import strategies as st

from surgsam2_ros.evaluation.runs.inputs import open_videos
from surgsam2_ros.evaluation.runs.prompting import (
    PromptSettings,
    correction,
    first_prompts,
    is_correction_due,
    prompt_of_mask,
)
from surgsam2_ros.sources import SourceError


@pytest.fixture(name='video')
def _video(tmp_path):
    (video,) = open_videos(write_vos(tmp_path))
    with video:
        yield video


def test_each_object_is_prompted_in_its_own_first_frame(video):
    prompts = first_prompts(video, PromptSettings())
    assert {object_id: prompt.frame for object_id, prompt in prompts.items()} == {3: 0, 7: LATE}
    for object_id, prompt in prompts.items():
        np.testing.assert_array_equal(prompt.mask, truth(prompt.frame) == object_id)


def test_a_box_reaches_from_the_first_to_the_last_pixel(video):
    assert first_prompts(video, PromptSettings('box'))[3].box == (5, 8, 20, 23)


def test_a_click_is_at_the_thickest_place(video):
    prompt = first_prompts(video, PromptSettings('click'))[3]
    assert prompt.points.shape == (1, 2) and prompt.labels.tolist() == [1]
    assert abs(prompt.points - (12.5, 15.5)).max() <= 0.5


@pytest.mark.parametrize(('kind', 'count'), [('1-point', 1), ('5-points', 5)])
def test_points_lie_on_the_object(video, kind, count):
    for object_id, prompt in first_prompts(video, PromptSettings(kind)).items():
        assert prompt.points.shape == (count, 2)
        assert prompt.labels.tolist() == [1] * count
        columns, rows = prompt.points.astype(int).T
        assert (truth(prompt.frame)[rows, columns] == object_id).all()
        assert len({tuple(point) for point in prompt.points.tolist()}) == count


def test_points_depend_on_seed_video_and_object_alone(video):
    mask = truth(2) > 0

    def points(seed=1, name='a', object_id=3):
        settings = PromptSettings('5-points', seed=seed)
        return prompt_of_mask(mask, object_id, 0, name, settings).points.tolist()

    assert points() == points()
    alone = first_prompts(video, PromptSettings('5-points', objects=(7,)))
    together = first_prompts(video, PromptSettings('5-points'))
    assert alone[7].points.tolist() == together[7].points.tolist()
    assert len({str(points(**change)) for change in ({}, {'seed': 2}, {'name': 'b'})}) == 3
    assert points() != points(object_id=4)


def test_points_are_drawn_from_the_whole_object():
    mask = np.zeros(SIZE, bool)
    mask[10:12, 20:22] = True
    drawn = set()
    for seed in range(60):
        prompt = prompt_of_mask(mask, 1, 0, 'a', PromptSettings('1-point', seed=seed))
        drawn.add(tuple(prompt.points[0].tolist()))
    assert drawn == {(20, 10), (21, 10), (20, 11), (21, 11)}


@pytest.mark.parametrize('kind', ['box', '1-point', '5-points'])
def test_an_object_of_one_pixel_in_a_corner_can_be_prompted(kind):
    mask = np.zeros(SIZE, bool)
    mask[-1, -1] = True
    prompt = prompt_of_mask(mask, 1, 0, 'a', PromptSettings(kind))
    if kind == 'box':
        assert prompt.box == (63, 47, 64, 48)
    else:
        assert prompt.points.tolist() == [[63, 47]]


def test_objects_that_never_appear_are_told(video):
    assert list(first_prompts(video, PromptSettings(objects=(3, 9)))) == [3]
    assert video.warnings == [], 'one of a range may be missing'
    first_prompts(video, PromptSettings(objects=(3, 9), expected=(3, 9)))
    assert video.warnings == ['objects 9 never appear in the truth; it has 3, 7']
    with pytest.raises(SourceError, match=r'objects 9, 11 never appear in .*, which has 3, 7'):
        first_prompts(video, PromptSettings(objects=(9, 11)))


def test_an_object_of_value_255_is_told(tmp_path):
    root = write_vos(tmp_path)
    for index in range(4):
        labels = np.where(truth(index) == 7, 255, truth(index)).astype(np.uint8)
        write_labels(root / f'Annotations/a/{index:05d}.png', labels)
    (video,) = open_videos(root)
    assert list(first_prompts(video, PromptSettings())) == [3]
    assert 'value 255' in video.warnings[0]


@pytest.mark.parametrize(
    ('value', 'complaint'), [(0, 'shows no object in any frame'), (255, 'as 0 and 1')]
)
def test_a_truth_without_objects_is_refused(tmp_path, value, complaint):
    root = write_vos(tmp_path)
    for index in range(4):
        labels = np.where(truth(index) > 0, value, 0).astype(np.uint8)
        write_labels(root / f'Annotations/a/{index:05d}.png', labels)
    with pytest.raises(SourceError, match=complaint):
        first_prompts(open_videos(root)[0], PromptSettings())


@pytest.mark.parametrize(
    ('changes', 'complaint'),
    [
        (
            {'kind': 'scribble'},
            "prompt 'scribble' is unknown; use mask, box, click, 1-point, 5-points",
        ),
        ({'correct_every': -1}, 'correct_every is -1'),
        ({'correct_below': 0}, 'correct_below is 0'),
    ],
)
def test_impossible_settings_are_refused(changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        PromptSettings(**changes)


def test_corrections_are_due_every_so_many_frames_after_the_prompt():
    settings = PromptSettings(correct_every=5)
    assert [f for f in range(20) if is_correction_due(f, 3, settings)] == [8, 13, 18]
    assert not any(is_correction_due(f, 3, PromptSettings()) for f in range(20))


def test_a_correction_clicks_the_middle_of_what_was_missed():
    true_mask = np.zeros((40, 40), bool)
    true_mask[5:16, 5:16] = True
    true_mask[30:33, 30:33] = True
    click = correction(np.zeros_like(true_mask), true_mask, 1, 4)
    assert (click.object_id, click.frame) == (1, 4)
    assert click.points.tolist() == [[10, 10]]
    assert click.labels.tolist() == [1]


def test_a_correction_clicks_off_what_is_too_much():
    predicted = np.zeros((40, 40), bool)
    predicted[20:31, 20:31] = True
    click = correction(predicted, np.zeros_like(predicted), 1, 0)
    assert click.points.tolist() == [[25, 25]]
    assert click.labels.tolist() == [0]


def test_good_masks_are_not_corrected():
    true_mask = np.zeros((10, 10), bool)
    true_mask[:, :8] = True
    predicted = np.zeros((10, 10), bool)
    predicted[:, :6] = True  # J = 0.75
    assert correction(true_mask, true_mask, 1, 0) is None
    assert correction(predicted, true_mask, 1, 0, below=0.75) is None
    assert correction(predicted, true_mask, 1, 0, below=0.76) is not None


def mask_of_bits(bits):
    return np.array([bits >> place & 1 for place in range(42)], bool).reshape(6, 7)


masks = st.integers(0, (1 << 42) - 1).map(mask_of_bits)


@settings(deadline=None)
@given(predicted=masks, true_mask=masks)
def test_a_correction_always_lies_on_a_mistake_of_its_kind(predicted, true_mask):
    click = correction(predicted, true_mask, 1, 0)
    if (predicted == true_mask).all():
        assert click is None
        return
    column, row = click.points[0].astype(int)
    assert predicted[row, column] != true_mask[row, column]
    assert true_mask[row, column] == bool(click.labels[0])


@settings(deadline=None)
@given(mask=masks.filter(np.any), seed=st.integers(0, 9))
def test_boxes_and_points_fit_every_mask(mask, seed):
    x0, y0, x1, y1 = prompt_of_mask(mask, 1, 0, 'a', PromptSettings('box')).box
    assert 0 <= x0 < x1 <= 7
    assert 0 <= y0 < y1 <= 6
    points = prompt_of_mask(mask, 1, 0, 'a', PromptSettings('5-points', seed=seed)).points
    assert len(points) == min(5, mask.sum())
    assert all(mask[int(y), int(x)] for x, y in points)
