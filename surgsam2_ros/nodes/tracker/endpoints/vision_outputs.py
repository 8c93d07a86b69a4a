# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Boxes with ids, and what the label image's values mean, in the types of vision_msgs.

Published where the ROS package vision_msgs is installed; nobody has to install it.
"""

from __future__ import annotations

from rclpy.lifecycle import LifecycleNode
from std_msgs.msg import Header

from surgsam2_ros.instrument_classes import NO_CLASSES, InstrumentClasses
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.messages.detections import label_info, vision_classes, vision_detections
from surgsam2_ros.tracking import FrameResult, Track


class VisionOutputs:
    """The publishers of `~/detections` and `~/label_info`; without vision_msgs there are none.

    Args:
        node: the node whose topics these are.
        known: instrument classes; an object of one of them is told by its class.
    """

    def __init__(self, node: LifecycleNode, known: InstrumentClasses = NO_CLASSES) -> None:
        self._node, self._known = node, known
        self._classes = vision_classes()
        self._names: dict[int, str] | None = None
        self._publishers = ()
        if self._classes is not None:
            create = node.create_lifecycle_publisher
            self._publishers = (
                create(self._classes['Detection2DArray'], '~/detections', qos.TRACKS),
                create(self._classes['LabelInfo'], '~/label_info', qos.STATUS),
            )

    def publish(self, header: Header, result: FrameResult) -> None:
        """Publish boxes if somebody listens, and names whenever they change."""
        if not self._publishers:
            return
        boxes, labels = self._publishers
        if boxes.get_subscription_count() > 0:
            boxes.publish(vision_detections(header, result, self._classes))
        names = {track.instance: self._name(track) for track in result.tracks}
        if names != self._names:
            self._names = names
            labels.publish(label_info(header, names, self._classes))

    def _name(self, track: Track) -> str:
        return track.class_name if track.class_name in self._known.colours else track.object_id

    def destroy(self) -> None:
        """Remove the topics."""
        for publisher in self._publishers:
            self._node.destroy_lifecycle_publisher(publisher)
