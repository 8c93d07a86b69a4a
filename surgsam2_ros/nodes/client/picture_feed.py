# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A camera's pictures with what a node found in them: each image joined with its very own result.

Nothing is subscribed to while nobody looks, only what is looked at is decoded, and label images are
asked for only where results come without masks, so that the node is left alone.
"""

from __future__ import annotations

import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from surgsam2_msgs.msg import TrackArray
from surgsam2_ros.nodes.client.node_watch import NodeReport
from surgsam2_ros.nodes.client.results import NodeState, ObjectState, SurgSam2Error
from surgsam2_ros.nodes.messages import qos
from surgsam2_ros.nodes.messages.images import decode_compressed_message, decode_image_message
from surgsam2_ros.sources.image_encodings import EncodingError

_COMPRESSED_TYPE = 'sensor_msgs/msg/CompressedImage'
_IDLE_S = 3.0  # after the last look, the subscriptions end
_PERIOD_S = 0.2
_SILENT_S = 1.5  # without a joined picture for so long, images are shown as they are
_SLOW = 3.0  # results of a slow node may be so many of their own periods apart
_MOST_IMAGES, _MOST_BYTES = 256, 256_000_000  # that wait for their results
_MOST_RESULTS = 8  # that wait for their images
_DEPTH = 8


@dataclass(frozen=True)
class SeenObject:
    """One object in one image, as the node tells it."""

    object_id: str
    instance: int
    class_name: str
    state: ObjectState
    score: float
    presence: float


@dataclass(frozen=True)
class FoundObjects:
    """The objects of one result.

    Attributes:
        session: changes when the node has forgotten all objects.
        objects: ordered by instance.
    """

    session: int
    objects: tuple[SeenObject, ...]


@dataclass(frozen=True, eq=False)
class TrackedPicture:
    """An image with what was found in it.

    Attributes:
        stamp_ns: of the image's header [ns].
        rgb: uint8 [H, W, 3], not to be written to.
        labels: uint8 [H, W], 0 is background, other values `SeenObject.instance`; None when the
            image was not tracked.
        found: the objects; None when the image was not tracked.
        latency_ms: age of the image when its result was published, by the node [ms].
    """

    stamp_ns: int
    rgb: np.ndarray
    labels: np.ndarray | None
    found: FoundObjects | None
    latency_ms: float


@dataclass(frozen=True, eq=False)
class _Joined:
    """Messages of one stamp, not yet decoded."""

    stamp_ns: int
    image: bytes
    compressed: bool
    tracks: TrackArray | None
    labels: bytes | None

    def decode(self) -> TrackedPicture:
        kind, decode = (
            (CompressedImage, decode_compressed_message)
            if self.compressed
            else (Image, decode_image_message)
        )
        try:
            rgb = decode(deserialize_message(self.image, kind))
        except EncodingError as error:
            raise SurgSam2Error(f'the image cannot be shown: {error}') from error
        if self.tracks is None:
            return TrackedPicture(self.stamp_ns, rgb, None, None, 0.0)
        labels = _decode_labels(self.labels) if self.labels else _paint_masks(self.tracks)
        if labels.shape != rgb.shape[:2]:
            labels = None
        return TrackedPicture(
            self.stamp_ns, rgb, labels, found_objects(self.tracks), self.tracks.latency_ms
        )


class PictureFeed:
    """The pictures of one node's camera; the newest one wins.

    Args:
        node: subscribes for as long as it lives; it has to be spun by someone.
        target: name of the tracking node, with its namespace.
        report: what is known of that node.
        on_tracks: told every result while somebody looks, on the thread that spins `node`.
    """

    def __init__(
        self,
        node: Node,
        target: str,
        report: Callable[[], NodeReport],
        on_tracks: Callable[[TrackArray], None] = lambda tracks: None,
    ) -> None:
        self._node, self._target, self._report = node, target, report
        self._on_tracks = on_tracks
        self._input: tuple[str, bool] | None = None  # topic, compressed
        self._subscriptions: list = []
        self._label_subscription: Subscription | None = None
        self._wanted_until = float('-inf')
        self._arrived = threading.Condition()
        self._images: OrderedDict[int, bytes] = OrderedDict()
        self._bytes = 0
        self._tracks: OrderedDict[int, TrackArray] = OrderedDict()
        self._labels: OrderedDict[int, bytes] = OrderedDict()
        self._masks_come = self._labels_come = True
        self._joined_s = time.monotonic()
        self._newest: _Joined | None = None
        self._version = self._over = 0  # up to _over, pictures are not given any more
        self._decoding = threading.Lock()
        self._decoded: tuple[int, TrackedPicture] | None = None
        node.create_timer(_PERIOD_S, self._follow_demand)

    def wait(self, after: int, timeout_s: float) -> tuple[int, TrackedPicture] | None:
        """Return the newest picture whose number is above `after`, and its number.

        Returns:
            None when none came within `timeout_s`; what came in between is left out.

        Raises:
            SurgSam2Error: the image cannot be decoded; told once for each.
        """
        self._wanted_until = time.monotonic() + timeout_s + _IDLE_S
        with self._arrived:
            if not self._arrived.wait_for(
                lambda: self._version > max(after, self._over), timeout_s
            ):
                return None
        with self._decoding:
            with self._arrived:
                version, joined = self._version, self._newest
            if joined is None:
                return None
            if self._decoded is None or self._decoded[0] != version:
                try:
                    self._decoded = version, joined.decode()
                except SurgSam2Error:
                    self._over = version
                    raise
            return self._decoded

    def _follow_demand(self) -> None:
        """Subscribe while somebody looks, to whatever topic and type the images have by now."""
        wanted = self._image_input() if time.monotonic() < self._wanted_until else None
        if wanted != self._input:
            self._unsubscribe()
            if wanted is not None:
                self._subscribe(*wanted)
        self._input = wanted
        self._follow_masks()

    def _image_input(self) -> tuple[str, bool] | None:
        topic = self._report().input_topic
        if not topic:
            return None
        if self._input is not None and self._input[0] == topic:
            return self._input  # asking the graph costs more
        types = dict(self._node.get_topic_names_and_types()).get(topic)
        return (topic, _COMPRESSED_TYPE in types) if types else None

    def _subscribe(self, topic: str, compressed: bool) -> None:
        create, latest = self._node.create_subscription, qos.qos_profile('SENSOR_DATA', _DEPTH)
        self._joined_s = time.monotonic()
        self._subscriptions = [
            create(
                CompressedImage if compressed else Image,
                topic,
                lambda data: self._take_image(data, compressed),
                latest,
                raw=True,
            ),
            create(
                TrackArray,
                f'{self._target}/tracks',
                self._take_tracks,
                qos.qos_profile('DEFAULT', _DEPTH),
            ),
        ]

    def _follow_masks(self) -> None:
        """Subscribe to label images while results come without masks."""
        wanted = self._input is not None and not self._masks_come
        if wanted and self._label_subscription is None:
            self._labels_come = True
            self._label_subscription = self._node.create_subscription(
                Image,
                f'{self._target}/label_image',
                self._take_labels,
                qos.qos_profile('SENSOR_DATA', _DEPTH),
                raw=True,
            )
        elif not wanted and self._label_subscription is not None:
            self._node.destroy_subscription(self._label_subscription)
            self._label_subscription = None
            with self._arrived:
                self._labels.clear()

    def _unsubscribe(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []
        self._masks_come = True
        with self._arrived:
            for waiting in (self._images, self._tracks, self._labels):
                waiting.clear()
            self._bytes = 0
            # Who looks later is not shown what was there before.
            self._newest, self._over = None, self._version

    def _take_image(self, data: bytes, compressed: bool) -> None:
        stamp_ns = serialised_stamp_ns(data)
        with self._arrived:
            self._bytes += len(data) - len(self._images.pop(stamp_ns, b''))
            self._images[stamp_ns] = data
            while len(self._images) > _MOST_IMAGES or self._bytes > _MOST_BYTES:
                self._bytes -= len(self._images.popitem(last=False)[1])
            if stamp_ns in self._tracks:
                self._join(stamp_ns)
            elif self._is_silent():
                self._show(_Joined(stamp_ns, data, compressed, None, None))
                if not self._is_tracking():  # no results come that would have to wait for images
                    self._images.clear()
                    self._bytes = 0

    def _take_tracks(self, tracks: TrackArray) -> None:
        stamp = tracks.header.stamp
        stamp_ns = stamp.sec * 1_000_000_000 + stamp.nanosec
        self._on_tracks(tracks)
        with self._arrived:
            if boxed := [track for track in tracks.tracks if track.box.width]:
                self._masks_come = all(track.mask.width for track in boxed)
            before = [s for s in self._tracks if s in self._images and s not in self._labels]
            if before:  # the next result is there, and still no label image of this one
                self._labels_come = False
                self._join(before[-1])
            self._tracks[stamp_ns] = tracks
            _keep_newest(self._tracks)
            self._join(stamp_ns)

    def _take_labels(self, data: bytes) -> None:
        stamp_ns = serialised_stamp_ns(data)
        with self._arrived:
            self._labels_come = True
            self._labels[stamp_ns] = data
            _keep_newest(self._labels)
            self._join(stamp_ns)

    def _join(self, stamp_ns: int) -> None:
        """Show the picture of a stamp once all of it is there, and forget what came before it."""
        image, tracks = self._images.get(stamp_ns), self._tracks.get(stamp_ns)
        labels = self._labels.get(stamp_ns)
        awaits_labels = not self._masks_come and self._labels_come and labels is None
        if image is None or tracks is None or awaits_labels:
            return
        self._joined_s = time.monotonic()
        self._show(_Joined(stamp_ns, image, self._input[1], tracks, labels))
        for waiting in (self._tracks, self._labels):
            _forget_up_to(waiting, stamp_ns)
        _forget_up_to(self._images, stamp_ns)
        self._bytes = sum(map(len, self._images.values()))

    def _show(self, joined: _Joined) -> None:
        self._newest = joined
        self._version += 1
        self._arrived.notify_all()

    def _is_silent(self) -> bool:
        """Whether no results are to be expected, so that images are shown without."""
        if not self._is_tracking():
            return True
        rate_hz = self._report().rate_hz
        patience_s = max(_SILENT_S, _SLOW / rate_hz if rate_hz > 0 else 0.0)
        return time.monotonic() - self._joined_s > patience_s

    def _is_tracking(self) -> bool:
        report = self._report()
        return report.is_there and report.enabled and report.lifecycle is NodeState.ACTIVE


def found_objects(tracks: TrackArray) -> FoundObjects:
    """Return the objects of a result."""
    return FoundObjects(
        tracks.session,
        tuple(
            SeenObject(
                track.object_id,
                track.instance,
                track.class_name,
                ObjectState(track.state),
                track.score,
                track.presence,
            )
            for track in tracks.tracks
        ),
    )


def serialised_stamp_ns(data: Sequence[int]) -> int:
    """Return the stamp of a serialised message that begins with a header [ns]."""
    seconds, nanoseconds = struct.unpack_from('<iI' if data[1] else '>iI', data, 4)
    return seconds * 1_000_000_000 + nanoseconds


def _decode_labels(data: bytes) -> np.ndarray:
    """Return uint8 [H, W] of a serialised mono8 label image."""
    message = deserialize_message(data, Image)
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    return rows[:, : message.width]


def _paint_masks(tracks: TrackArray) -> np.ndarray:
    """Return uint8 [H, W] of the masks within a result, the best one on top."""
    labels = np.zeros((tracks.image_height, tracks.image_width), np.uint8)
    for track in sorted(tracks.tracks, key=lambda track: track.score):
        box, mask = track.box, track.mask
        if mask.width and mask.height:
            pixels = np.frombuffer(mask.data, np.uint8).reshape(mask.height, mask.step)
            within = labels[
                box.y_offset : box.y_offset + box.height, box.x_offset : box.x_offset + box.width
            ]
            within[pixels[:, : mask.width] > 0] = track.instance
    return labels


def _keep_newest(waiting: OrderedDict) -> None:
    while len(waiting) > _MOST_RESULTS:
        waiting.popitem(last=False)


def _forget_up_to(waiting: OrderedDict, stamp_ns: int) -> None:
    """Forget what came with this stamp or before it."""
    if stamp_ns in waiting:
        while waiting.popitem(last=False)[0] != stamp_ns:
            pass
