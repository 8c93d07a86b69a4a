# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The node's parameters: declared and checked from parameters.yaml, read as typed dataclasses."""

from __future__ import annotations

import dataclasses
import difflib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.parameter import Parameter

from surgsam2_ros.discovery.settings import DiscoverySettings

if TYPE_CHECKING:
    from rclpy.node import Node

    from surgsam2_ros.engines import EngineSettings
    from surgsam2_ros.tracking import TrackerConfig

LEFT_TO_NETWORK = -1
_MISSPELT = 0.85  # likeness from which another name is taken for one of ours
_SCHEMA_FILE = Path(__file__).with_name('parameters.yaml')
_PYTHON_TYPES = {'string': str, 'bool': bool, 'int': int, 'double': float, 'string_array': list}


class ParameterError(ValueError):
    """A parameter has a value of the wrong type or out of its range."""


@dataclasses.dataclass(frozen=True)
class ParameterSpec:
    """One entry of parameters.yaml, whose head explains the fields."""

    name: str
    type: str
    default: Any
    changes: str
    description: str
    range: tuple | None = None
    choices: tuple[str, ...] | None = None
    pattern: str | None = None
    expects: str | None = None

    @property
    def read_only(self) -> bool:
        """Whether the value is fixed once the process has started."""
        return self.changes == 'at_start'

    @property
    def constraint(self) -> str:
        """The allowed values in words; empty when every value of the type is allowed."""
        if self.range is not None:
            return f'{self.range[0]:g} to {self.range[1]:g}'
        if self.choices is not None:
            return ', '.join(self.choices)
        return self.expects or ''

    def fault(self, value: Any) -> str | None:
        """Return what is wrong with a value, or None."""
        allowed = True
        if type(value) is not _PYTHON_TYPES[self.type]:
            point = f'; write {value}.0' if self.type == 'double' and type(value) is int else ''
            return (
                f'parameter {self.name} is {value!r}, but its type is {self.type}{point}'
                f'{f" ({self.constraint})" if self.constraint else ""}'
            )
        if self.range is not None:
            allowed = self.range[0] <= value <= self.range[1]
        elif self.choices is not None:
            values = value if self.type == 'string_array' else [value]
            allowed = all(item in self.choices for item in values)
        elif self.pattern is not None:
            values = value if self.type == 'string_array' else [value]
            allowed = all(re.fullmatch(self.pattern, item) for item in values)
        if allowed:
            return None
        return f'parameter {self.name} is {value!r}, but must be {self._must_be()}'

    def _must_be(self) -> str:
        if self.range is not None:
            return f'in the range {self.constraint}'
        if self.type == 'string_array':
            return f'a list of {self.constraint}'
        return f'one of {self.constraint}'

    def descriptor(self) -> ParameterDescriptor:
        """Return the ROS descriptor, which shows in `ros2 param describe` and rqt."""
        descriptor = ParameterDescriptor(
            description=self.description,
            additional_constraints='' if self.range is not None else self.constraint,
            read_only=self.read_only,
        )
        if self.range is not None and self.type == 'int':
            descriptor.integer_range = [
                IntegerRange(from_value=self.range[0], to_value=self.range[1])
            ]
        elif self.range is not None:
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=self.range[0], to_value=self.range[1])
            ]
        return descriptor


@cache
def parameter_schema() -> dict[str, ParameterSpec]:
    """Return all parameters by name, in the order of parameters.yaml."""
    entries = yaml.safe_load(_SCHEMA_FILE.read_text(encoding='utf-8'))
    schema = {}
    for name, entry in entries.items():
        for key in ('range', 'choices'):
            if key in entry:
                entry[key] = tuple(entry[key])
        schema[name] = ParameterSpec(name=name, **entry)
    return schema


@dataclasses.dataclass(frozen=True)
class ModelParameters:
    """`model.*`: the network and where it runs."""

    config: str
    checkpoint: str
    detector: str
    device: str
    precision: str
    backend: str
    onnx_provider: str
    profile: str
    compile: str
    num_threads: int
    encode_ahead: bool
    warmup_frames: int


