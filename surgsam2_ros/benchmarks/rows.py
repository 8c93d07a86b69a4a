# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One row of the benchmark: a network at a size with so many objects, beside a contender."""

from __future__ import annotations

import dataclasses
import statistics
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from surgsam2_ros.benchmarks.contenders import CONTENDERS, STAGES, Box, Contender, Ours
from surgsam2_ros.benchmarks.measuring import Timing, count, interleave, ratio, stage_times
from surgsam2_ros.network import SurgSAM2, build_network, load_config
from surgsam2_ros.network.checkpoint import load_weights, read_state_dict
from surgsam2_ros.tracking import TrackerConfig

WARM_UP = 18
"""Frames until all memories (7) and object pointers (16) are there, and two more."""
COUNTED = 1
STAGED = 3
IMAGE_SIZE = (512, 640)
SURGSAM2_PRUNES = 2


@dataclasses.dataclass(frozen=True)
class Case:
    """What is measured.

    Attributes:
        model: YAML of a network.
        size: side of its input in pixels.
        objects: number of objects.
        against: name of the contender beside it, or None.
        rounds: timed frames of each.
    """

    model: Path
    size: int
    objects: int
    against: str | None
    rounds: int


def measure(case: Case, device: torch.device) -> dict[str, Any]:
    """Measure one case; docs/performance.md describes the fields of a row.

    Raises:
        ContenderError: when the contender is not installed or has no such network.
    """
    network, weights = network_of(case, device)
    clip, boxes = moving_boxes(WARM_UP + 2 * case.rounds + COUNTED + STAGED, case.objects)
    contenders: dict[str, Contender] = {'ours': Ours(network, clip, boxes)}
    difference = None
    if case.against is not None:
        contenders['against'] = CONTENDERS[case.against](network, clip, boxes)
        unpruned = Ours(network, clip, boxes, TrackerConfig(num_frame_to_prune=0))
        difference = 0.0
    for _ in range(WARM_UP):
        for contender in contenders.values():
            contender.step()
        if difference is not None:
            unpruned.step()
            apart = (unpruned.logits() - contenders['against'].logits()).abs().max()
            difference = max(difference, float(apart))
    timings = interleave({name: c.step for name, c in contenders.items()}, case.rounds)
    counts = {name: count(contender.step) for name, contender in contenders.items()}
    stages = {name: _stages(contender) for name, contender in contenders.items()}

    def values(name: str, suffix: str) -> dict[str, Any]:
        timing, counted = timings[name], counts[name]
        wall = statistics.median(timing.wall_ms)
        return {
            f'wall_ms{suffix}': round(wall, 2),
            f'cpu_ms{suffix}': round(statistics.median(timing.cpu_ms), 2),
            f'ops{suffix}': counted.operations,
            f'waits{suffix}': counted.waits,
            f'gflop{suffix}': round(counted.gflop, 2),
            f'gflop_per_s{suffix}': round(1e3 * counted.gflop / wall, 1),
            f'stages_cpu_ms{suffix}': stages[name],
        }

    row = {
        'model': case.model.stem,
        'weights': weights,
        'size': case.size,
        'objects': case.objects,
        'against': case.against,
        'rounds': case.rounds,
        'pruned': network.config.num_frame_to_prune,
        **values('ours', ''),
    }
    if case.against is not None:
        ours, other = timings['ours'], timings['against']
        row |= values('against', '_against')
        row['wall_ratio'] = round(ratio(other.wall_ms, ours.wall_ms), 3)
        row['cpu_ratio'] = round(ratio(other.cpu_ms, ours.cpu_ms), 3)
        row['max_logit_difference'] = difference
    return row


def network_of(case: Case, device: torch.device) -> tuple[SurgSAM2, str]:
    """Load the network at the size of the case, with frame pruning as SurgSAM2 has it.

    Returns:
        The network, and which weights it has: 'trained' where they are there, else 'random',
        with a presence that is always above 0 (an absent object costs as much).
    """
    config = load_config(case.model)
    prune = config.num_frame_to_prune or SURGSAM2_PRUNES
    config = dataclasses.replace(config, image_size=case.size, num_frame_to_prune=prune)
    path = config.directory / config.checkpoint if config.checkpoint else None
    torch.manual_seed(0)
    network = build_network(config)
    if path is not None and path.is_file():
        load_weights(network, read_state_dict(path), name=str(path))
        weights = 'trained'
    else:
        with torch.no_grad():
            network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(200.0)
        weights = 'random'
    return network.requires_grad_(False).to(device).eval(), weights


def moving_boxes(frames: int, objects: int) -> tuple[np.ndarray, list[Box]]:
    """Draw bright bars that move over a textured ground.

    Returns:
        Clip uint8 [frames, 512, 640, 3] and the boxes of the objects in its first frame.
    """
    height, width = IMAGE_SIZE
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    ground = cv2.GaussianBlur(noise, (0, 0), 6) // 2 + 60
    clip = np.repeat(ground[None], frames, axis=0)
    lefts = np.linspace(20, width - 130, objects).astype(int)
    for index, image in enumerate(clip):
        shift = int(10 * np.sin(0.2 * index))
        for number, left in enumerate(lefts):
            top = 60 + 40 * (number % 4) + shift
            colour = (200, 210 - 20 * number % 100, 220)
            cv2.rectangle(image, (left, top), (left + 40, top + 220), colour, -1)
    boxes = [
        (int(left), 60 + 40 * (n % 4), int(left) + 40, 280 + 40 * (n % 4))
        for n, left in enumerate(lefts)
    ]
    return clip, boxes


def _stages(contender: Contender) -> dict[str, float]:
    """CPU milliseconds of each stage of a frame, and of the rest."""
    whole = Timing()
    with stage_times(contender.stages) as timings:
        whole = interleave({'step': contender.step}, STAGED)['step']
    spent = {stage: sum(timings[stage].cpu_ms) / STAGED for stage in STAGES}
    spent['rest'] = sum(whole.cpu_ms) / STAGED - sum(spent.values())
    return {stage: round(value, 2) for stage, value in spent.items()}
