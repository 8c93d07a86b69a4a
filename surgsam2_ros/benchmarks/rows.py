# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Rows of the benchmark: one case, measured in one go with the contenders beside it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from surgsam2_ros.benchmarks.cases import Case, moving_boxes, network_of
from surgsam2_ros.benchmarks.contenders import (
    CONTENDERS,
    Box,
    Contender,
    ContenderError,
    Ours,
    SwitchableEngine,
)
from surgsam2_ros.benchmarks.measuring import Timing, count, interleave, ratio, stage_times
from surgsam2_ros.benchmarks.memory_use import memory_growth, peak_memory
from surgsam2_ros.engines import EngineSettings, build_engine
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.tracking import Engine, TrackerConfig

WARM_UP = 18
"""Frames until all memories (7) and object pointers (16) are there, and two more."""
COUNTED = 1
STAGED = 3
PEAK = 1


def measure(case: Case, device: torch.device) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Measure one case; docs/performance.md describes the fields of a row.

    Returns:
        One row per contender (one without, where none is named), and why contenders are missing,
        by name.
    """
    network, weights = network_of(case, device)
    return measure_network(network, case, weights)


def measure_all(
    cases: Sequence[Case],
    device: torch.device,
    *,
    on_case: Callable[[Case], None] = lambda case: None,
    on_slower: Callable[[str], None] = lambda text: None,
) -> tuple[list[dict[str, Any]], list[str]]:
    """Measure cases one after the other.

    Args:
        cases: what to measure.
        device: to measure on.
        on_case: called before each case.
        on_slower: called with what ours could not run as fast as it was asked to.

    Returns:
        The rows, and a sentence for each row that is missing.
    """
    rows, failed = [], []
    for case in cases:
        on_case(case)
        measured, missing = measure(case, device)
        rows += measured
        failed += [f'{case.title}: {reason}' for reason in missing.values()]
        for text in measured[0]['slower_than_asked'] if measured else ():
            on_slower(text)
    return rows, failed


def measure_network(
    network: SurgSAM2, case: Case, weights: str
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Measure a network that is there; see `measure`.

    Args:
        network: in evaluation mode.
        case: what to do with it.
        weights: which weights it has, 'trained' or 'random'.
    """
    frames = WARM_UP + case.rounds + PEAK + COUNTED + STAGED + case.growth_frames
    clip, boxes = moving_boxes(frames, case.objects)
    others: dict[str, Contender] = {}
    missing: dict[str, str] = {}
    for name in case.against:
        try:
            others[name] = CONTENDERS[name](network, clip, boxes)
        except ContenderError as error:
            missing[name] = str(error)
    if missing and not others:
        return [], missing
    # All take the same frames in turns; without a name of its own, ours is None.
    config, engine, slower = _engine_of(network, case)
    ours = Ours(network, clip, boxes, config, engine)
    contenders = {None: ours, **others}
    apart = _warm_up(contenders, network, clip, boxes)
    steps = {name: contender.step for name, contender in contenders.items()}
    timings = interleave(steps, case.rounds, network.device)
    measured = {
        name: _measured(contender, timings[name], case.growth_frames, network.device)
        for name, contender in contenders.items()
    }
    case_fields = {
        'model': case.model.stem,
        'weights': weights,
        'size': case.size,
        'objects': case.objects,
        'engine': 'torch' if engine is None else engine.engine.name,
        'profile': case.engine.profile,
        'precision': case.precision,
        'slower_than_asked': slower,
    }
    run_fields = {'rounds': case.rounds, 'pruned': network.config.num_frame_to_prune}
    rows = []
    for name, contender in others.items() or [(None, None)]:
        row = {**case_fields, 'against': name, **run_fields, **measured[None]}
        if contender is not None:
            row |= {f'{field}_against': value for field, value in measured[name].items()}
            row['pruned_against'] = contender.pruned
            row['wall_ratio'] = round(ratio(timings[name].wall_ms, timings[None].wall_ms), 3)
            row['cpu_ratio'] = round(ratio(timings[name].cpu_ms, timings[None].cpu_ms), 3)
            row['same_weights'] = contender.has_our_weights
            row['max_logit_difference'] = apart.get(name)
        rows.append(row)
    return rows, missing


def _engine_of(
    network: SurgSAM2, case: Case
) -> tuple[TrackerConfig, SwitchableEngine | None, list[str]]:
    """Return the tracker's settings, the engine (None: plain) and why it is slower than asked."""
    slower: list[str] = []
    config = case.engine.tracker_config(network, TrackerConfig())
    if case.engine == EngineSettings():
        return config, None, slower
    engine = build_engine(network, case.engine, config, slower.append)
    return config, SwitchableEngine(engine, Engine.eager(network)), slower


def _warm_up(
    contenders: Mapping[str | None, Contender],
    network: SurgSAM2,
    clip: np.ndarray,
    boxes: Sequence[Box],
) -> dict[str | None, float]:
    """Fill all memories.

    Returns:
        How far the mask logits of each contender with our weights are at most from ours when it
        prunes as that contender does.
    """
    apart = {n: 0.0 for n, c in contenders.items() if n is not None and c.has_our_weights}
    alike = {  # ours by the number of memories left out
        pruned: Ours(network, clip, boxes, TrackerConfig(num_frame_to_prune=pruned))
        for pruned in {contenders[name].pruned for name in apart}
    }
    for _ in range(WARM_UP):
        for contender in (*contenders.values(), *alike.values()):
            contender.step()
        for name, largest in apart.items():
            other = contenders[name]
            difference = (alike[other.pruned].logits() - other.logits()).abs().max()
            apart[name] = max(largest, float(difference))
    return apart


def _measured(
    contender: Contender, timing: Timing, growth_frames: int, device: torch.device
) -> dict[str, Any]:
    """Return what was timed, and what is counted in further steps."""
    wall = timing.median_ms
    peak = peak_memory(contender.step, device)
    counted = count(contender.plain_step)
    stages = _stages(contender, device)
    growth = memory_growth(contender.step, growth_frames, device) if growth_frames else None
    return {
        'wall_ms': round(wall, 2),
        'wall_p99_ms': round(timing.p99_ms, 2),
        'cpu_ms': round(statistics.median(timing.cpu_ms), 2),
        'ops': counted.operations,
        'waits': counted.waits,
        'gflop': round(counted.gflop, 2),
        'gflop_per_s': round(1e3 * counted.gflop / wall, 1),
        'stages_cpu_ms': stages,
        'peak_memory_mb': None if peak is None else round(peak, 1),
        'memory_growth_mb': None if growth is None else round(growth, 1),
    }


def _stages(contender: Contender, device: torch.device) -> dict[str, float]:
    """CPU milliseconds of each stage of a frame, and of the rest."""
    with stage_times(contender.stages, device) as timings:
        whole = interleave({'step': contender.step}, STAGED, device)['step']
    spent = {stage: sum(timing.cpu_ms) / STAGED for stage, timing in timings.items()}
    spent['rest'] = sum(whole.cpu_ms) / STAGED - sum(spent.values())
    return {stage: round(value, 2) for stage, value in spent.items()}
