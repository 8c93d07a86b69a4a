# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a frame costs by the number of tokens of each memory that are attended to."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from surgsam2_ros.benchmarks.cases import moving_boxes
from surgsam2_ros.benchmarks.measuring import count, interleave, ratio
from surgsam2_ros.benchmarks.rows import WARM_UP
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking import StreamingTracker, TrackerConfig
from surgsam2_ros.tracking.preprocess import PreparedFrame

_ENCODER = 'encoder'


@dataclass(frozen=True)
class TokenCost:
    """What a frame costs once all memories are there.

    Attributes:
        gflop: billions of operations of a frame, encoder included.
        attention_gflop: those of its memory attention.
        step_ms: CPU time of the frame without its encoder, median.
        step_ratio: `step_ms` in parts of that of all tokens, median over neighbouring steps.
        frame_ratio: the same with the encoder.
    """

    gflop: float
    attention_gflop: float
    step_ms: float
    step_ratio: float
    frame_ratio: float


def all_tokens(network: SurgSAM2) -> int:
    """Tokens of a memory, (S / 16)^2."""
    return network.memory_size**2


def token_costs(
    network: SurgSAM2, tokens: Iterable[int], objects: int, rounds: int
) -> dict[int, TokenCost]:
    """Track the same images with every number of tokens, and with all, in turns.

    Args:
        network: in evaluation mode; its weights must not require gradients.
        tokens: of each memory.
        objects: tracked at once.
        rounds: timed steps of each.

    Returns:
        Costs by number of tokens, ascending, that of all tokens the last.
    """
    whole = all_tokens(network)
    choices = sorted({*tokens, whole})
    clip, boxes = moving_boxes(WARM_UP + rounds + 1, objects)
    trackers = {}
    for choice in choices:
        trackers[choice] = StreamingTracker(network, TrackerConfig(memory_tokens=choice))
        for number, box in enumerate(boxes):
            trackers[choice].add_object(str(number), box=box)
    encoder = trackers[whole]
    frames = [encoder.prepare(rgb) for rgb in clip]
    for frame in frames[:WARM_UP]:
        for tracker in trackers.values():
            tracker.track(frame)
    steps = {choice: _stepper(tracker, frames[WARM_UP:-1]) for choice, tracker in trackers.items()}
    steps[_ENCODER] = lambda: encoder.prepare(clip[-1])
    timings = interleave(steps, rounds)
    encoding = timings[_ENCODER].cpu_ms
    encoder_gflop = count(lambda: encoder.prepare(clip[-1])).gflop
    costs = {}
    for choice, tracker in trackers.items():
        spent, most = timings[choice].cpu_ms, timings[whole].cpu_ms
        step, attention = _gflop(network, tracker, frames[-1])
        costs[choice] = TokenCost(
            gflop=encoder_gflop + step,
            attention_gflop=attention,
            step_ms=statistics.median(spent),
            step_ratio=ratio(spent, most),
            frame_ratio=ratio(_sums(spent, encoding), _sums(most, encoding)),
        )
    return costs


def _stepper(tracker: StreamingTracker, frames: Sequence[PreparedFrame]) -> Callable[[], None]:
    coming = iter(frames)
    return lambda: tracker.track(next(coming))


def _sums(first: Sequence[float], second: Sequence[float]) -> list[float]:
    return [a + b for a, b in zip(first, second, strict=True)]


def _gflop(
    network: SurgSAM2, tracker: StreamingTracker, frame: PreparedFrame
) -> tuple[float, float]:
    """Billions of operations of a step, and of the memory attention in it."""
    taken: list[tuple[Any, ...]] = []
    condition = network.condition

    def noted(*arguments: Any) -> torch.Tensor:
        taken.append(arguments)
        return condition(*arguments)

    network.condition = noted
    try:
        step = count(lambda: tracker.track(frame)).gflop
    finally:
        del network.condition
    with torch.inference_mode():
        return step, sum(count(lambda a=a: condition(*a)).gflop for a in taken)
