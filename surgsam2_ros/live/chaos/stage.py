# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the faults happen: the node's process, its camera, who calls it and who watches it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.live.chaos.expectations import (
    SNAPSHOT_AGE_PARAMETER,
    SNAPSHOT_PARAMETER,
    BrokenPromiseError,
)
from surgsam2_ros.live.chaos.respawned_node import RespawnedNode
from surgsam2_ros.live.chaos.truth import FactLog

RATE_HZ = 10.0
CLIP_SIZE = (320, 256)
INPUT_TIMEOUT_S = 1.0
STATUS_PERIOD_S = 0.2
RESULT_S = 30.0
"""Longest from a sound image to its result, whatever came before [s]."""

CALL_S = 30.0
"""Longest that an answer may take; the node promises PROMPT_TIMEOUT_S."""

PROMPT_TIMEOUT_S = 20.0
"""The node's limit, beyond which it is too busy to take a prompt: four times its default [s]."""

ROS_HOLDS = 10
"""Requests that wait for a service of rclpy itself; more at once are lost, whatever the node."""

UP_S = 240.0
"""Longest from the start of a process, or an unknown state, to an active node [s]."""

_CLIP_FRAMES = 16
_OBJECTS = 2
_POLL_S = 0.1


class Stage:
    """A node with everything around it; use it in a `with` statement.

    Args:
        folder: gets logs, parameters and the node's snapshot.
        namespace: of the node.
        parameters: of the node, besides those of the stage.

    Attributes:
        namespace: as given.
        node: the process, respawned when it ends.
        camera, client, caller, watcher: see surgsam2_ros.nodes.
        facts: what is so, as the faults note it.
        parameters: all names of parameters that the node has.
        promised: object id -> instance that the node has given out.
        answers: what became of the floods of requests.
        fuzzed: random messages and requests sent so far.
        snapshot: file that a node which keeps one keeps it in.
    """

    def __init__(
        self, folder: Path, namespace: str, parameters: Mapping[str, Any] | None = None
    ) -> None:
        from surgsam2_ros.nodes.client import SurgSam2Client
        from surgsam2_ros.nodes.client.node_thread import NodeThread
        from surgsam2_ros.nodes.faults.caller import Caller
        from surgsam2_ros.nodes.faults.camera import FaultyCamera
        from surgsam2_ros.nodes.faults.watcher import Watcher
        from surgsam2_ros.nodes.tracker.parameters import parameter_schema

        self.namespace = namespace
        self.target = f'{namespace}/surgsam2'
        self.parameters = parameter_schema()
        self.facts = FactLog()
        self.promised: dict[str, int] = {}
        self.answers: list[Any] = []
        self.fuzzed = 0
        self.snapshot = folder.resolve() / 'snapshot'
        self._clip, self._boxes = _clip()
        settings = self._node_parameters() | dict(parameters or {})
        self._opened = contextlib.ExitStack()
        with contextlib.ExitStack() as opened:
            thread = opened.enter_context(contextlib.closing(NodeThread('chaos')))
            self.watcher = Watcher(thread.node, self.target)
            self.client = SurgSam2Client(self.target, node=thread.node, timeout_s=CALL_S)
            self.caller = Caller(thread.node, self.target)
            self.node = opened.enter_context(RespawnedNode(folder, settings, {'__ns': namespace}))
            self.camera = opened.enter_context(
                contextlib.closing(FaultyCamera(f'{namespace}/image', self._clip, RATE_HZ))
            )
            self._opened = opened.pop_all()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *exception: object) -> None:
        self._opened.close()

    # States

    def bring_up(self) -> None:
        """Have the node active and not paused, from whatever state.

        Raises:
            BrokenPromiseError: it did not come up.
        """
        from surgsam2_ros.nodes.client import NodeState, SurgSam2Error

        deadline = time.monotonic() + UP_S
        reason = 'it is in transition'
        while time.monotonic() < deadline:
            if self.node.exit_status is not None:
                raise BrokenPromiseError(f'the process ended with status {self.node.exit_status}')
            try:
                state = self.client.state()
                if state is NodeState.ACTIVE:
                    self.client.enable(True)
                    return
                if state is NodeState.FINALIZED:
                    raise BrokenPromiseError('the node is finalized')
                if state is NodeState.UNCONFIGURED:
                    self.client.configure()
                elif state is NodeState.INACTIVE:
                    self.client.activate()
            except SurgSam2Error as error:
                reason = str(error)
            time.sleep(_POLL_S)
        raise BrokenPromiseError(f'the node is not active after {UP_S:g} s: {reason}')

    def change_transport(self, transport: str) -> None:
        """Configure the node anew with input.transport 'raw' or 'compressed'."""
        self.client.deactivate()
        self.client.cleanup()
        self.client.set_parameters({'input.transport': transport})
        self.client.configure()
        self.client.activate()

    # Objects and results

    def add_objects(self) -> None:
        """Add the objects whose ids and instances are then promised."""
        from surgsam2_ros.sources import FilePrompt

        prompts = [
            FilePrompt(f'instrument_{number}', number, box=box)
            for number, box in enumerate(self._boxes, 1)
        ]
        self.promised = self.client.add_objects(prompts)

    def add_quietly(self, object_id: str) -> None:
        """Ask for an object, whatever the answer."""
        from surgsam2_ros.nodes.client import SurgSam2Error

        with contextlib.suppress(SurgSam2Error):
            self.client.add_object(object_id, box=self._boxes[0])

    def require_results(self, when: str, timeout_s: float = RESULT_S) -> Any:
        """Wait for the result of an image that is taken from now on; returns it.

        Raises:
            BrokenPromiseError: it did not come in time.
        """
        now_ns = self.camera.now_ns()
        seen = self.watcher.wait(
            self.watcher.tracks, lambda result: result.stamp_ns >= now_ns, timeout_s
        )
        if seen is None:
            said = self.watcher.statuses[-1].message if self.watcher.statuses else 'nothing'
            raise BrokenPromiseError(
                f'no result {when} within {timeout_s:g} s; the status says {said!r}'
            )
        return seen

    # Floods

    def flood(self, service: type, name: str, requests: Sequence[Any]) -> None:
        """Send requests at once and note what became of them."""
        self.answers.append(self.caller.flood(service, name, requests, CALL_S))

    def flood_lists(self, number: int) -> None:
        """Ask for the list of objects many times at once."""
        from surgsam2_ros.nodes.faults import storms

        self.flood(*storms.lists(number))

    def flood_objects(self, rng: np.random.Generator, number: int) -> None:
        """Ask for additions and removals of objects that nothing is promised of."""
        from surgsam2_ros.nodes.faults import storms

        self.flood(*storms.additions(rng, number))
        self.flood(*storms.removals(rng, number))
        self.flood(*storms.lists(number))

    def flood_resets(self, number: int) -> None:
        """Have all objects forgotten, many times at once."""
        from surgsam2_ros.nodes.faults import storms

        self.flood(*storms.resets(number))

    def flood_transitions(self, rng: np.random.Generator, number: int) -> None:
        """Ask for transitions in any order at once, at most the 10 that ROS holds."""
        from surgsam2_ros.nodes.faults import storms

        self.flood(*storms.transitions(rng, number))

    def flood_parameters(
        self, rng: np.random.Generator, number: int, untouched: Sequence[str]
    ) -> None:
        """Set parameters to good and bad values at once, then to their defaults."""
        from surgsam2_ros.nodes.faults import storms

        for _ in range(0, number, ROS_HOLDS):
            self.flood(*storms.parameters(rng, ROS_HOLDS, untouched))
        self.client.set_parameters(storms.harmless_values(untouched))

    # Others in the domain

    @contextlib.contextmanager
    def second_camera(self, rate_hz: float) -> Iterator[None]:
        """Have another camera on the same topic in the block."""
        from surgsam2_ros.nodes.faults.camera import FaultyCamera

        with contextlib.closing(FaultyCamera(self.camera.topic, self._clip, rate_hz)):
            yield

    @contextlib.contextmanager
    def camera_of_other_type(self) -> Iterator[None]:
        """Have somebody publish JPEG images under the name of the raw topic in the block."""
        from surgsam2_ros.nodes.faults import images
        from surgsam2_ros.nodes.faults.camera import FaultyCamera

        with contextlib.closing(
            FaultyCamera(
                self.camera.topic,
                self._clip,
                RATE_HZ,
                kind=images.CompressedImage,
                render=lambda shot: [images.jpeg(shot)],
            )
        ):
            yield

    @contextlib.contextmanager
    def reader(self) -> Iterator[None]:
        """Have another participant subscribe to all outputs in the block."""
        from surgsam2_ros.nodes.faults.reader import Reader

        with contextlib.closing(Reader(self.target)):
            yield

    @contextlib.contextmanager
    def simulated_clock(self) -> Iterator[Any]:
        """Have /clock in the block, and the camera stamp by it."""
        from surgsam2_ros.nodes.faults.clock import SimulatedClock

        with contextlib.closing(SimulatedClock()) as clock:
            usual, self.camera.now_ns = self.camera.now_ns, clock.now_ns
            try:
                yield clock
            finally:
                self.camera.now_ns = usual

    def _node_parameters(self) -> dict[str, Any]:
        parameters = {
            'autostart': True,
            'diagnostics.period_s': STATUS_PERIOD_S,
            'input.timeout_s': INPUT_TIMEOUT_S,
            'tracking.prompt_timeout_s': PROMPT_TIMEOUT_S,
        }
        if SNAPSHOT_PARAMETER in self.parameters:
            parameters[SNAPSHOT_PARAMETER] = str(self.snapshot)
        if SNAPSHOT_AGE_PARAMETER in self.parameters:
            parameters[SNAPSHOT_AGE_PARAMETER] = UP_S  # a new process takes long under load
        return parameters


def _clip() -> tuple[np.ndarray, list[tuple[float, ...]]]:
    """Return images uint8 [N, H, W, 3] of moving bars, and their boxes in the first one."""
    import cv2

    from surgsam2_ros.benchmarks.cases import moving_boxes

    clip, boxes = moving_boxes(_CLIP_FRAMES, _OBJECTS)
    height, width = clip.shape[1:3]
    scale = np.array(CLIP_SIZE * 2) / (width, height, width, height)
    resized = np.stack([cv2.resize(image, CLIP_SIZE) for image in clip])
    return resized, [tuple(np.multiply(box, scale).tolist()) for box in boxes]
