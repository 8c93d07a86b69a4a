# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 bench --through node`: of every case the transport alone, then the node with it."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surgsam2_ros.live import LiveError
from surgsam2_ros.live.interruption import termination_as_interrupt
from surgsam2_ros.live.ros_environment import use_large_image_profile, use_own_domain

if TYPE_CHECKING:
    from surgsam2_ros.benchmarks.through_node import UsageSample
    from surgsam2_ros.nodes.replay.synthetic_camera import SyntheticCamera

CLIP_FRAMES = 16
WARM_UP = 40
"""Results until all memories and the recent images kept for late prompts (30) are there."""
WARM_UP_S = 60.0
SAMPLE_PERIOD_S = 0.5
PROBE_SKIPS, PROBE_COUNTS = 10, 60
_PROBE_TIMEOUT_S = 90.0
# Of evaluation.metrics.live; the rest of it is in the row under names of its own.
_LIVE = (
    'MEAN_PLAYBACK_FRAME_RATE',
    'MEAN_FRAME_RATE',
    'NUM_FRAMES_SENT',
    'NUM_MISSED_FRAMES',
    'MEAN_LATENCY',
    'MAX_LATENCY',
    'MEAN_JITTER',
    'MAX_JITTER',
)
_runs = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class NodeCase:
    """What is measured.

    Attributes:
        model: YAML of a network.
        size: side of its input in pixels.
        objects: number of objects.
        image_size: (width, height) of the images.
        rate_hz, duration_s: of the camera.
        parameters: of the node, besides those of the case.
        viewers: of the operator's page meanwhile; of several, the last one is slow.
        previews: whether a preview is asked for every second meanwhile.
    """

    model: Path
    size: int
    objects: int
    image_size: tuple[int, int]
    rate_hz: float
    duration_s: float
    parameters: dict[str, Any]
    viewers: int = 0
    previews: bool = False

    @property
    def image(self) -> str:
        """The size of the images as it is written."""
        return f'{self.image_size[0]}x{self.image_size[1]}'

    @property
    def title(self) -> str:
        """What people call it."""
        looked_at = f', {self.viewers} viewers' if self.viewers else ''
        return f'{self.model.stem}, {self.size} px, {self.objects} objects, {self.image}{looked_at}'


