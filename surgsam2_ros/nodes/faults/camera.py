# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A camera in which anything can go wrong while it runs."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.messages.images import make_rgb_image
from surgsam2_ros.nodes.messages.qos import qos_profile

_DEPTH = 5


class Shot(NamedTuple):
    """What the camera sees: a picture uint8 [H, W, 3], its stamp [ns] and its number."""

    rgb: np.ndarray
    stamp_ns: int
    number: int


def make_header(stamp_ns: int, frame_id: str = 'camera') -> Header:
    """Return a header; stamps below 0 or beyond 2106 wrap as a broken driver's would."""
    header = Header(frame_id=frame_id)
    seconds, header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    header.stamp.sec = (seconds + 2**31) % 2**32 - 2**31
    return header


def sound(shot: Shot) -> Iterable[Any]:
    """Return the one message that a healthy camera sends."""
    return (make_rgb_image(make_header(shot.stamp_ns), shot.rgb),)


class FaultyCamera:
    """Publishes a clip without end, on a thread, until it is closed.

    Args:
        topic: image topic; messages of another kind go to `<topic>/compressed`.
        clip: uint8 [N, H, W, 3].
        rate_hz: images per second.
        kind: type of the messages on the topic.
        render: what to send of a shot.

    Attributes:
        rate_hz: as given; may be changed.
        on: whether images are sent.
        now_ns: the clock of the stamps [ns].
        render: what is sent of a shot, raw messages, compressed ones or bytes.
        published: messages sent so far.
    """

    def __init__(
        self,
        topic: str,
        clip: np.ndarray,
        rate_hz: float,
        *,
        kind: type = Image,
        render: Callable[[Shot], Iterable[Any]] = sound,
    ) -> None:
        self.topic = topic
        self._kind = kind
        self.rate_hz = rate_hz
        self.on = True
        self.now_ns: Callable[[], int] = time.time_ns
        self.render = render
        self.published = 0
        self._clip = clip
        self._number = 0
        self._publishing = threading.Lock()
        self._connect()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name='faulty_camera', daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def off(self) -> Iterator[None]:
        """Send nothing in the block; the publisher stays."""
        with self._publishing:
            self.on = False
        try:
            yield
        finally:
            self.on = True

    @contextlib.contextmanager
    def rendering(self, render: Callable[[Shot], Iterable[Any]]) -> Iterator[None]:
        """Send something else than the sound images in the block."""
        self.render = render
        try:
            yield
        finally:
            self.render = sound

    @contextlib.contextmanager
    def unplugged(self) -> Iterator[None]:
        """Have no publisher in the block, and a new one under another name afterwards."""
        with self.off():
            with self._publishing:
                self._owner.close()
            try:
                yield
            finally:
                with self._publishing:
                    self._connect()

    def shot(self) -> Shot:
        """Take the next picture."""
        self._number += 1
        # Forwards and backwards, so that nothing jumps.
        place = self._number % max(2 * len(self._clip) - 2, 1)
        rgb = self._clip[min(place, 2 * len(self._clip) - 2 - place)]
        return Shot(rgb, self.now_ns(), self._number)

    def publish(self, message: Any, topic: str | None = None, kind: type | None = None) -> None:
        """Publish a message, or the bytes of a serialised one, now.

        Args:
            message: one of the camera's kind goes to its topic, else to `<topic>/compressed`.
            topic: another name, without namespace if relative.
            kind: type of the message, for bytes.
        """
        with self._publishing:
            self._publish(message, topic, kind)

    def close(self) -> None:
        """End the thread and remove the publishers."""
        self._ended.set()
        self._thread.join()
        self._owner.close()

    def _connect(self) -> None:
        self._owner = NodeThread('camera')
        self._publishers: dict[tuple[type, str], Any] = {}
        self._publisher(self._kind, self.topic)

    def _publisher(self, kind: type, topic: str) -> Any:
        if (kind, topic) not in self._publishers:
            self._publishers[kind, topic] = self._owner.node.create_publisher(
                kind, topic, qos_profile('DEFAULT', _DEPTH)
            )
        return self._publishers[kind, topic]

    def _publish(self, message: Any, topic: str | None, kind: type | None) -> None:
        kind = kind or type(message)
        if topic is None:
            topic = self.topic if kind is self._kind else f'{self.topic}/compressed'
        self._publisher(kind, topic).publish(message)
        self.published += 1

    def _run(self) -> None:
        due_s = time.monotonic()
        while not self._ended.wait(max(due_s - time.monotonic(), 0.0)):
            # A camera that was held up goes on from now, it does not catch up.
            due_s = max(due_s + 1 / self.rate_hz, time.monotonic())
            with self._publishing:
                if self.on:
                    for message in self.render(self.shot()):
                        self._publish(message, None, None)
