# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Prompts: what is refused and why, and how the others reach the network's square."""

import numpy as np
import pytest
import torch

from surgsam2_ros.tracking import Prompt, PromptError
from surgsam2_ros.tracking.prompt_inputs import merge_points
from surgsam2_ros.tracking.prompt_scaling import prompt_inputs
from surgsam2_ros.tracking.prompts import check_fit, check_request
from surgsam2_ros.tracking.view import Region

SIZE = (80, 100)  # height, width
NAN = float('nan')


def mask(*shape):
    result = np.zeros(shape, np.uint8)
    result[1:3, 1:3] = 1
    return result


def inputs_of(**prompt):
    prompt = Prompt('tool', **prompt)
    check_request([prompt])
    check_fit(prompt, SIZE)
    return prompt_inputs(prompt, SIZE, Region.whole(SIZE), 64, torch.device('cpu'))


@pytest.mark.parametrize(
    ('prompt', 'words'),
    [
        ({}, 'empty; give points, a box or a mask'),
        ({'points': [], 'labels': []}, 'empty; give points, a box or a mask'),
        ({'points': [[1, 2]]}, '1 points but 0 labels'),
        ({'points': [[1, 2]], 'labels': [1, 0]}, '1 points but 2 labels'),
        ({'labels': [1]}, '0 points but 1 labels'),
        ({'points': [[1, 2]], 'labels': [2]}, r'labels are \[2.0\]; each must be 1'),
        ({'points': [[1, 2]], 'labels': [-1]}, 'each must be 1'),
        ({'points': [[1, 2, 3]], 'labels': [1]}, r'shape \(1, 3\)'),
        ({'points': [[NAN, 2]], 'labels': [1]}, 'not finite'),
        ({'points': [['a', 2]], 'labels': [1]}, 'must be numbers'),
        ({'points': [[100, 2]], 'labels': [1]}, r'point \(100.0, 2.0\) lies outside the 100x80'),
        ({'points': [[3, 2], [-1, 2]], 'labels': [1, 1]}, r'point \(-1.0, 2.0\) lies outside'),
        ({'box': (5, 5, 5, 9)}, 'has no area'),
        ({'box': (9, 5, 5, 9)}, 'has no area'),
        ({'box': (5, 5, 9)}, '3 values'),
        ({'box': (5, 5, 9, float('inf'))}, 'not finite'),
        ({'box': (5, 5, 101, 9)}, 'outside the 100x80 image'),
        ({'box': (-1, 5, 10, 9)}, 'outside the 100x80 image'),
        ({'box': (1, 5, 10, 9), 'clear_old_points': False}, 'cannot be added to earlier points'),
        ({'mask': np.zeros(SIZE, bool)}, 'mask is empty'),
        ({'mask': mask(100, 80)}, 'the mask is 80x100; the image is 100x80'),
        ({'mask': np.zeros((0, 4), bool)}, r'shape \(0, 4\)'),
        ({'mask': np.zeros((1, *SIZE), bool)}, r'shape \(1, 80, 100\)'),
        ({'mask': np.ones(SIZE)}, 'type float64'),
        ({'mask': mask(*SIZE), 'box': (1, 1, 5, 5)}, 'cannot be combined'),
        ({'mask': mask(*SIZE), 'points': [[1, 1]], 'labels': [1]}, 'cannot be combined'),
    ],
)
def test_a_bad_prompt_is_refused_with_its_reason(prompt, words):
    with pytest.raises(PromptError, match=words) as error:
        inputs_of(**prompt)
    assert error.value.object_id == 'tool'
    assert str(error.value).startswith("prompt for object 'tool': ")


@pytest.mark.parametrize('object_id', ['', '  ', None, 7, 'a\nb', 'x' * 300])
def test_a_bad_id_is_refused(object_id):
    with pytest.raises(PromptError, match='object id'):
        check_request([Prompt(object_id, box=(1, 1, 5, 5))])


def test_an_id_may_come_once_in_a_request():
    prompts = [Prompt('a', box=(1, 1, 5, 5)), Prompt('a', box=(1, 1, 5, 5))]
    with pytest.raises(PromptError, match="'a': the id comes twice"):
        check_request(prompts)


def test_points_are_scaled_to_the_square():
    inputs = inputs_of(points=[(50, 40), (25, 60)], labels=[1, 0])
    assert inputs.points.tolist() == [[32.0, 32.0], [16.0, 48.0]]
    assert inputs.labels.tolist() == [1, 0]
    assert inputs.points.dtype == torch.float32


def test_a_box_becomes_two_corners_before_the_points():
    inputs = inputs_of(box=(0, 0, 100, 80), points=[(50, 40)], labels=[0])
    assert inputs.points.tolist() == [[0.0, 0.0], [64.0, 64.0], [32.0, 32.0]]
    assert inputs.labels.tolist() == [2, 3, 0]


def test_numbers_may_be_arrays_of_any_kind():
    inputs = inputs_of(points=np.array([[50, 40]], np.int64), labels=np.array([True]))
    assert inputs.points.tolist() == [[32.0, 32.0]]


@pytest.mark.parametrize('dtype', [bool, np.uint8, np.int32])
def test_a_mask_may_be_bool_or_integer(dtype):
    inputs = inputs_of(mask=(mask(*SIZE) * 255 if dtype is not bool else mask(*SIZE)).astype(dtype))
    assert inputs.mask.shape == (1, 1, 64, 64)
    assert set(inputs.mask.unique().tolist()) == {0.0, 1.0}


def test_added_points_follow_the_earlier_ones():
    first = inputs_of(points=[(50, 40)], labels=[1])
    more = inputs_of(points=[(25, 60)], labels=[0], clear_old_points=False)
    merged = merge_points(first, more)
    assert merged.points.tolist() == [[32.0, 32.0], [16.0, 48.0]]
    assert merged.labels.tolist() == [1, 0]


def test_points_replace_the_earlier_ones_by_default():
    first = inputs_of(points=[(50, 40)], labels=[1])
    assert merge_points(first, inputs_of(points=[(25, 60)], labels=[0])).labels.tolist() == [0]
