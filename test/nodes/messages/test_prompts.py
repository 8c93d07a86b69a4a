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
    prompts_from_segment_request,
)
from surgsam2_ros.tracking import PromptError

BOX = RegionOfInterest(x_offset=10, y_offset=20, width=30, height=40)
MASK = np.array([[0, 1, 0], [255, 0, 7]], np.uint8)


def mask_message() -> Image:
    return make_label_image(Header(), MASK)


def point(x: float, y: float) -> Point32:
    return Point32(x=x, y=y)


def test_request_gathers_what_belongs_to_each_object():
    request = AddObjects.Request(
        bbox_object_ids=['grasper'],
        bbox_coords=[BOX],
        point_object_ids=['scissors', 'grasper', 'scissors'],
        point_coords=[point(1.5, 2.0), point(15.0, 25.0), point(3.0, 4.0)],
        point_labels=[1, 1, 0],
        mask_object_ids=['needle'],
        masks=[mask_message()],
        class_object_ids=['needle'],
        class_names=['suture_needle'],
    )
    grasper, scissors, needle = prompts_from_request(request)
    assert (grasper.object_id, grasper.box, grasper.class_name) == ('grasper', (10, 20, 40, 60), '')
    assert grasper.points.tolist() == [[15.0, 25.0]] and grasper.labels.tolist() == [1]
    assert (scissors.object_id, scissors.box, scissors.mask) == ('scissors', None, None)
    assert scissors.points.tolist() == [[1.5, 2.0], [3.0, 4.0]]
    assert scissors.labels.tolist() == [1, 0]
    assert (needle.object_id, needle.points, needle.labels) == ('needle', None, None)
    assert needle.class_name == 'suture_needle'
    np.testing.assert_array_equal(needle.mask, MASK > 0)


@pytest.mark.parametrize('keep', [False, True])
def test_keep_old_points_is_passed_on(keep):
    request = AddObjects.Request(
        point_object_ids=['a'], point_coords=[point(1, 1)], point_labels=[1], keep_old_points=keep
    )
    assert prompts_from_request(request)[0].clear_old_points is not keep
    message = PromptMessage(object_id='a', box=BOX, keep_old_points=keep)
    prompts = prompts_from_message(PromptArray(prompts=[message]))
    assert prompts[0].clear_old_points is not keep


@pytest.mark.parametrize(
    ('fields', 'object_id', 'words'),
    [
        ({}, '', ['no prompts', 'give boxes, points or masks']),
        ({'bbox_object_ids': ['a']}, '', ['bbox_object_ids has 1', 'bbox_coords has 0']),
        (
            {'point_object_ids': ['a'], 'point_coords': [point(1, 1)]},
            '',
            ['point_coords has 1, point_labels has 0'],
        ),
        ({'masks': [mask_message()]}, '', ['mask_object_ids has 0, masks has 1']),
        (
            {'bbox_object_ids': ['a'], 'bbox_coords': [BOX], 'class_names': ['x']},
            '',
            ['class_object_ids has 0'],
        ),
        (
            {'bbox_object_ids': ['a', 'a'], 'bbox_coords': [BOX, BOX]},
            'a',
            ['twice in bbox_object_ids'],
        ),
        (
            {'mask_object_ids': ['a', 'a'], 'masks': [mask_message(), mask_message()]},
            'a',
            ['twice in mask_object_ids'],
        ),
        (
            {
                'bbox_object_ids': ['a'],
                'bbox_coords': [BOX],
                'class_object_ids': ['b'],
                'class_names': ['x'],
            },
            'b',
            ['class name but no box, point or mask'],
        ),
        (
            {'bbox_object_ids': ['a'], 'bbox_coords': [RegionOfInterest(width=3)]},
            'a',
            ['3x0', 'at least 1'],
        ),
        (
            {'mask_object_ids': ['a'], 'masks': [Image(encoding='rgb8', height=1, width=1)]},
            'a',
            ['mask cannot be read', "'rgb8'", 'mono8'],
        ),
        (
            {
                'mask_object_ids': ['a'],
                'masks': [Image(encoding='mono8', height=2, width=2, step=2)],
            },
            'a',
            ['mask cannot be read', '0 bytes'],
        ),
    ],
)
def test_contradicting_requests_are_refused(fields, object_id, words):
    with pytest.raises(PromptError) as caught:
        prompts_from_request(AddObjects.Request(**fields))
    assert caught.value.object_id == object_id
    assert all(word in str(caught.value) for word in words)


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


def test_segment_request_has_the_same_prompts():
    request = SegmentImage.Request(prompts=[PromptMessage(object_id='a', box=BOX)])
    assert prompts_from_segment_request(request)[0].box == (10, 20, 40, 60)


@pytest.mark.parametrize(
    ('prompts', 'object_id', 'words'),
    [
        ([], '', 'no prompts'),
        ([PromptMessage(object_id='a', box=BOX)] * 2, 'a', 'twice'),
        ([PromptMessage(object_id='a', box=RegionOfInterest(height=5))], 'a', '0x5'),
        ([PromptMessage(object_id='a', mask=Image(height=4, width=4))], 'a', 'mask cannot be read'),
    ],
)
def test_contradicting_messages_are_refused(prompts, object_id, words):
    with pytest.raises(PromptError, match=words) as caught:
        prompts_from_message(PromptArray(prompts=prompts))
    assert caught.value.object_id == object_id
