# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Has a node work for long, with objects and readers that come and go, and counts what it holds."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from surgsam2_ros.live.soak.census import Census, CensusTaker
from surgsam2_ros.live.soak.verdict import Limits, judge

if TYPE_CHECKING:
    from surgsam2_ros.live.node_process import NodeProcess
    from surgsam2_ros.nodes.client import SurgSam2Client

SIZES = ((640, 512), (1280, 1024))
RATE_HZ = 30.0
OBJECTS = 2
CENSUS_S = 1.0
CHANGE_S = 1.0
"""Time between an object that is added and one that is removed [s]."""

READ_S = 4.0
"""Time for which a reader is there, and for which it is not [s]."""

STALL_S = 3.0
"""The node stands still for so long at the beginning [s]: images pile up in all of the memory that
it shares with the camera, which else would seem to grow for as long as new pages are touched."""

PROMPT_TIMEOUT_S = 30.0
"""The node's own limit: on a machine under load a change may have to wait [s]."""

_CLIP_FRAMES = 16


@dataclass(frozen=True)
class Phase:
    """What was counted with images of one size.

    Attributes:
        size: (width, height).
        begin_s: monotonic clock [s].
        censuses: oldest first.
        latencies: (monotonic clock [s], latency [ms]) of the results.
        changes: objects added and removed.
        readers: that came and went.
        limits: the verdict.
    """

    size: tuple[int, int]
    begin_s: float
    censuses: Sequence[Census]
    latencies: Sequence[tuple[float, float]]
    changes: int
    readers: int
    limits: Limits


def run_soak(
    folder: Path,
    namespace: str,
    minutes: float,
    *,
    rate_hz: float = RATE_HZ,
    sizes: Sequence[tuple[int, int]] = SIZES,
    on_phase: Callable[[str], None] = lambda text: None,
) -> list[Phase]:
    """Run one node through all sizes, each for its part of the time.

    Args:
        folder: gets parameters and log of the node.
        namespace: of the node.
        minutes: of all phases together.
        rate_hz: images per second.
        sizes: (width, height) of the images, one phase each.
        on_phase: called with a sentence when one begins.

    Raises:
        LiveError: when the node fails.
    """
    from surgsam2_ros.live.node_process import replaying_node
    from surgsam2_ros.nodes.client import SurgSam2Client
    from surgsam2_ros.nodes.client.node_thread import NodeThread
    from surgsam2_ros.nodes.faults.endpoints import count_endpoints
    from surgsam2_ros.nodes.faults.watcher import Watcher
    from surgsam2_ros.nodes.replay.driving import bring_up

    target = f'{namespace}/surgsam2'
    phases: list[Phase] = []
    with contextlib.ExitStack() as stack:
        node = stack.enter_context(
            replaying_node(
                folder, {'tracking.prompt_timeout_s': PROMPT_TIMEOUT_S}, {'__ns': namespace}
            )
        )
        thread = stack.enter_context(contextlib.closing(NodeThread('soak')))
        client = SurgSam2Client(target, node=thread.node, timeout_s=60.0)
        watcher = Watcher(thread.node, target)
        bring_up(client, node.check)
        taker = stack.enter_context(
            contextlib.closing(
                CensusTaker(node.pid, lambda: count_endpoints(thread.node, target), CENSUS_S)
            )
        )
        for size in sizes:
            on_phase(f'{size[0]}x{size[1]} for {minutes / len(sizes):g} minutes')
            first, first_result = len(taker.taken), len(watcher.tracks)
            begin_s = time.monotonic()
            with _camera(f'{namespace}/image', size, rate_hz) as boxes:
                changes, readers = _work(client, target, boxes, 60 * minutes / len(sizes), node)
            censuses = taker.taken[first:]
            latencies = [(r.at_s, r.latency_ms) for r in watcher.tracks[first_result:]]
            limits = judge(censuses, latencies, begin_s)
            phases.append(Phase(size, begin_s, censuses, latencies, changes, readers, limits))
    return phases


@contextlib.contextmanager
def _camera(topic: str, size: tuple[int, int], rate_hz: float) -> Iterator[list[tuple]]:
    """Have a camera in the block; gives the boxes of its objects."""
    import cv2

    from surgsam2_ros.benchmarks.cases import moving_boxes
    from surgsam2_ros.nodes.faults.camera import FaultyCamera

    clip, boxes = moving_boxes(_CLIP_FRAMES, OBJECTS)
    height, width = clip.shape[1:3]
    scale = np.array(size * 2) / (width, height, width, height)
    resized = np.stack([cv2.resize(image, size) for image in clip])
    with contextlib.closing(FaultyCamera(topic, resized, rate_hz)):
        yield [tuple(np.multiply(box, scale).tolist()) for box in boxes]


def _work(
    client: SurgSam2Client,
    target: str,
    boxes: Sequence[tuple],
    duration_s: float,
    node: NodeProcess,
) -> tuple[int, int]:
    """Add and remove objects, with readers that come and go; returns how many of both."""
    from surgsam2_ros.nodes.faults.reader import Reader

    end_s = time.monotonic() + duration_s
    ended = threading.Event()
    readers = 0

    def read() -> None:
        nonlocal readers
        while not ended.wait(READ_S):
            with contextlib.closing(Reader(target)):
                readers += 1
                ended.wait(READ_S)

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    changes = 0
    try:
        for number, box in enumerate(boxes):
            client.add_object(f'lasting_{number}', box=box)
        node.stall(STALL_S)
        for number in itertools.count():
            if time.monotonic() >= end_s:
                break
            node.check()
            name = f'passing_{number // 2 % 3}'
            if number % 2:
                client.remove_object(name)
            else:
                client.add_object(name, box=boxes[number // 2 % len(boxes)])
            changes += 1
            time.sleep(min(CHANGE_S, max(end_s - time.monotonic(), 0.0)))
        for item in client.list_objects():
            client.remove_object(item.object_id)
    finally:
        ended.set()
        reading.join()
    return changes, readers


def summary(phases: Sequence[Phase], rate_hz: float) -> dict[str, Any]:
    """Return what a run tells, ready for JSON."""
    return {
        'schema': 1,
        'camera_rate_hz': rate_hz,
        'failed': sum(bool(phase.limits.findings) for phase in phases),
        'phases': [
            {
                'size': f'{phase.size[0]}x{phase.size[1]}',
                'minutes': round((phase.censuses[-1].at_s - phase.begin_s) / 60, 2),
                'results': len(phase.latencies),
                'objects_changed': phase.changes,
                'readers': phase.readers,
                'strict': phase.limits.strict,
                'growth_mb': phase.limits.growth_mb,
                'growth_s': phase.limits.growth_s,
                'own_growth_mb': phase.limits.own_growth_mb,
                'p99_first_ms': phase.limits.p99_first_ms,
                'p99_last_ms': phase.limits.p99_last_ms,
                'findings': list(phase.limits.findings),
                'censuses': [
                    [
                        round(census.at_s - phases[0].begin_s, 1),
                        round(census.resident_mb, 2),
                        round(census.own_mb, 2),
                        census.descriptors,
                        census.threads,
                        census.endpoints,
                    ]
                    for census in phase.censuses
                ],
            }
            for phase in phases
        ],
        'census_columns': ['s', 'resident_mb', 'own_mb', 'descriptors', 'threads', 'endpoints'],
    }
