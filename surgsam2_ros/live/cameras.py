# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What several cameras in one process cost beside one, measured through running nodes."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from surgsam2_ros.live.interruption import termination_as_interrupt
from surgsam2_ros.live.node_process import NodeProcess, replaying_node
from surgsam2_ros.live.ros_environment import (
    shared_heap,
    use_large_image_profile,
    use_own_domain,
)

if TYPE_CHECKING:
    from surgsam2_ros.nodes.replay.camera_rounds import CameraRounds

IMAGES = 20
"""Images of each camera in a round."""
WARM_UP = 40
"""Images until all memories and the recent images kept for late prompts (30) are there."""


@dataclass(frozen=True)
class CamerasCase:
    """What is measured.

    Attributes:
        model: YAML of a network.
        cameras: of the process that is compared with one of a single camera.
        objects: of each camera.
        rounds: of both, in turns.
        device: where the network runs.
        parameters: of the nodes, besides those of the case.
    """

    model: Path
    cameras: int
    objects: int
    rounds: int
    device: str
    parameters: dict[str, Any]


@dataclass(eq=False)
class _Side:
    """A process, its cameras, and what was measured of it."""

    process: NodeProcess
    cameras: CameraRounds
    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def measure(self) -> None:
        from surgsam2_ros.evaluation.metrics.process_usage import processor_seconds

        before = processor_seconds(self.process.pid)
        self.wall_ms.append(1e3 * self.cameras.run(IMAGES) / IMAGES)
        self.cpu_ms.append(1e3 * (processor_seconds(self.process.pid) - before) / IMAGES)


def measure_cameras(case: CamerasCase, on_round: Callable[[str], None]) -> dict[str, Any]:
    """Run a process of one camera and one of several side by side, and give them images in turns.

    While one works the other has nothing to do. Both take every image, as fast as they can.

    Args:
        case: what is measured.
        on_round: called with what came of each round, in words.

    Returns:
        what came of it, ready for JSON: times are those of one image of every camera.

    Raises:
        LiveError: when a node fails; tells the end of its log.
    """
    from surgsam2_ros.evaluation.metrics.process_usage import resident_bytes

    use_own_domain()
    use_large_image_profile()
    names = [f'camera_{number}' for number in range(1, case.cameras + 1)]
    with termination_as_interrupt(), contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix='surgsam2_bench_')))
        one, several = (_start(case, cameras, folder, stack) for cameras in ([], names))
        for number in range(1, case.rounds + 1):
            for side in (one, several):
                side.measure()
            on_round(
                f'round {number}: one camera {one.wall_ms[-1]:.1f} ms, '
                f'{case.cameras} cameras {several.wall_ms[-1]:.1f} ms'
            )
        resident = [resident_bytes(side.process.pid) / 1e6 for side in (one, several)]
    return {
        'model': case.model.stem,
        'cameras': case.cameras,
        'objects': case.objects,
        'rounds': case.rounds,
        'images_per_round': IMAGES,
        'parameters': case.parameters,
        'wall_ms': _compared(one.wall_ms, several.wall_ms),
        'cpu_ms': _compared(one.cpu_ms, several.cpu_ms),
        'resident_mb': _compared(resident[:1], resident[1:]),
    }


def describe_cameras(figures: dict[str, Any]) -> str:
    """Return what came of it as lines for people."""
    lines = [f'{"":14}{"one camera":>12}{figures["cameras"]:>6} cameras{"ratio":>9}']
    for key, title in (
        ('wall_ms', 'time [ms]'),
        ('cpu_ms', 'processor [ms]'),
        ('resident_mb', 'resident [MB]'),
    ):
        row = figures[key]
        lines.append(f'{title:14}{row["one"]:>12}{row["several"]:>14}{row["ratio"]:>9}')
    return '\n'.join(lines)


def _compared(one: list[float], several: list[float]) -> dict[str, Any]:
    """Medians, and the median of the ratios of the rounds."""
    ratios = [more / less for less, more in zip(one, several, strict=True)]
    return {
        'one': round(median(one), 2),
        'several': round(median(several), 2),
        'ratio': round(median(ratios), 3),
        'rounds': [[round(value, 2) for value in pair] for pair in zip(one, several, strict=True)],
    }


def _start(
    case: CamerasCase, cameras: list[str], folder: Path, stack: contextlib.ExitStack
) -> _Side:
    """Start a process and have all its memories filled."""
    from surgsam2_ros.benchmarks.cases import moving_boxes
    from surgsam2_ros.nodes.replay.camera_rounds import CameraRounds
    from surgsam2_ros.sources import FilePrompt

    namespace = f'/bench_{os.getpid()}_{max(len(cameras), 1)}'
    own = folder / str(len(cameras))
    own.mkdir()
    parameters = {
        'model.config': str(case.model),
        'model.device': case.device,
        'autostart': True,
        'cameras': cameras or [''],
        'input.qos': 'DEFAULT',
        'input.policy': 'every_frame',
        'restart.snapshot_file': '',
        'tracking.prompt_timeout_s': 60.0,
        **case.parameters,
    }
    process = stack.enter_context(
        replaying_node(own, parameters, {'__ns': namespace}, shared_heap() if cameras else None)
    )
    targets = [f'{namespace}/{name}/surgsam2' for name in cameras] or [f'{namespace}/surgsam2']
    clip, boxes = moving_boxes(64, case.objects)
    rounds = stack.enter_context(contextlib.closing(CameraRounds(targets, clip, process.check)))
    rounds.start([FilePrompt(f'object_{n}', n, box=box) for n, box in enumerate(boxes, 1)])
    rounds.run(WARM_UP)
    return _Side(process, rounds)
