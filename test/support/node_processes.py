# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Real node processes for the tests of the node: started, called, and fed images one by one."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from processes import TestProcess
from repository import REPO
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from surgsam2_msgs.msg import TrackArray
from surgsam2_ros.nodes.client import SurgSam2Client, SurgSam2Error
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.messages.images import make_rgb_image
from surgsam2_ros.nodes.messages.qos import qos_profile

HEIGHT, WIDTH = 96, 128
FRAME_NS = 66_666_667
STOP_TIMEOUT_S = 60.0


def write_random_checkpoint(path: Path) -> Path:
    """Save nano weights that were never trained but see every object in every image."""
    import torch
    from safetensors.torch import save_file

    from surgsam2_ros.network import build_network

    torch.manual_seed(0)
    weights = build_network(REPO / 'models' / 'surgsam2_nano_320.yaml').state_dict()
    head = max(k for k in weights if 'pred_obj_score_head' in k and k.endswith('bias'))
    weights[head] += 100.0
    save_file({key: value.contiguous() for key, value in weights.items()}, path)
    return path


def scene(number: int = 0) -> np.ndarray:
    """Return a picture with a bright square that moves: uint8 [96, 128, 3]."""
    rgb = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    left = 20 + number % 40
    rgb[30:60, left : left + 30] = (230, 200, 180)
    return rgb


class Camera:
    """Publishes images on the topics of one node and counts their stamps."""

    def __init__(self, namespace: str) -> None:
        self._owner = NodeThread('camera')
        self._node = self._owner.node
        self._namespace = namespace
        self._publishers = {}
        self.stamp_ns = 0
        self.number = 0

    def close(self) -> None:
        self._owner.close()

    def publisher(self, message_type: type = Image, topic: str = 'image', depth: int = 30):
        """Give the publisher of a topic, once somebody listens; absolute names stay as they are."""
        topic_name = topic if topic.startswith('/') else f'{self._namespace}/{topic}'
        if topic not in self._publishers:
            self._publishers[topic] = self._node.create_publisher(
                message_type, topic_name, qos_profile('DEFAULT', depth)
            )
        publisher = self._publishers[topic]
        if publisher.get_subscription_count() == 0:
            deadline = time.monotonic() + 15.0
            while publisher.get_subscription_count() == 0:
                assert time.monotonic() < deadline, f'nobody listens on {publisher.topic_name}'
                time.sleep(0.02)
            time.sleep(0.3)  # the listener finds the publisher a moment later, unseen from here
        return publisher

    def next_header(self, stamp_ns: int | None = None) -> Header:
        """Give the header of the next image, one frame later than the last unless told."""
        following_ns = self.stamp_ns + FRAME_NS if self.stamp_ns else time.time_ns()
        self.stamp_ns = following_ns if stamp_ns is None else stamp_ns
        self.number += 1
        return make_header(self.stamp_ns, f'camera/optical_{self.number}')

    def send(self, *, stamp_ns: int | None = None) -> Header:
        """Publish the next image and return its header."""
        header = self.next_header(stamp_ns)
        self.publisher().publish(make_rgb_image(header, scene(self.number)))
        return header

    def send_message(self, message: Image) -> Header:
        """Publish an image of the test's own making under the next header."""
        message.header = self.next_header()
        self.publisher().publish(message)
        return message.header

    def send_jpeg(self, data: bytes | None = None) -> Header:
        """Publish the next image as JPEG, or the bytes given."""
        header = self.next_header()
        if data is None:
            data = cv2.imencode('.jpg', scene(self.number)[..., ::-1])[1].tobytes()
        message = CompressedImage(header=header, format='jpeg', data=data)
        self.publisher(CompressedImage, 'image/compressed').publish(message)
        return header


def make_header(stamp_ns: int, frame_id: str = 'camera') -> Header:
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    return header


@dataclass
class RunningNode:
    """A node process with a client that calls it and a camera that feeds it."""

    process: TestProcess
    client: SurgSam2Client
    camera: Camera
    namespace: str

    def track(self) -> TrackArray:
        """Send an image and wait for its result."""
        self.client.follow_tracks()
        return self.client.wait_for_tracks(stamp=self.camera.send().stamp)

    def track_when_connected(self) -> TrackArray:
        """Send images until one has a result: whoever just started may not know us yet."""
        self.client.follow_tracks()
        for _ in range(10):
            stamp = self.camera.send().stamp
            with contextlib.suppress(SurgSam2Error):
                return self.client.wait_for_tracks(stamp=stamp, timeout_s=3.0)
        raise AssertionError('the node answers no image')

    def add_while_sending(self, object_id: str, **prompt) -> int:
        """Add an object while images are sent, one after the other."""
        with ThreadPoolExecutor(1) as pool:
            added = pool.submit(self.client.add_object, object_id, **prompt)
            return self.track_until(added)

    def track_until(self, answer: Future) -> Any:
        """Send images until a call in the background is answered; give its result."""
        while not answer.done():
            self.track()
        return answer.result()

    def activate_and_wait(self) -> None:
        """Activate, and wait until images get through both ways."""
        self.client.activate()
        self.client.forget_tracks()
        self.client.follow_tracks()
        self.camera.publisher()
        deadline = time.monotonic() + 15.0
        while not self.client.tracks:
            assert time.monotonic() < deadline, f'no results:\n{self.process.output}'
            self.camera.send()
            time.sleep(0.2)
        last = self.camera.send()
        self.client.wait_for_tracks(stamp=last.stamp)

    def fresh(self) -> RunningNode:
        """Forget all objects and results of earlier tests; the next stamp is the time again."""
        self.client.reset()
        self.camera.stamp_ns = 0
        self.client.forget_tracks()
        return self


def parameter_value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def running_node(
    folder: Path, namespace: str, parameters: Mapping[str, object], *arguments: str
) -> Iterator[RunningNode]:
    """Start a node that is not yet configured; it ends with the block.

    Args:
        folder: for its log.
        namespace: begins its namespace; the rest keeps it apart from those of other test runs.
        parameters: by name.
        arguments: more for `--ros-args`.
    """
    namespace = f'{namespace}_{os.getpid()}'
    command = [sys.executable, '-m', 'surgsam2_ros.nodes.tracker', '--ros-args']
    command += ['-r', f'__ns:={namespace}']
    for name, value in parameters.items():
        command += ['-p', f'{name}:={parameter_value(value)}']
    process = TestProcess([*command, *arguments], folder / 'node.log', name='surgsam2_node')
    client = SurgSam2Client(f'{namespace}/surgsam2', timeout_s=40.0)
    camera = Camera(namespace)
    try:
        yield RunningNode(process, client, camera, namespace)
    finally:
        client.close()
        camera.close()
        process.stop(STOP_TIMEOUT_S)
        print(f'---- output of {namespace} ----\n{process.output}')
