# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Milliseconds of a frame: ours exact and fast, the official code as it comes and compiled."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from surgsam2_ros.benchmarks.cases import Case, moving_boxes, network_of
from surgsam2_ros.benchmarks.contenders import (
    Contender,
    ContenderError,
    OfficialSam2,
    OfficialSam2Vos,
    Ours,
    SwitchableEngine,
)
from surgsam2_ros.benchmarks.gpu_check.settings import CheckSettings
from surgsam2_ros.benchmarks.measuring import Timing, interleave, ratio
from surgsam2_ros.benchmarks.rows import WARM_UP
from surgsam2_ros.engines import EngineSettings, build_engine
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.network.device_errors import is_device_lost
from surgsam2_ros.tracking import Engine, TrackerConfig
from surgsam2_ros.tracking.engines import first_line

EXACT, FAST, COMPILED = 'ours exact', 'ours fast', 'ours inductor'
OFFICIAL, OPTIMIZED = 'official eager', 'official vos_optimized'
Rows = Iterator[dict[str, Any]]


def speed(settings: CheckSettings) -> Rows:
    """Time ours, exact and fast, and the official code, in turns; the most wanted cases first."""
    for case, network, built in _cases(settings):
        engines = {EXACT: settings.engine(), FAST: settings.engine('fast')}
        officials = {OFFICIAL: OfficialSam2}
        rows = _case_rows(case, network, engines, officials, built, settings)
        yield from _or_why_not(case, rows)


def speed_compiled(settings: CheckSettings) -> Rows:
    """Time the official code with all its components compiled, and ours compiled, in turns."""
    compiled = 'inductor_cuda_graphs' if settings.torch_device.type == 'cuda' else 'off'
    engines = {EXACT: settings.engine(), COMPILED: EngineSettings(compile=compiled)}
    # A CPU would compile for minutes: there the same lines run without.
    stance = 'default' if settings.torch_device.type == 'cuda' else 'force_eager'
    with torch.compiler.set_stance(stance):
        for case, network, built in _cases(settings):
            officials = {OPTIMIZED: OfficialSam2Vos}
            rows = _case_rows(case, network, engines, officials, built, settings)
            yield from _or_why_not(case, rows)


def _cases(settings: CheckSettings) -> Iterator[tuple[Case, SurgSAM2, dict[str, Any]]]:
    """Yield all cases; those that differ in the number of objects alone share a network.

    With it goes a place for what was built and compiled of it.
    """
    scale = settings.scale
    for model, size in itertools.product(scale.models, scale.sizes):
        network, built = None, {}
        for objects in scale.objects:
            case = settings.speed_case(model, size, objects, settings.precision)
            network = network or network_of(case, settings.torch_device)[0]
            yield case, network, built


def _or_why_not(case: Case, rows: Rows) -> Rows:
    """Yield the rows of a case, or why it cannot be timed; the next ones may well be."""
    try:
        yield from rows
    except Exception as error:  # compilers and kernels raise all kinds
        if is_device_lost(error):
            raise
        reason = f'{type(error).__name__}: {first_line(error)}'
        yield {'what': case.title, 'passed': False, 'not_run': reason}


def _case_rows(
    case: Case,
    network: SurgSAM2,
    engines: Mapping[str, EngineSettings],
    officials: Mapping[str, Callable[..., OfficialSam2]],
    built: dict[str, Any],
    settings: CheckSettings,
) -> Rows:
    rounds = settings.scale.rounds
    clip, boxes = moving_boxes(WARM_UP + rounds, case.objects)
    contenders: dict[str, Contender] = {}
    failures: dict[str, list[str]] = {}
    for name, engine in engines.items():
        failures[name] = []
        contenders[name] = _ours(network, engine, clip, boxes, failures[name].append)
    for name, official in officials.items():
        try:
            contenders[name] = official(network, clip, boxes, built.get(name))
            built[name] = contenders[name].predictor
        except ContenderError as error:
            yield {'what': f'{name}, {case.title}', 'passed': None, 'not_run': str(error)}
    for contender in contenders.values():
        for _ in range(WARM_UP):
            contender.step()
    steps = {name: contender.step for name, contender in contenders.items()}
    timings = interleave(steps, rounds, network.device)
    for name, timing in timings.items():
        yield _row(name, case, timing, timings[EXACT], failures.get(name))


def _ours(
    network: SurgSAM2, settings: EngineSettings, clip: Any, boxes: Any, note: Callable[[str], None]
) -> Ours:
    config = settings.tracker_config(network, TrackerConfig())
    # The encoder in 8 bits that belongs to `fast` is for CPUs, and takes minutes to export.
    engine = build_engine(network, replace(settings, profile='exact'), config, note)
    return Ours(network, clip, boxes, config, SwitchableEngine(engine, Engine.eager(network)))


def _row(
    name: str, case: Case, timing: Timing, exact: Timing, failures: list[str] | None
) -> dict[str, Any]:
    return {
        'what': f'{name}, {case.title}',
        'passed': None if not failures else False,  # a slower way was timed than asked for
        'way': name,
        'model': case.model.stem,
        'size': case.size,
        'objects': case.objects,
        'precision': case.precision,
        'ms': round(timing.median_ms, 3),
        'p99_ms': round(timing.p99_ms, 3),
        'frames': len(timing.wall_ms),
        'times_exact': round(ratio(timing.wall_ms, exact.wall_ms), 3),
        'fell_back': failures or [],
    }
