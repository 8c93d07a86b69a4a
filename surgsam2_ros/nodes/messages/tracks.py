# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The tracker's results as messages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
from geometry_msgs.msg import Point32
from sensor_msgs.msg import RegionOfInterest
from std_msgs.msg import Header

from surgsam2_msgs.msg import Track as TrackMessage
from surgsam2_msgs.msg import TrackArray
from surgsam2_ros.nodes.messages.images import make_label_image

if TYPE_CHECKING:
    from surgsam2_ros.tracking import FrameResult, Track

# Leaves out the steps of slanted lines: a message of every pixel's corner takes ten times as long.
CONTOUR_TOLERANCE_PX = 0.75


def make_track_array(
    header: Header,
    result: FrameResult,
    *,
    session: int,
    dropped_since_last: int,
    latency_ms: float,
    latency_is_from_arrival: bool = False,
    inference_ms: float,
    model: str,
    with_masks: bool = True,
    with_contours: bool = False,
) -> TrackArray:
    """Return the message of one frame, its tracks ordered by instance.

    Args:
        header: that of the image; it goes unchanged into the message and its masks.
        result: what the tracker said about the image.
        session: number that changes when all objects are forgotten.
        dropped_since_last: images not processed since the previous result.
        latency_ms: age of the image [ms].
        latency_is_from_arrival: whether it counts from the image's arrival, not from its stamp.
        inference_ms: time of network and tracker [ms].
        model: name of the network.
        with_masks: whether each track carries its mask, cropped to its box.
        with_contours: whether each track carries the outline of its largest part, true to
            CONTOUR_TOLERANCE_PX.
    """
    tracks = sorted(result.tracks, key=lambda track: track.instance)
    return TrackArray(
        header=header,
        image_width=result.label_image.shape[1],
        image_height=result.label_image.shape[0],
        session=session,
        frame_index=result.frame_index,
        dropped_since_last=dropped_since_last,
        latency_ms=float(latency_ms),
        latency_is_from_arrival=latency_is_from_arrival,
        inference_ms=float(inference_ms),
        model=model,
        tracks=[_track_message(header, track, with_masks, with_contours) for track in tracks],
    )


def _track_message(
    header: Header, track: Track, with_mask: bool, with_contour: bool
) -> TrackMessage:
    message = TrackMessage()
    message.object_id = track.object_id
    message.instance = track.instance
    message.class_name = track.class_name
    message.score = float(track.score)
    message.presence = float(track.presence)
    message.state = int(track.state)
    message.frames_since_seen = track.frames_since_seen
    message.area = int(track.area)
    if track.box is None:
        message.centroid = Point32(x=math.nan, y=math.nan)
        return message
    x, y, width, height = (int(value) for value in track.box)
    message.box = RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height)
    message.centroid = Point32(x=float(track.centroid[0]), y=float(track.centroid[1]))
    if with_mask or with_contour:
        crop = np.multiply(track.crop.pixels, 255, dtype=np.uint8)
        if with_mask:
            message.mask = make_label_image(header, crop)
        if with_contour:
            message.contour = [
                Point32(x=float(x + column), y=float(y + row)) for column, row in _outline(crop)
            ]
    return message


def _outline(mask: np.ndarray) -> list[list[int]]:
    """Corners (x, y) of the outline of the largest part of a mask that has a pixel set."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    largest = max(contours, key=cv2.contourArea)
    return cv2.approxPolyDP(largest, CONTOUR_TOLERANCE_PX, closed=True).reshape(-1, 2).tolist()