@dataclasses.dataclass(frozen=True)
class MemoryParameters:
    """`memory.*`: what an object's memory bank keeps."""

    num_maskmem: int
    num_frame_to_prune: int
    protect_prompted_frames: bool
    max_prompted_frames: int
    corrections_condition: bool
    write_when_absent: bool
    min_score: float
    write_when_uncertain: bool


@dataclasses.dataclass(frozen=True)
class TrackingParameters:
    """`tracking.*`: objects, their states and prompts."""

    max_objects: int
    motion_hint: bool
    appearance_model: bool
    presence_threshold: float
    mask_threshold: float
    tentative_frames: int
    lost_after_s: float
    min_quality: float
    quality_frames: int
    max_overlap: float
    prompt_buffer_frames: int
    prompt_timeout_s: float


@dataclasses.dataclass(frozen=True)
class InputParameters:
    """`input.*`: how images come in."""

    transport: str
    policy: str
    queue_size: int
    max_age_ms: float
    timeout_s: float
    region: str
    reset_on_jump: bool
    qos: str


@dataclasses.dataclass(frozen=True)
class OutputParameters:
    """`output.*`: what is published."""

    masks: bool
    contours: bool
    label_image: bool
    label_uncertain: bool
    overlay: bool
    overlay_opacity: float
    overlay_labels: bool
    classes: str
    deadline_ms: float
    liveliness_lease_ms: float


@dataclasses.dataclass(frozen=True)
class RestartParameters:
    """`restart.*`: how the objects survive the end of the process."""

    snapshot_file: str
    snapshot_period_s: float
    max_age_s: float


@dataclasses.dataclass(frozen=True)
class DiagnosticsParameters:
    """`diagnostics.*`: how often to report and when to warn."""

    period_s: float
    min_rate_hz: float
    max_latency_ms: float
    max_silence_s: float
    exit_on_hang: bool


@dataclasses.dataclass(frozen=True)
class Parameters:
    """All parameters of the node at one moment."""

    model: ModelParameters
    memory: MemoryParameters
    tracking: TrackingParameters
    input: InputParameters
    output: OutputParameters
    discovery: DiscoverySettings
    restart: RestartParameters
    diagnostics: DiagnosticsParameters
    autostart: bool
    bond_timeout_s: float
    degrade: tuple[str, ...]
    cameras: tuple[str, ...]

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Parameters:
        """Build from a mapping of dotted names, which must hold exactly the names of the schema."""
        groups: dict[str, dict[str, Any]] = {}
        top = {}
        for name, value in values.items():
            group, _, leaf = name.rpartition('.')
            if group:
                groups.setdefault(group, {})[leaf] = value
            else:
                top[leaf] = value
        top['degrade'] = tuple(top['degrade'])
        top['cameras'] = tuple(name for name in top['cameras'] if name)  # [''] is none, as in ROS
        return cls(
            model=ModelParameters(**groups['model']),
            memory=MemoryParameters(**groups['memory']),
            tracking=TrackingParameters(**groups['tracking']),
            input=InputParameters(**groups['input']),
            output=OutputParameters(**groups['output']),
            discovery=DiscoverySettings(**groups['discovery']),
            restart=RestartParameters(**groups['restart']),
            diagnostics=DiagnosticsParameters(**groups['diagnostics']),
            **top,
        )

    @classmethod
    def defaults(cls) -> Parameters:
        """Return the defaults of the schema."""
        return cls.from_values({name: spec.default for name, spec in parameter_schema().items()})

    def to_engine_settings(self, compile: str) -> EngineSettings:
        """Return how the network is to be run, captured in the way that was chosen."""
        from surgsam2_ros.engines import EngineSettings

        model = self.model
        return EngineSettings(
            backend=model.backend,
            profile=model.profile,
            compile=compile,
            provider=model.onnx_provider,
        )

    def to_tracker_config(self) -> TrackerConfig:
        """Return the tracker's configuration.

        Raises:
            ValueError: when the tracker refuses a combination of values.
        """
        from surgsam2_ros.tracking import TrackerConfig

        prune = self.memory.num_frame_to_prune
        return TrackerConfig(
            num_maskmem=self.memory.num_maskmem,
            num_frame_to_prune=None if prune == LEFT_TO_NETWORK else prune,
            protect_prompted_frames=self.memory.protect_prompted_frames,
            max_prompted_frames=self.memory.max_prompted_frames,
            corrections_condition=self.memory.corrections_condition,
            write_memory_when_absent=self.memory.write_when_absent,
            min_memory_score=self.memory.min_score,
            write_memory_when_uncertain=self.memory.write_when_uncertain,
            max_objects=self.tracking.max_objects,
            motion_hint=self.tracking.motion_hint,
            appearance_model=self.tracking.appearance_model,
            region=self.input.region,
            mask_threshold=self.tracking.mask_threshold,
            presence_threshold=self.tracking.presence_threshold,
            tentative_frames=self.tracking.tentative_frames,
            lost_after_s=self.tracking.lost_after_s,
            min_quality=self.tracking.min_quality,
            quality_frames=self.tracking.quality_frames,
            max_overlap=self.tracking.max_overlap,
            replay_frames=self.tracking.prompt_buffer_frames,
        )


