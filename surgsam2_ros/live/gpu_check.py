# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parts of `surgsam2 gpu-check`, in their order: those of the benchmarks, and the node."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from surgsam2_ros.benchmarks.gpu_check.capture import captured_equals_eager
from surgsam2_ros.benchmarks.gpu_check.endurance import memory_is_flat
from surgsam2_ros.benchmarks.gpu_check.environment import environment
from surgsam2_ros.benchmarks.gpu_check.parity import parity
from surgsam2_ros.benchmarks.gpu_check.run import Part
from surgsam2_ros.benchmarks.gpu_check.settings import CheckSettings
from surgsam2_ros.benchmarks.gpu_check.speed import speed, speed_compiled
from surgsam2_ros.benchmarks.gpu_check.synchronisation import no_synchronisation
from surgsam2_ros.live.benchmark import NodeCase, measure_case, node_parameters
from surgsam2_ros.live.cameras import CamerasCase, measure_cameras
from surgsam2_ros.live.interruption import termination_as_interrupt
from surgsam2_ros.live.ros_environment import use_large_image_profile, use_own_domain

CAMERAS = 3


def node_over_dds(settings: CheckSettings) -> Iterator[dict[str, Any]]:
    """Run a node under a camera; it must miss no image and count right what it drops."""
    if find_spec('rclpy') is None:
        yield {'what': 'node over DDS', 'passed': None, 'not_run': 'ROS 2 is not installed'}
        return
    scale, device = settings.scale, str(settings.torch_device)
    case = _node_case(settings)
    use_own_domain()
    use_large_image_profile()
    with termination_as_interrupt():
        row = measure_case(case, device)
    missed = row['NUM_MISSED_FRAMES']
    # A CPU cannot keep up with such a camera; there the counts alone are judged.
    kept_up = missed == 0 or settings.torch_device.type == 'cpu'
    yield {
        'what': f'node over DDS, {case.image} at {scale.rate_hz:g} Hz, 2 objects',
        'passed': kept_up and row['drops_untold'] == 0,
        'figures': {
            'missed': missed,
            'of': row['NUM_FRAMES_SENT'],
            'Hz': row['MEAN_FRAME_RATE'],
            'latency p50 ms': row['latency_ms']['p50'],
            'latency p99 ms': row['latency_ms']['p99'],
            'inference p50 ms': row['inference_ms']['p50'],
            'overhead p50 ms': row['overhead_ms']['p50'],
        },
        'row': row,
    }


def cameras_share_a_network(settings: CheckSettings) -> Iterator[dict[str, Any]]:
    """Run a node of one camera and one of three; every image must have a result."""
    if find_spec('rclpy') is None:
        yield {'what': 'three cameras', 'passed': None, 'not_run': 'ROS 2 is not installed'}
        return
    case, device = _node_case(settings), str(settings.torch_device)
    with tempfile.TemporaryDirectory(prefix='surgsam2_gpu_check_') as folder:
        parameters, _ = node_parameters(case, device, Path(folder))
        row = measure_cameras(
            CamerasCase(
                model=Path(parameters['model.config']),
                cameras=CAMERAS,
                objects=case.objects,
                rounds=1 if settings.quick else 10,
                device=device,
                parameters=parameters | {'model.warmup_frames': 1},
            ),
            lambda _: None,
        )
    yield {
        'what': f'{CAMERAS} cameras in one process beside one, {case.objects} objects each',
        'passed': True,  # a result that is missing ends the part
        'figures': {
            'ms an image of each': row['wall_ms']['several'],
            'of one camera': row['wall_ms']['one'],
            'ratio': row['wall_ms']['ratio'],
            'resident ratio': row['resident_mb']['ratio'],
        },
        'row': row,
    }


def _node_case(settings: CheckSettings) -> NodeCase:
    """Return a node of two objects as it runs on the device."""
    scale = settings.scale
    parameters: dict[str, Any] = {'tracking.max_objects': 2}
    if settings.checkpoint is not None:
        parameters['model.checkpoint'] = str(settings.checkpoint.resolve())
    if settings.torch_device.type == 'cuda':
        parameters |= {
            'model.precision': settings.precision,
            'model.compile': settings.engine().compile,
        }
    return NodeCase(
        settings.model,
        scale.size,
        2,
        scale.image_size,
        scale.rate_hz,
        scale.duration_s,
        parameters,
    )


PARTS = (
    # What is right comes before what is fast; seconds are shares of eight minutes.
    Part('environment', 'What it runs on', 15, False, environment),
    Part('parity', 'Masks equal those of float32 and of the official code', 85, True, parity),
    Part('capture', 'Captured equals eager', 60, True, captured_equals_eager),
    Part('synchronisation', 'The host does not wait', 25, True, no_synchronisation),
    Part('memory', 'Memory is flat', 45, True, memory_is_flat),
    Part('node', 'The node keeps up with a camera', 60, True, node_over_dds),
    Part('speed', 'Time of a frame', 80, False, speed),
    Part('speed_compiled', 'Time of a frame, compiled', 70, False, speed_compiled),
    Part(
        'cameras',
        'Three cameras share a network in one process',
        40,
        False,
        cameras_share_a_network,
    ),
)
