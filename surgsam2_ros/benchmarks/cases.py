# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is measured: a network at a size, and a clip with so many objects."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from surgsam2_ros.benchmarks.contenders import Box
from surgsam2_ros.engines import EngineSettings
from surgsam2_ros.network import SurgSAM2, build_network, load_config
from surgsam2_ros.network.checkpoint import (
    PRECISIONS,
    load_weights,
    read_state_dict,
    use_mixed_precision,
)

IMAGE_SIZE = (512, 640)
SURGSAM2_PRUNES = 2


@dataclasses.dataclass(frozen=True)
class Case:
    """What is measured.

    Attributes:
        model: YAML of a network.
        size: side of its input in pixels.
        objects: number of objects.
        against: names of the contenders beside it, all taken in turns.
        rounds: timed frames of each.
        growth_frames: frames over which the growth of memory is measured; 0 does not.
        engine: how ours runs the network.
        prune: memories that ours and `surgsam2` leave out by frame pruning; None: as many as the
            network does by itself, or SurgSAM2 where that is none.
        precision: arithmetic of ours and of the official code, 'fp32', 'bf16' or 'fp16'.
        checkpoint: weights; those that the model names when None.
    """

    model: Path
    size: int
    objects: int
    against: tuple[str, ...] = ()
    rounds: int = 10
    growth_frames: int = 0
    engine: EngineSettings = dataclasses.field(default_factory=EngineSettings)
    prune: int | None = None
    precision: str = 'fp32'
    checkpoint: Path | None = None

    @property
    def title(self) -> str:
        """What people call it."""
        return f'{self.model.stem}, {self.size} px, {self.objects} objects'


def network_of(
    case: Case,
    device: torch.device,
    change: Callable[[SurgSAM2, str], None] = lambda network, weights: None,
) -> tuple[SurgSAM2, str]:
    """Load the network at the size of the case, with its frame pruning and its precision.

    Args:
        case: see there.
        device: where it will be.
        change: called with the network while it has float32 weights on the CPU, and with which.

    Returns:
        The network, and which weights it has: 'trained' where they are there, else 'random',
        with a presence that is always above 0 (an absent object costs as much).

    Raises:
        CheckpointError: when the case names a checkpoint that is not there or does not fit.
    """
    config = load_config(case.model)
    prune = case.prune
    if prune is None:
        prune = config.num_frame_to_prune or SURGSAM2_PRUNES
    config = dataclasses.replace(config, image_size=case.size, num_frame_to_prune=prune)
    path = case.checkpoint
    if path is None and config.checkpoint:
        path = config.directory / config.checkpoint
    torch.manual_seed(0)
    network = build_network(config)
    if path is not None and (path.is_file() or case.checkpoint):
        load_weights(network, read_state_dict(path), name=str(path))
        weights = 'trained'
    else:
        with torch.no_grad():
            network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(200.0)
        weights = 'random'
    network.requires_grad_(False).eval()
    change(network, weights)
    network.to(device)
    if (dtype := PRECISIONS[case.precision]) is not None:
        use_mixed_precision(network, dtype)
    return network, weights


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