def declare_parameters(node: Node) -> None:
    """Declare every parameter of the schema on a node, and warn of names that are nearly one.

    Raises:
        ParameterError: a parameter file or the command line gives a value of the wrong type or
            out of its range.
    """
    for spec in parameter_schema().values():
        try:
            value = node.declare_parameter(spec.name, spec.default, spec.descriptor()).value
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            allowed = f' ({spec.constraint})' if spec.constraint else ''
            raise ParameterError(
                f'{error}; {spec.name} is a {spec.type}{allowed}: correct it in the parameter file'
            ) from error
        if value is None and spec.type == 'string_array':  # an empty list in a file has no type
            if spec.read_only:  # rclpy would keep it as it is
                raise ParameterError(
                    f"parameter {spec.name} is [], a list without a type; write [''] for none, or "
                    'leave it out of the parameter file'
                )
            value = []
            node.set_parameters([Parameter(spec.name, Parameter.Type.STRING_ARRAY, value)])
        fault = spec.fault(value)
        if fault:
            raise ParameterError(f'{fault}; correct it in the parameter file')
    for name in sorted(node._parameter_overrides.keys() - parameter_schema().keys()):
        # ROS ignores what a node does not know: a file may be for several nodes.
        for near in difflib.get_close_matches(name, parameter_schema(), n=1, cutoff=_MISSPELT):
            node.get_logger().warning(f'there is no parameter {name}; is {near} meant?')


def read_parameters(node: Node) -> Parameters:
    """Return the present values of a node that declared its parameters."""
    names = list(parameter_schema())
    return Parameters.from_values(
        {parameter.name: parameter.value for parameter in node.get_parameters(names)}
    )


def check_parameters(parameters: list[Parameter], *, configured: bool) -> SetParametersResult:
    """Check new values, as the node's set-parameters callback; names outside the schema pass.

    Args:
        parameters: the new values.
        configured: whether the node holds a network, so that what it was built from cannot change.
    """
    for parameter in parameters:
        spec = parameter_schema().get(parameter.name)
        if spec is None:
            continue
        fault = spec.fault(parameter.value)
        if fault is None and configured and spec.changes == 'unconfigured':
            fault = (
                f'parameter {spec.name} cannot change while the node is configured; '
                'deactivate and clean up the node first, then set it and configure again'
            )
        if fault:
            return SetParametersResult(successful=False, reason=fault)
    return SetParametersResult(successful=True)