def measure_cases(
    cases: Sequence[NodeCase], device: str, *, on_case: Callable[[NodeCase], None]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Measure cases one after the other, in a ROS domain of their own.

    Args:
        cases: what to measure.
        device: of the node.
        on_case: called before each case.

    Returns:
        A row for each case that could be measured, a sentence for each of the others.
    """
    use_own_domain()
    use_large_image_profile()
    rows, failed = [], []
    with termination_as_interrupt():
        for case in cases:
            on_case(case)
            try:
                rows.append(measure_case(case, device))
            except LiveError as error:
                failed.append(f'{case.title}: {error}')
    return rows, failed


def measure_case(case: NodeCase, device: str) -> dict[str, Any]:
    """Measure one case.

    Raises:
        LiveError: when the node fails; tells the end of its log, which is kept then.
    """
    from surgsam2_ros.nodes.replay.synthetic_camera import SyntheticCamera

    folder = Path(tempfile.mkdtemp(prefix='surgsam2_bench_'))
    namespace = f'/bench_{os.getpid()}_{next(_runs)}'
    clip, boxes = _clip(case)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        parameters, weights = node_parameters(case, device, folder)
        transport_ms = _measure_transport(SyntheticCamera(clip, case.rate_hz), f'{namespace}/probe')
        camera = SyntheticCamera(clip, case.rate_hz)
        try:
            figures = _run_node(case, camera, boxes, parameters, folder, namespace, transport_ms)
        except LiveError:
            stack.pop_all()
            raise
    return {
        'model': case.model.stem,
        'weights': weights,
        'size': case.size,
        'objects': case.objects,
        'image': case.image,
        'camera_rate_hz': case.rate_hz,
        'duration_s': case.duration_s,
        'parameters': case.parameters,
        **figures,
    }


def _run_node(
    case: NodeCase,
    camera: SyntheticCamera,
    boxes: Sequence[tuple],
    parameters: dict[str, Any],
    folder: Path,
    namespace: str,
    transport_ms: Sequence[float],
) -> dict[str, Any]:
    from surgsam2_ros.benchmarks.through_node import first_and_last, frame_rows, node_row
    from surgsam2_ros.evaluation.metrics.live import live_scores
    from surgsam2_ros.live.node_process import replaying_node
    from surgsam2_ros.live.previews import PreviewAsker, preview_row
    from surgsam2_ros.live.viewers import viewer_row, viewing
    from surgsam2_ros.nodes.replay.camera_run import CameraRun
    from surgsam2_ros.sources import FilePrompt

    prompts = [
        FilePrompt(f'object_{number}', number, box=box) for number, box in enumerate(boxes, 1)
    ]
    samples: list[UsageSample] = []
    target = f'{namespace}/surgsam2'
    with (
        replaying_node(folder, parameters, {'__ns': namespace}) as node,
        viewing(target, case.viewers, folder) as viewers,
        contextlib.ExitStack() as stack,
    ):
        asker = None
        if case.previews:
            asker = PreviewAsker(target, _clip(case)[0][0], folder)
            stack.callback(asker.close)
        run = CameraRun(camera, target, f'{namespace}/image', check_node=node.check)
        log = run.run(
            prompts,
            warm_up=WARM_UP,
            warm_up_s=WARM_UP_S,
            duration_s=case.duration_s,
            on_measured=lambda: _sample(node.pid, samples),
        )
    figures = node_row(log.sent, log.first, log.results, transport_ms=transport_ms, samples=samples)
    sent = list(log.sent)[log.first :]
    arrived = [row and row.arrived_ns for row in frame_rows(sent, log.results)]
    live = live_scores(sent, arrived)
    named = {name: live[name] for name in _LIVE} | first_and_last(sent, arrived)
    rounded = {name: v if v is None else round(v, 3) for name, v in named.items()}
    shown = viewer_row(viewers, sent[0], sent[-1])
    if asker is not None:
        shown |= preview_row(asker.answers(), sent[0], sent[-1])
    return {**rounded, **figures, **shown}


def _clip(case: NodeCase) -> tuple[Any, list[tuple]]:
    """Return images uint8 [N, H, W, 3] of moving bars, and their boxes in the first one."""
    import cv2
    import numpy as np

    from surgsam2_ros.benchmarks.cases import moving_boxes

    clip, boxes = moving_boxes(CLIP_FRAMES, case.objects)
    height, width = clip.shape[1:3]
    scale = np.array(case.image_size * 2) / (width, height, width, height)
    resized = np.stack([cv2.resize(image, case.image_size) for image in clip])
    return resized, [tuple(np.multiply(box, scale).tolist()) for box in boxes]


def node_parameters(case: NodeCase, device: str, folder: Path) -> tuple[dict[str, Any], str]:
    """Return the node's parameters, and which weights they name: 'trained' or 'random'."""
    import torch
    from safetensors.torch import save_file

    from surgsam2_ros.benchmarks.cases import Case, network_of
    from surgsam2_ros.network import load_config

    config = load_config(case.model)
    named = case.parameters.get('model.checkpoint') or config.directory / (config.checkpoint or '')
    checkpoint, weights = Path(named), 'trained'
    if not checkpoint.is_file():
        checkpoint = folder / 'random.safetensors'
        network, weights = network_of(Case(case.model, case.size, 1), torch.device('cpu'))
        tensors = {key: value.contiguous() for key, value in network.state_dict().items()}
        save_file(tensors, checkpoint)
    values = dataclasses.asdict(dataclasses.replace(config, image_size=case.size))
    del values['directory']
    model = folder / f'{case.model.stem}.yaml'
    model.write_text(json.dumps(values, indent=2) + '\n')  # JSON is YAML
    parameters = {
        'model.config': str(model),
        'model.checkpoint': str(checkpoint.resolve()),
        'model.device': device,
        'tracking.max_objects': max(case.objects, 10),
        'tracking.prompt_timeout_s': 60.0,
        **case.parameters,
    }
    return parameters, weights


def _measure_transport(camera: SyntheticCamera, topic: str) -> list[float]:
    """Return the times that images take to a process that does nothing with them [ms]."""
    from surgsam2_ros.nodes.replay.camera_run import publish_images
    from surgsam2_ros.nodes.replay.driving import ReplayError

    count = PROBE_SKIPS + PROBE_COUNTS
    command = [sys.executable, '-m', 'surgsam2_ros.nodes.replay.transport_probe', topic, str(count)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            publish_images(camera, topic, count, lambda: None)
            delays = json.loads(process.communicate(timeout=_PROBE_TIMEOUT_S)[0])
        except (ReplayError, ValueError, subprocess.TimeoutExpired) as error:
            raise LiveError(f'the transport was not measured: {error}') from error
        finally:
            if process.poll() is None:
                process.kill()
    if len(delays) <= PROBE_SKIPS:
        raise LiveError(
            f'the transport was not measured: {len(delays)} of {count} images arrived; see the '
            'Fast DDS profile for large images in config/fastdds.xml'
        )
    return delays[PROBE_SKIPS:]


def _sample(pid: int, samples: list[UsageSample]) -> None:
    """Note what a process uses, unless that was done a moment ago."""
    import psutil

    from surgsam2_ros.benchmarks.through_node import UsageSample
    from surgsam2_ros.evaluation.metrics.process_usage import processor_seconds, resident_bytes

    now = time.monotonic()
    if samples and now - samples[-1].clock_s < SAMPLE_PERIOD_S:
        return
    try:
        samples.append(UsageSample(now, processor_seconds(pid), resident_bytes(pid)))
    except psutil.NoSuchProcess:  # it has ended; who asks next is told why
        return
