# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Prompts out of requests and messages, and the requests that contradict themselves."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('surgsam2_msgs.msg')
from geometry_msgs.msg import Point32
from sensor_msgs.msg import Image, RegionOfInterest
from std_msgs.msg import Header

from surgsam2_msgs.msg import Prompt as PromptMessage
from surgsam2_msgs.msg import PromptArray
from surgsam2_msgs.srv import AddObjects, SegmentImage
from surgsam2_ros.nodes.messages.images import make_label_image
from surgsam2_ros.nodes.messages.prompts import (
    prompts_from_message,
    prompts_from_request,
)
from surgsam2_ros.tracking import PromptError

BOX = RegionOfInterest(x_offset=10, y_offset=20, width=30, height=40)
MASK = np.array([[0, 1, 0], [255, 0, 7]], np.uint8)


def mask_message() -> Image:
    return make_label_image(Header(), MASK)


def point(x: float, y: float) -> Point32:
    return Point32(x=x, y=y)


@pytest.mark.parametrize('keep', [False, True])
def test_keep_old_points_is_passed_on(keep):
    message = PromptMessage(object_id='a', box=BOX, keep_old_points=keep)
    prompts = prompts_from_message(PromptArray(prompts=[message]))
    assert prompts[0].clear_old_points is not keep


def test_message_prompts_come_in_their_order():
    message = PromptArray(
        prompts=[
            PromptMessage(
                object_id='b',
                class_name='hook',
                points=[point(5, 6)],
                labels=[1],
                box=BOX,
            ),
            PromptMessage(object_id='a', mask=mask_message()),
        ]
    )
    first, second = prompts_from_message(message)
    assert (first.object_id, first.class_name, first.box) == ('b', 'hook', (10, 20, 40, 60))
    assert first.points.tolist() == [[5.0, 6.0]] and first.labels.tolist() == [1]
    assert first.mask is None
    assert (second.object_id, second.points, second.box) == ('a', None, None)
    np.testing.assert_array_equal(second.mask, MASK > 0)


@pytest.mark.parametrize('service', [AddObjects, SegmentImage])
def test_requests_have_the_same_prompts(service):
    prompts = [PromptMessage(object_id='a', box=BOX), PromptMessage(object_id='b', box=BOX)]
    read = prompts_from_request(service.Request(prompts=prompts))
    assert [(prompt.object_id, prompt.box) for prompt in read] == [
        ('a', (10, 20, 40, 60)),
        ('b', (10, 20, 40, 60)),
    ]


@pytest.mark.parametrize(
    ('prompts', 'object_id', 'words'),
    [
        ([], '', 'no prompts'),
        ([PromptMessage(object_id='a', box=BOX)] * 2, 'a', 'twice'),
        ([PromptMessage(object_id='a', box=RegionOfInterest(height=5))], 'a', '0x5'),
        ([PromptMessage(object_id='a', mask=Image(height=4, width=4))], 'a', 'mask cannot be read'),
        (
            [PromptMessage(object_id='a', mask=Image(encoding='rgb8', height=1, width=1))],
            'a',
            "'rgb8'.*mono8",
        ),
    ],
)
def test_contradicting_messages_are_refused(prompts, object_id, words):
    with pytest.raises(PromptError, match=words) as caught:
        prompts_from_message(PromptArray(prompts=prompts))
    assert caught.value.object_id == object_id
