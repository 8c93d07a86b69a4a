# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A real node within the test's process, with a tiny network, and a camera that goes on and on."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import rclpy
from loaded_trackers import use_tracker
from node_processes import Camera, scene
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from tiny_network import tiny_network

from surgsam2_ros.nodes.messages.images import make_rgb_image
from surgsam2_ros.nodes.tracker.node import SUCCESS, SurgSam2Node
from surgsam2_ros.tracking import StreamingTracker, TrackerConfig

PATIENCE_S = 60.0
_IMAGE_S = 0.1


class LiveStage:
    """An active node and its camera, until `close`."""

    def __init__(self, namespace: str, patch: pytest.MonkeyPatch) -> None:
        self._patch, self._network = patch, tiny_network()
        self.target = f'{namespace}/surgsam2'
        self._namespace = namespace
        self._stop = threading.Event()
        self.camera = Camera(namespace)
        self.node: SurgSam2Node | None = None
        self.start_node()
        self._shooting = threading.Thread(target=self._shoot, daemon=True)
        self._shooting.start()

    def start_node(self) -> None:
        """Start the node, as a new process would."""
        config = TrackerConfig(replay_frames=30, max_objects=3)
        use_tracker(self._patch, StreamingTracker(self._network, config))
        self._context = rclpy.Context()
        rclpy.init(context=self._context, args=[])
        values = {
            'restart.snapshot_file': '',
            'diagnostics.period_s': 0.2,
            'tracking.prompt_timeout_s': PATIENCE_S,
        }
        self.node = SurgSam2Node(
            context=self._context,
            namespace=self._namespace,
            parameter_overrides=[Parameter(name, value=value) for name, value in values.items()],
        )
        assert self.node.trigger_configure() == SUCCESS
        assert self.node.trigger_activate() == SUCCESS
        executor = SingleThreadedExecutor(context=self._context)
        executor.add_node(self.node)
        self._executor, self._ending = executor, threading.Event()
        self._spinning = threading.Thread(target=_spin, args=[executor, self._ending], daemon=True)
        self._spinning.start()

    def stop_node(self) -> None:
        """End the node."""
        if self.node is None:
            return
        self._ending.set()
        self._spinning.join()
        self._executor.shutdown()
        self.node.close()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self._context)
        self.node = None

    def close(self) -> None:
        self._stop.set()
        self._shooting.join()
        self.stop_node()
        self.camera.close()

    def _shoot(self) -> None:
        publisher = self.camera.publisher()
        while not self._stop.wait(_IMAGE_S):
            header = self.camera.next_header(time.time_ns())
            publisher.publish(make_rgb_image(header, scene(self.camera.number)))


def _spin(executor: SingleThreadedExecutor, ending: threading.Event) -> None:
    while not ending.is_set():
        executor.spin_once(timeout_sec=0.1)


@contextlib.contextmanager
def live_stage(namespace: str) -> Iterator[LiveStage]:
    """Run a stage in the block."""
    with pytest.MonkeyPatch.context() as patch:
        stage = LiveStage(namespace, patch)
        try:
            yield stage
        finally:
            stage.close()


def wait_until(is_so: Callable[[], object], what: str) -> object:
    """Wait until something is so, and return it."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := is_so()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found
