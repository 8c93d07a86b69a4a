# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Outlines and names of the objects for Foxglove's image panel, drawn there over the camera image.

Published where the ROS package foxglove_msgs is installed; nobody has to install it.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import Header

from surgsam2_ros.instrument_classes import NO_CLASSES, Colour, InstrumentClasses
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.messages.message_classes import load_message_class
from surgsam2_ros.nodes.messages.tracks import CONTOUR_TOLERANCE_PX
from surgsam2_ros.tracking import FrameResult, Track, TrackState

_TOPIC = '~/annotations'
_PARTS = ('ImageAnnotations', 'PointsAnnotation', 'TextAnnotation', 'Point2', 'Color')
_LINE_LOOP = 2  # PointsAnnotation.LINE_LOOP
_LINE_PX, _THIN_PX = 3.0, 1.0
_FONT_PX = 16.0


class Annotations:
    """The publisher of `~/annotations`; without foxglove_msgs there is none and nothing is done.

    Args:
        node: the node whose topic this is.
        known: instrument classes, which decide the colours of their objects.
    """

    def __init__(self, node: LifecycleNode, known: InstrumentClasses = NO_CLASSES) -> None:
        self._node, self._known = node, known
        self._publisher = None
        try:
            self._classes = {
                name: load_message_class(f'foxglove_msgs/msg/{name}') for name in _PARTS
            }
        except LookupError:
            return
        self._publisher = node.create_lifecycle_publisher(
            self._classes['ImageAnnotations'], _TOPIC, qos.OVERLAY
        )

    def publish(self, header: Header, result: FrameResult) -> None:
        """Publish the objects of an image, if somebody listens."""
        if self._publisher is not None and self._publisher.get_subscription_count() > 0:
            self._publisher.publish(make_annotations(header, result, self._classes, self._known))

    def destroy(self) -> None:
        """Remove the topic."""
        if self._publisher is not None:
            self._node.destroy_lifecycle_publisher(self._publisher)


def make_annotations(
    header: Header,
    result: FrameResult,
    classes: dict[str, Any],
    known: InstrumentClasses = NO_CLASSES,
) -> Any:
    """Return the outlines of all parts of all masks, and a name at the top of each object.

    Outlines of objects that are not TRACKED are thin, and their names say the state.

    Args:
        header: of the image.
        result: what the tracker found.
        classes: of foxglove_msgs, by name.
        known: instrument classes, which decide the colours of their objects.
    """
    seen = [(t, known.colour_of(t)) for t in result.tracks if t.box is not None]
    return classes['ImageAnnotations'](
        circles=[],
        points=[
            _outline(header, track, colour, part, classes)
            for track, colour in seen
            for part in _parts(track)
        ],
        texts=[_name(header, track, colour, classes) for track, colour in seen],
    )


def _parts(track: Track) -> list[np.ndarray]:
    """Outlines of a mask's parts in pixels of the image, each int [P, 2]."""
    left, top, _, _ = track.box
    contours, _ = cv2.findContours(
        track.crop.pixels.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    corners = (cv2.approxPolyDP(c, CONTOUR_TOLERANCE_PX, closed=True) for c in contours)
    return [np.add(outline.reshape(-1, 2), (left, top)) for outline in corners]


def _outline(
    header: Header, track: Track, colour: Colour, part: np.ndarray, classes: dict[str, Any]
) -> Any:
    return classes['PointsAnnotation'](
        timestamp=header.stamp,
        type=_LINE_LOOP,
        points=[classes['Point2'](x=float(x), y=float(y)) for x, y in part],
        outline_color=_colour(colour, classes),
        outline_colors=[],
        fill_color=_colour(colour, classes, alpha=0.0),
        thickness=_LINE_PX if track.state == TrackState.TRACKED else _THIN_PX,
    )


def _name(header: Header, track: Track, colour: Colour, classes: dict[str, Any]) -> Any:
    left, top, _, _ = track.box
    state = '' if track.state == TrackState.TRACKED else f' {track.state.name}'
    return classes['TextAnnotation'](
        timestamp=header.stamp,
        position=classes['Point2'](x=float(left), y=float(top)),
        text=f'{track.object_id}{state}',
        font_size=_FONT_PX,
        text_color=classes['Color'](r=1.0, g=1.0, b=1.0, a=1.0),
        background_color=_colour(colour, classes, alpha=0.8),
    )


def _colour(colour: Colour, classes: dict[str, Any], *, alpha: float = 1.0) -> Any:
    red, green, blue = (value / 255 for value in colour)
    return classes['Color'](r=red, g=green, b=blue, a=alpha)
