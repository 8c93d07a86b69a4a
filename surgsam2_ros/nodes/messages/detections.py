# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Detections as messages: a detector's for the overseer, and tracks for who reads vision_msgs.

vision_msgs need not be installed; its classes are found by name.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Any

from geometry_msgs.msg import PoseWithCovariance
from std_msgs.msg import Header

from surgsam2_msgs.msg import DetectionArray
from surgsam2_ros.nodes.messages.message_classes import load_message_class
from surgsam2_ros.streaming.detections import Detections
from surgsam2_ros.tracking.proposal import Proposal

if TYPE_CHECKING:
    from surgsam2_ros.tracking import FrameResult, Track

MOST_READ = 5000
"""More detections of one message are not even read."""
_VISION_PARTS = (
    'Detection2DArray',
    'Detection2D',
    'ObjectHypothesisWithPose',
    'ObjectHypothesis',
    'BoundingBox2D',
    'Pose2D',
    'Point2D',
    'LabelInfo',
    'VisionClass',
)


def vision_classes() -> dict[str, Any] | None:
    """Return the classes of vision_msgs that are used, by name; None where it is not installed."""
    try:
        return {name: load_message_class(f'vision_msgs/msg/{name}') for name in _VISION_PARTS}
    except LookupError:
        return None


def detections_from_array(message: DetectionArray) -> Detections:
    """Return what a DetectionArray says, whatever that is; it is checked against its image."""
    proposals = [
        Proposal((one.left, one.top, one.right, one.bottom), one.score, class_name=one.class_name)
        for one in islice(message.detections, MOST_READ)
    ]
    size = message.image_height, message.image_width
    return Detections(_stamp_ns(message.header), size, proposals)


def detections_from_vision(message: Any) -> Detections:
    """Return what a vision_msgs Detection2DArray says; it does not tell the size of its image.

    Of several hypotheses the likeliest counts. A turned box counts as the upright one around it.
    """
    proposals = [_proposal(one) for one in islice(message.detections, MOST_READ)]
    return Detections(_stamp_ns(message.header), None, proposals)


def vision_detections(header: Header, result: FrameResult, classes: dict[str, Any]) -> Any:
    """Return the objects that are seen in an image as a Detection2DArray, each with its id.

    Args:
        header: of the image.
        result: what the tracker found.
        classes: of vision_msgs, by name.
    """
    seen = [track for track in result.tracks if track.box is not None]
    return classes['Detection2DArray'](
        header=header, detections=[_detection(header, track, classes) for track in seen]
    )


def label_info(header: Header, names: dict[int, str], classes: dict[str, Any]) -> Any:
    """Return what the values of the label image mean, as a LabelInfo.

    Args:
        header: of the image.
        names: of objects or their classes, by instance.
        classes: of vision_msgs, by name.
    """
    described = [
        classes['VisionClass'](class_id=instance, class_name=name)
        for instance, name in sorted(names.items())
    ]
    return classes['LabelInfo'](header=header, class_map=described, threshold=0.0)


def _stamp_ns(header: Any) -> int:
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec


def _proposal(detection: Any) -> Proposal:
    hypotheses = [result.hypothesis for result in detection.results]
    best = max(hypotheses, key=lambda one: one.score, default=None)
    centre, box = detection.bbox.center, detection.bbox
    width, height = _upright(box.size_x, box.size_y, centre.theta)
    x, y = centre.position.x, centre.position.y
    return Proposal(
        (x - width / 2, y - height / 2, x + width / 2, y + height / 2),
        1.0 if best is None else best.score,
        class_name='' if best is None else best.class_id,
    )


def _upright(width: float, height: float, angle: float) -> tuple[float, float]:
    """Return the sides of the upright box around a turned one; NaN where the angle is none."""
    if angle == 0.0:
        return width, height
    if not math.isfinite(angle):
        return math.nan, math.nan
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    return width * cos + height * sin, width * sin + height * cos


def _detection(header: Header, track: Track, classes: dict[str, Any]) -> Any:
    x, y, width, height = (float(value) for value in track.box)
    hypothesis = classes['ObjectHypothesis'](class_id=track.class_name, score=float(track.score))
    result = classes['ObjectHypothesisWithPose']
    centre = classes['Pose2D'](
        position=classes['Point2D'](x=x + width / 2, y=y + height / 2), theta=0.0
    )
    return classes['Detection2D'](
        header=header,
        results=[result(hypothesis=hypothesis, pose=PoseWithCovariance())],
        bbox=classes['BoundingBox2D'](center=centre, size_x=width, size_y=height),
        id=track.object_id,
    )
