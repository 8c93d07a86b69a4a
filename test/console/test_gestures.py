# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Gestures from browsers become prompts, or a sentence that says why not."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.gestures import prompt_from_gesture
from surgsam2_ros.console.runs import encode_runs

SIZE = (20, 30)


def test_points_and_a_box_keep_their_coordinates():
    gesture = {'points': [[3.5, 4, 1], [6, 7, 0]], 'box': [1, 2, 9, 10], 'class_name': 'grasper'}
    prompt = prompt_from_gesture(gesture, 'grasper_1', SIZE)
    assert prompt.points == [[3.5, 4.0], [6.0, 7.0]]
    assert prompt.labels == [1, 0]
    assert prompt.box == [1, 2, 9, 10]
    assert (prompt.object_id, prompt.class_name) == ('grasper_1', 'grasper')


def test_a_mask_comes_as_it_was_painted():
    mask = np.zeros(SIZE, bool)
    mask[3:9, 20:30] = True
    gesture = {'mask': base64.b64encode(encode_runs(mask)).decode()}
    assert np.array_equal(prompt_from_gesture(gesture, 'a', SIZE).mask, mask)


@pytest.mark.parametrize(
    ('gesture', 'says'),
    [
        ({}, 'empty'),
        ({'points': [[30, 4, 1]]}, 'outside'),
        ({'points': [[3, 4]]}, 'cannot be read'),
        ({'points': [['a', 4, 1]]}, 'cannot be read'),
        ({'points': 7}, 'cannot be read'),
        ({'points': [[1, 1, 2]]}, 'labels'),
        ({'points': [[1e999, 4, 1]]}, 'finite'),
        ({'points': [[1, 1, 1]] * 1000}, 'too many'),
        ({'box': [5, 5, 5, 9]}, 'no area'),
        ({'box': [5, 5, 9, 90]}, 'outside'),
        ({'mask': 'AAAA'}, 'cannot be read'),
        ({'mask': '§'}, 'cannot be read'),
        ({'mask': 12}, 'cannot be read'),
        ({'mask': base64.b64encode(encode_runs(np.zeros(SIZE, bool))).decode()}, 'empty'),
        ({'mask': base64.b64encode(encode_runs(np.ones((9, 9), bool))).decode()}, 'pixels'),
    ],
)
def test_nonsense_is_refused_with_a_sentence(gesture, says):
    with pytest.raises(DeskError, match=says):
        prompt_from_gesture(gesture, 'a', SIZE)
