# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Faults of what is sent to the node: nonsense, floods, and readers that come and go."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from surgsam2_ros.live.chaos.fault import Fault, Objects
from surgsam2_ros.live.chaos.stage import Stage

FUZZED = 2500
"""Messages of one fuzz fault; the first 45 faults of any plan send more than 10,000 so."""

_PAUSE_S = 0.002  # between messages, so that the node takes up many of them
_REQUESTS = 40
_AT_ONCE = 100  # requests that the node's services hold


def _fuzz_images(stage: Stage, rng: np.random.Generator) -> None:
    from surgsam2_ros.nodes.faults import fuzz

    _send(stage, lambda: fuzz.random_image(rng), FUZZED)


def _fuzz_prompts(stage: Stage, rng: np.random.Generator) -> None:
    from surgsam2_ros.nodes.faults import fuzz

    _send(stage, lambda: fuzz.random_prompts(rng), FUZZED, 'prompts')


def _fuzz_requests(stage: Stage, rng: np.random.Generator) -> None:
    from surgsam2_ros.nodes.faults import fuzz

    for service, name, requests in fuzz.random_requests(rng, _REQUESTS):
        stage.flood(service, name, requests)
        stage.fuzzed += len(requests)


def _fuzz_bytes(stage: Stage, rng: np.random.Generator) -> None:
    """Send serialised messages that are cut off or overwritten."""
    from surgsam2_ros.nodes.faults import fuzz

    kinds = (
        (lambda: fuzz.random_image(rng), None),
        (lambda: fuzz.random_prompts(rng), 'prompts'),
    )
    for make, topic in kinds:
        kind = type(make())
        for _ in range(FUZZED // 2):
            data = fuzz.damaged_bytes(rng, make())
            stage.camera.publish(data, topic and f'{stage.namespace}/{topic}', kind)
            time.sleep(_PAUSE_S)
        stage.fuzzed += FUZZED // 2


def _send(stage: Stage, make: Callable[[], Any], number: int, topic: str | None = None) -> None:
    for _ in range(number):
        stage.camera.publish(make(), topic and f'{stage.namespace}/{topic}')
        time.sleep(_PAUSE_S)
    stage.fuzzed += number


def _list_flood(stage: Stage, rng: np.random.Generator) -> None:
    stage.flood_lists(_AT_ONCE)


def _mixed_flood(stage: Stage, rng: np.random.Generator) -> None:
    """Objects come and go, while others are asked for."""
    for _ in range(5):
        stage.flood_objects(rng, 10)


def _reset_flood(stage: Stage, rng: np.random.Generator) -> None:
    stage.flood_resets(_AT_ONCE)


def _readers(stage: Stage, rng: np.random.Generator) -> None:
    """Have participants that subscribe to all outputs come and go."""
    for _ in range(6):
        with stage.reader():
            time.sleep(rng.uniform(0.1, 0.5))


REQUEST_FAULTS = (
    Fault('fuzzed images', _fuzz_images),
    Fault('fuzzed prompts', _fuzz_prompts),
    Fault('fuzzed requests', _fuzz_requests),
    Fault('fuzzed bytes', _fuzz_bytes),
    Fault('flood of lists', _list_flood),
    Fault('flood of additions and removals', _mixed_flood),
    Fault('flood of resets', _reset_flood, Objects.FORGOTTEN),
    Fault('readers come and go', _readers),
)
