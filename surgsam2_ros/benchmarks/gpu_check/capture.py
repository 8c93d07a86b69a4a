# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The captured network beside the plain one, and that nothing is captured anew in later frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from surgsam2_ros.benchmarks.cases import moving_boxes
from surgsam2_ros.benchmarks.contenders import Contender, Ours, SwitchableEngine
from surgsam2_ros.benchmarks.gpu_check.parity import distance, exact_float32
from surgsam2_ros.benchmarks.gpu_check.settings import CheckSettings
from surgsam2_ros.engines import EngineSettings, build_engine
from surgsam2_ros.tracking import Engine, TrackerConfig

CAPTURE = 'cuda_graphs'
"""PyTorch's own kernels in one graph: on a CPU the same graph runs without CUDA's."""
BOUND = 1e-3
"""Largest mean distance of mask logits, in parts of their mean size: the kernels are the same."""
FURTHER = 4
"""Frames in which nothing may be captured any more."""


def captured_equals_eager(settings: CheckSettings) -> Iterator[dict[str, Any]]:
    """Track with both, float32, for every number of objects."""
    network = settings.network(settings.torch_device)
    frames = settings.scale.parity_frames
    for objects in settings.scale.slots:
        clip, boxes = moving_boxes(frames + FURTHER, objects)
        failures: list[str] = []
        engine = build_engine(
            network, EngineSettings(compile=CAPTURE), TrackerConfig(), failures.append
        )
        captured = Ours(network, clip, boxes, None, SwitchableEngine(engine, Engine.eager(network)))
        eager = Ours(network, clip, boxes)
        with exact_float32():
            found, truth = logits_in_turns((captured, eager), frames)
            with torch.compiler.set_stance('fail_on_recompile'):
                more_found, more_truth = logits_in_turns((captured, eager), FURTHER)
        found, truth = found + more_found, truth + more_truth
        apart = distance(found, truth)
        yield {
            'what': f'captured equals eager, {objects} objects',
            'passed': not failures and apart <= BOUND,
            'distance': apart,
            'bound': BOUND,
            'ran': engine.name,
            'fell_back': failures,
        }


def logits_in_turns(contenders: Sequence[Contender], frames: int) -> tuple[list[torch.Tensor], ...]:
    """Take frames with each in turns; return the mask logits of each of them."""
    found: tuple[list[torch.Tensor], ...] = tuple([] for _ in contenders)
    for _ in range(frames):
        for contender, logits in zip(contenders, found, strict=True):
            contender.step()
            logits.append(contender.logits())
    return found
