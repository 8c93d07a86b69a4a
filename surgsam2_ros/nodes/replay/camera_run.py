# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Drives a running node with the images of a camera, and notes when images go and results come."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rclpy.serialization import deserialize_message

from surgsam2_msgs.msg import TrackArray
from surgsam2_ros.nodes.client.client import TRACKS, SurgSam2Client
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.client.watched_calls import in_thread
from surgsam2_ros.nodes.replay.driving import (
    ReplayError,
    answered_last,
    await_answers,
    await_subscriber,
    driven_node,
)
from surgsam2_ros.nodes.replay.player import BagPlayer
from surgsam2_ros.nodes.replay.synthetic_camera import SyntheticCamera
from surgsam2_ros.sources import BagMessage, peek_header

if TYPE_CHECKING:
    from rclpy.node import Node
    from rclpy.subscription import MessageInfo

STALL_S = 30.0  # without a result for so long, the node is given up
_MATCHING_S = 0.3  # matching on the other side cannot be seen from here
_PATIENCE_S = 2.0  # for the last results


@dataclass(frozen=True)
class Result:
    """A TrackArray that came; all times are of the system's clock.

    Attributes:
        stamp_ns: of its image.
        published_ns: when the node's middleware sent it; None where that is not told.
        arrived_ns: when it came here.
        latency_ms, inference_ms, dropped_since_last: what the node says.
    """

    stamp_ns: int
    published_ns: int | None
    arrived_ns: int
    latency_ms: float
    inference_ms: float
    dropped_since_last: int


@dataclass
class CameraLog:
    """What was sent and what came.

    Attributes:
        sent: stamp of each image [ns] -> how long after it publishing began [ns].
        results: in the order of their arrival.
        first: index of the first measured image in `sent`.
    """

    sent: dict[int, int] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    first: int = 0

    def answered_last(self) -> bool:
        """Whether the newest image has its result."""
        return answered_last(self.sent, self.results[-1].stamp_ns if self.results else None)


def publish_images(camera: SyntheticCamera, topic: str, count: int, check: Callable) -> None:
    """Publish so many images once somebody subscribes.

    Args:
        camera: where the images come from.
        topic: where to publish them.
        count: how many.
        check: raises when the subscriber has ended.

    Raises:
        ReplayError: when nobody subscribes.
    """
    with contextlib.closing(NodeThread('surgsam2_camera')) as thread:
        player = _player(thread.node, camera, topic)
        await_subscriber(player, check)
        time.sleep(_MATCHING_S)

        def after(_message: BagMessage, _began_ns: int) -> None:
            check()
            if player.published + 1 >= count:
                player.stop()

        player.play(after=after)


class CameraRun:
    """One run: brings the node up, prompts it, lets it warm up and measures for a while.

    Args:
        camera: where the images come from; it stands still until the objects are prompted.
        target: name of the node, with its namespace.
        image_topic: topic that the node subscribes to.
        check_node: raises when the node's process has ended; called again and again.
    """

    def __init__(
        self,
        camera: SyntheticCamera,
        target: str,
        image_topic: str,
        *,
        check_node: Callable[[], None] = lambda: None,
    ) -> None:
        self._camera = camera
        self._target = target
        self._image_topic = image_topic
        self._check_node = check_node
        self._log = CameraLog()
        self._heard = 0.0  # monotonic time of the last result
        self._measuring = False

    def run(
        self,
        prompts: Sequence[Any],
        *,
        warm_up: int,
        warm_up_s: float,
        duration_s: float,
        on_measured: Callable[[], None] = lambda: None,
    ) -> CameraLog:
        """Run once.

        Args:
            prompts: tracking.Prompt, or anything with its attributes, for the camera's first image.
            warm_up: results with objects that are left out of the measurement.
            warm_up_s: longest time to wait for them [s].
            duration_s: how long to measure [s].
            on_measured: called at the begin of the measurement and after each of its images.

        Raises:
            ReplayError: when the node does not subscribe or nothing comes from it.
            surgsam2_ros.nodes.client.SurgSam2Error: when it refuses a transition or a prompt.
        """
        with driven_node('surgsam2_camera', self._target, self._check_node) as (node, client):
            player = _player(node, self._camera, self._image_topic)
            node.create_subscription(
                TrackArray, f'{self._target}/tracks', self._receive, TRACKS, raw=True
            )
            await_subscriber(player, self._check_node)
            time.sleep(_MATCHING_S)
            steps = self._steps(client, prompts, warm_up, warm_up_s, duration_s)

            def before(_message: BagMessage) -> None:
                self._check()
                if next(steps, None) is None:
                    player.stop()

            def after(message: BagMessage, began_ns: int) -> None:
                began_ns += time.time_ns() - time.monotonic_ns()
                stamp_ns, _ = peek_header(message.data)
                self._log.sent[stamp_ns] = began_ns - stamp_ns
                if self._measuring:
                    on_measured()

            self._heard = time.monotonic()
            player.play(before=before, after=after)
            self._await_results()
        return self._log

    def _steps(
        self,
        client: SurgSam2Client,
        prompts: Sequence[Any],
        warm_up: int,
        warm_up_s: float,
        duration_s: float,
    ) -> Iterator[str]:
        """Go through the phases of the run, one step before each image."""
        log = self._log
        while not log.results:
            yield 'connecting'
        added = in_thread(lambda: client.add_objects(prompts))
        while not added.done():
            yield 'prompting'
        added.result()
        self._camera.moving = True
        enough, until = len(log.results) + warm_up, time.monotonic() + warm_up_s
        while len(log.results) < enough and time.monotonic() < until:
            yield 'warming up'
        log.first = len(log.sent)
        self._measuring = True
        for _ in range(max(round(duration_s * self._camera.rate_hz), 1)):
            yield 'measuring'

    def _receive(self, data: bytes, info: MessageInfo) -> None:
        arrived_ns = time.time_ns()
        message = deserialize_message(data, TrackArray)
        stamp = message.header.stamp
        self._log.results.append(
            Result(
                stamp_ns=stamp.sec * 1_000_000_000 + stamp.nanosec,
                published_ns=info.get('source_timestamp') or None,
                arrived_ns=arrived_ns,
                latency_ms=message.latency_ms,
                inference_ms=message.inference_ms,
                dropped_since_last=message.dropped_since_last,
            )
        )
        self._heard = time.monotonic()

    def _check(self) -> None:
        self._check_node()
        if time.monotonic() - self._heard > STALL_S:
            raise ReplayError(
                f'no result came on {self._target}/tracks for {STALL_S:g} s, with '
                f'{len(self._log.sent)} images published on {self._image_topic}'
            )

    def _await_results(self) -> None:
        slowest_ms = max((r.latency_ms for r in self._log.results), default=0.0)
        patience_s = max(_PATIENCE_S, 2e-3 * slowest_ms)
        await_answers(
            self._log.answered_last,
            lambda: len(self._log.results),
            lambda: patience_s,
            self._check,
        )


def _player(node: Node, camera: SyntheticCamera, topic: str) -> BagPlayer:
    player = BagPlayer(node, camera, remap={camera.topic: topic})
    camera.keep_time(player.bag_time_ns)
    return player
