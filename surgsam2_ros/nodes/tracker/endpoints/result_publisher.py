# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Publishes what was found in a frame: tracks, label image and overlay, each with its header."""

from __future__ import annotations

from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import Image

from surgsam2_msgs.msg import TrackArray
from surgsam2_ros.discovery import Decision, DiscoverySettings
from surgsam2_ros.drawing import draw_overlay
from surgsam2_ros.instrument_classes import read_classes
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.messages.images import make_label_image, make_rgb_image
from surgsam2_ros.nodes.messages.tracks import make_track_array
from surgsam2_ros.nodes.tracker.endpoints.annotations import Annotations
from surgsam2_ros.nodes.tracker.endpoints.discovery import Events
from surgsam2_ros.nodes.tracker.endpoints.topic_quality import TopicQuality
from surgsam2_ros.nodes.tracker.endpoints.vision_outputs import VisionOutputs
from surgsam2_ros.nodes.tracker.parameters import OutputParameters
from surgsam2_ros.streaming.frame_slot import ReceivedFrame
from surgsam2_ros.streaming.tracked_frame import TrackedFrame

# Stamps further than this from the node's clock are of another clock: a bag replayed without
# /clock, a camera that stamps from its own start. No transport takes that long.
FOREIGN_CLOCK_NS = 10_000_000_000


def has_foreign_stamp(received: ReceivedFrame) -> bool:
    """Whether an image was stamped by another clock than the node's."""
    return abs(received.received_ns - received.stamp_ns) > FOREIGN_CLOCK_NS


def latency_ms(received: ReceivedFrame, now_ns: int) -> float:
    """Age of an image [ms]: since its stamp, or since its arrival if the stamp's clock is another.

    Args:
        received: the frame, with stamp and time of arrival.
        now_ns: the node's clock [ns].
    """
    if has_foreign_stamp(received):
        return (now_ns - received.received_ns) / 1e6
    return (now_ns - received.stamp_ns) / 1e6


class ResultPublisher:
    """The node's per-frame outputs. They publish only while the node is active.

    Args:
        node: the node whose topics these are.
        quality: makes the profile of `~/tracks` and hears of its events.
        output: what to offer there.
        discovery: whether decisions of the overseer are published.

    Raises:
        ClassesError: the file of instrument classes cannot be used.
    """

    def __init__(
        self,
        node: LifecycleNode,
        quality: TopicQuality,
        output: OutputParameters,
        discovery: DiscoverySettings,
    ) -> None:
        self._node = node
        self._classes = read_classes(output.classes)
        self._warned_of_clock = False
        create = node.create_lifecycle_publisher
        self._tracks = create(TrackArray, '~/tracks', **quality.tracks(node, '~/tracks', output))
        self._label_image = create(Image, '~/label_image', qos.LABEL_IMAGE)
        self._overlay = create(Image, '~/overlay', qos.OVERLAY)
        self._annotations = Annotations(node, self._classes)
        self._vision = VisionOutputs(node, self._classes)
        self._events = Events(node, discovery)

    def publish(
        self, frame: TrackedFrame, output: OutputParameters, now_ns: int, model: str
    ) -> float:
        """Publish one frame's results.

        Args:
            frame: what was found.
            output: what to publish of it.
            now_ns: the node's clock [ns].
            model: name of the network, told in every TrackArray.

        Returns:
            the frame's latency [ms].
        """
        self._warn_of_clock(frame.received)
        header = frame.received.message.header
        latency = latency_ms(frame.received, now_ns)
        self._tracks.publish(
            make_track_array(
                header,
                frame.result,
                session=frame.session,
                dropped_since_last=frame.dropped_since_last,
                latency_ms=latency,
                latency_is_from_arrival=has_foreign_stamp(frame.received),
                inference_ms=frame.inference_ms,
                model=model,
                with_masks=output.masks,
                with_contours=output.contours,
            )
        )
        if output.label_image and self._label_image.get_subscription_count() > 0:
            labels = frame.result.label_image
            if not output.label_uncertain:
                labels = frame.result.tracked_label_image()
            self._label_image.publish(make_label_image(header, labels))
        if output.overlay and self._overlay.get_subscription_count() > 0:
            self._overlay.publish(make_rgb_image(header, self._draw(frame, output)))
        self._annotations.publish(header, frame.result)
        self._vision.publish(header, frame.result)
        return latency

    def tell(self, decision: Decision, frame_id: str) -> None:
        """Publish a decision of the overseer about an image of a camera."""
        self._events.publish(decision, frame_id)

    def subscribed(self) -> list[str]:
        """Return which of label_image and overlay somebody listens to."""
        outputs = {'label_image': self._label_image, 'overlay': self._overlay}
        return [name for name, out in outputs.items() if out.get_subscription_count() > 0]

    def assert_liveliness(self) -> None:
        """Tell the subscribers of `~/tracks` that the tracker is alive."""
        self._tracks.assert_liveliness()

    def _warn_of_clock(self, received: ReceivedFrame) -> None:
        if self._warned_of_clock or not has_foreign_stamp(received):
            return
        self._warned_of_clock = True
        apart_s = (received.received_ns - received.stamp_ns) / 1e9
        self._node.get_logger().warning(
            f'image stamps are {apart_s:.0f} s behind the clock, so latency counts from arrival; '
            'with a bag or a simulator set use_sim_time and publish /clock'
        )

    def destroy(self) -> None:
        """Remove the topics."""
        for publisher in (self._tracks, self._label_image, self._overlay):
            self._node.destroy_lifecycle_publisher(publisher)
        self._annotations.destroy()
        self._vision.destroy()
        self._events.destroy()

    def _draw(self, frame: TrackedFrame, output: OutputParameters):
        return draw_overlay(
            frame.rgb,
            frame.result.tracks,
            opacity=output.overlay_opacity,
            labels=output.overlay_labels,
            colour_of=self._classes.colour_of,
        )
