# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A click becomes a prompt for the object that it lies on, or for a new one."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
from geometry_msgs.msg import PointStamped
from node_processes import make_header

from surgsam2_ros.nodes.tracker.endpoints.clicked_pixels import ClickedPixels
from surgsam2_ros.tracking.mask_crop import MaskCrop


def click(x: float, y: float, stamp_ns: int = 0) -> PointStamped:
    message = PointStamped(header=make_header(stamp_ns))
    message.point.x, message.point.y = x, y
    return message


def seen(**objects):
    """Return a result with a rectangle (left, top, right, bottom, score) for each object."""
    tracks = []
    for object_id, (left, top, right, bottom, score) in objects.items():
        mask = np.zeros((96, 128), bool)
        mask[top:bottom, left:right] = True
        tracks.append(SimpleNamespace(object_id=object_id, score=score, crop=MaskCrop.of(mask)))
    return SimpleNamespace(tracks=tracks)


def object_of(clicks: ClickedPixels, message: PointStamped) -> str:
    (prompt,) = clicks.prompt(message).prompts
    return prompt.object_id


def test_the_click_is_one_positive_point_of_the_image_that_was_looked_at():
    message = click(12.5, 30.25, 77)
    prompts = ClickedPixels(3, list).prompt(message)
    (prompt,) = prompts.prompts
    assert prompts.header == message.header
    assert [(point.x, point.y) for point in prompt.points] == [(12.5, 30.25)]
    assert list(prompt.labels) == [1]
    assert prompt.keep_old_points


def test_a_click_is_judged_by_the_image_it_was_made_on():
    clicks = ClickedPixels(3, lambda: {'moving'})
    clicks.remember(1_000_000_000, seen(moving=(0, 0, 10, 10, 0.9)))
    clicks.remember(2_000_000_000, seen(moving=(50, 50, 60, 60, 0.9)))
    assert object_of(clicks, click(5, 5, 1_000_000_000)) == 'moving'
    assert object_of(clicks, click(55, 55)) == 'moving', 'stamp 0 is the newest image'
    assert object_of(clicks, click(55, 55, 1_000_000_000)) == 'click_1'


def test_where_masks_overlap_the_better_one_is_meant():
    clicks = ClickedPixels(1, lambda: {'good', 'poor'})
    clicks.remember(1, seen(good=(0, 0, 20, 20, 0.9), poor=(0, 0, 20, 20, 0.4)))
    assert object_of(clicks, click(5, 5)) == 'good'


def test_new_objects_get_ids_that_nobody_has():
    clicks = ClickedPixels(1, lambda: {'click_1', 'click_3'})
    assert [object_of(clicks, click(5, 5)) for _ in range(3)] == ['click_2', 'click_4', 'click_5']


def test_an_object_that_was_removed_is_not_meant():
    clicks = ClickedPixels(1, list)
    clicks.remember(1, seen(gone=(0, 0, 20, 20, 0.9)))
    assert object_of(clicks, click(5, 5)) == 'click_1'


def test_a_point_that_is_none_is_left_to_the_checks_of_prompts():
    clicks = ClickedPixels(1, lambda: {'a'})
    clicks.remember(1, seen(a=(0, 0, 20, 20, 0.9)))
    assert object_of(clicks, click(math.nan, math.inf)) == 'click_1'
