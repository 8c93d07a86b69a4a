# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Sends images to several nodes at the same moments, as fast as all of them answer."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from surgsam2_msgs.msg import TrackArray
from surgsam2_ros.nodes.client import NodeState, SurgSam2Client
from surgsam2_ros.nodes.client.client import TRACKS
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.client.watched_calls import POLL_S, await_call, in_thread
from surgsam2_ros.nodes.messages.images import make_rgb_image
from surgsam2_ros.nodes.messages.qos import qos_profile
from surgsam2_ros.nodes.replay.driving import DISCOVERY_TIMEOUT_S, START_TIMEOUT_S, ReplayError
from surgsam2_ros.sources import FilePrompt

UNDERWAY = 4
"""Images of a camera that may be under way: enough that no stage of a node waits for the next."""
FRAME_NS = 33_333_333
_RESULT_TIMEOUT_S = 30.0
_MATCHING_S = 0.5  # matching on the other side cannot be seen from here


class CameraRounds:
    """The cameras of one or several nodes, which must take every image.

    Args:
        targets: names of the nodes with their namespaces; each subscribes to `image` in its own.
        clip: uint8 [N, H, W, 3], sent over and over.
        check: raises when the nodes' process has ended; called again and again.
    """

    def __init__(self, targets: Sequence[str], clip: np.ndarray, check: Callable[[], None]) -> None:
        self._thread = NodeThread('surgsam2_cameras')
        node = self._thread.node
        self._check = check
        self._clients = [
            SurgSam2Client(target, node=node, timeout_s=START_TIMEOUT_S) for target in targets
        ]
        self._images = itertools.cycle([make_rgb_image(Header(), image) for image in clip])
        self._stamp_ns = time.time_ns()
        self._came = threading.Condition()
        self._answered = [0] * len(targets)
        self._sent = 0
        self._publishers = []
        for number, target in enumerate(targets):
            topic = f'{target.rpartition("/")[0]}/image'
            self._publishers.append(
                node.create_publisher(Image, topic, qos_profile('DEFAULT', 2 * UNDERWAY))
            )
            node.create_subscription(
                TrackArray,
                f'{target}/tracks',
                lambda _data, number=number: self._count(number),
                TRACKS,
                raw=True,
            )

    def start(self, prompts: Sequence[FilePrompt]) -> None:
        """Wait until all nodes are active and connected, and have them track these objects.

        Raises:
            ReplayError: a node does not subscribe.
            surgsam2_ros.nodes.client.SurgSam2Error: a node is not active, or refuses the prompts.
        """
        for client in self._clients:
            await_call(
                lambda client=client: client.wait_for_status(
                    lambda status: status.lifecycle_state == NodeState.ACTIVE
                ),
                self._check,
            )
        deadline = time.monotonic() + DISCOVERY_TIMEOUT_S
        while not all(one.get_subscription_count() for one in self._publishers):
            if time.monotonic() > deadline:
                raise ReplayError('a node did not subscribe to its images')
            time.sleep(POLL_S)
        time.sleep(_MATCHING_S)
        self.run(2)
        answers = [
            in_thread(lambda client=client: client.add_objects(prompts)) for client in self._clients
        ]
        while not all(answer.done() for answer in answers):
            self.run(1)
        for answer in answers:
            answer.result()

    def run(self, images: int) -> float:
        """Send so many images to each node, all at the same moments.

        Returns:
            seconds from the first image to the last result.

        Raises:
            ReplayError: a result is missing.
        """
        began = time.monotonic()
        last = self._sent + images
        while self._sent < last:
            self._await(self._sent - UNDERWAY + 1)
            self._stamp_ns = max(self._stamp_ns + FRAME_NS, time.time_ns())
            image = next(self._images)
            stamp = image.header.stamp
            stamp.sec, stamp.nanosec = divmod(self._stamp_ns, 1_000_000_000)
            for publisher in self._publishers:
                publisher.publish(image)
            self._sent += 1
        self._await(last)
        return time.monotonic() - began

    def close(self) -> None:
        """Leave the graph."""
        self._thread.close()

    def _count(self, number: int) -> None:
        with self._came:
            self._answered[number] += 1
            self._came.notify_all()

    def _await(self, results: int) -> None:
        with self._came:
            if self._came.wait_for(lambda: min(self._answered) >= results, _RESULT_TIMEOUT_S):
                return
        self._check()
        raise ReplayError(f'results are missing: {self._answered} of {results}')
