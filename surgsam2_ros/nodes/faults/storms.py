# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Requests of many kinds for floods, drawn from a random generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from surgsam2_msgs.srv import AddObjects, ListObjects, RemoveObject
from surgsam2_ros.nodes.faults.fuzz import FUZZ_PREFIX
from surgsam2_ros.nodes.messages.requests import prompt_message
from surgsam2_ros.nodes.tracker.parameters import ParameterSpec, parameter_schema
from surgsam2_ros.sources import FilePrompt

# Shutdown is left out: it finalizes the node for good.
_TRANSITIONS = (
    Transition.TRANSITION_CONFIGURE,
    Transition.TRANSITION_CLEANUP,
    Transition.TRANSITION_ACTIVATE,
    Transition.TRANSITION_DEACTIVATE,
    Transition.TRANSITION_CREATE,
    99,
)
_TYPES = ('bool', 'int', 'double', 'string')
_WRONG = ('text', -1, 2**62, -1e300, float('nan'), True, [1, 2], ['a'])

Flood = tuple[type, str, list[Any]]


def lists(number: int) -> Flood:
    """Return requests for the list of objects."""
    return ListObjects, 'list_objects', [ListObjects.Request() for _ in range(number)]


def resets(number: int) -> Flood:
    """Return requests to forget all objects."""
    return Trigger, 'reset', [Trigger.Request() for _ in range(number)]


def additions(rng: np.random.Generator, number: int) -> Flood:
    """Return requests to add objects, some of them twice, with one click each."""
    requests = []
    for _ in range(number):
        point = rng.uniform(5, 200, (1, 2))
        prompt = FilePrompt(f'{FUZZ_PREFIX}_{rng.integers(6)}', 1, points=point, labels=np.ones(1))
        requests.append(
            AddObjects.Request(prompts=[prompt_message(prompt)], allow_update=bool(rng.integers(2)))
        )
    return AddObjects, 'add_objects', requests


def removals(rng: np.random.Generator, number: int) -> Flood:
    """Return requests to remove such objects."""
    ids = [f'{FUZZ_PREFIX}_{rng.integers(6)}' for _ in range(number)]
    return RemoveObject, 'remove_object', [RemoveObject.Request(object_id=name) for name in ids]


def transitions(rng: np.random.Generator, number: int) -> Flood:
    """Return requests for transitions in any order."""
    ids = [int(rng.choice(_TRANSITIONS)) for _ in range(number)]
    requests = [ChangeState.Request(transition=Transition(id=number)) for number in ids]
    return ChangeState, 'change_state', requests


def parameters(rng: np.random.Generator, number: int, untouched: Sequence[str]) -> Flood:
    """Return requests to set parameters: good values, bad ones, unknown names.

    Args:
        rng: draws them.
        number: of requests.
        untouched: names that are left alone.
    """
    specs = _changeable(untouched)
    requests = []
    for _ in range(number):
        spec = specs[rng.integers(len(specs))]
        if rng.random() < 0.5:
            parameter = Parameter(spec.name, value=_valid(spec, rng))
        else:
            name = spec.name if rng.random() < 0.8 else 'no.such.parameter'
            parameter = Parameter(name, value=_WRONG[rng.integers(len(_WRONG))])
        requests.append(SetParameters.Request(parameters=[parameter.to_parameter_msg()]))
    return SetParameters, 'set_parameters', requests


def harmless_values(untouched: Sequence[str]) -> dict[str, Any]:
    """Return the defaults of all parameters that `parameters` may change."""
    return {spec.name: spec.default for spec in _changeable(untouched)}


def _changeable(untouched: Sequence[str]) -> list[ParameterSpec]:
    return [
        spec
        for name, spec in parameter_schema().items()
        if spec.changes == 'any_time' and spec.type in _TYPES and name not in untouched
    ]


def _valid(spec: ParameterSpec, rng: np.random.Generator) -> Any:
    if spec.type == 'bool':
        return bool(rng.integers(2))
    if spec.choices:
        return spec.choices[rng.integers(len(spec.choices))]
    if spec.range:
        value = rng.uniform(*spec.range)
        return int(value) if spec.type == 'int' else float(value)
    return spec.default
