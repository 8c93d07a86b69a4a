# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a run does with its videos: the network, the tracker, the prompts."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from surgsam2_ros.discovery.settings import DiscoverySettings
from surgsam2_ros.evaluation.runs.prompting import PromptSettings
from surgsam2_ros.network import ConfigError, NetworkConfig, SurgSAM2, load_config, load_network
from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig

WARM_UP_FRAMES = 2

PARAMETERS = {
    'input.region': 'region',
    'memory.num_maskmem': 'num_maskmem',
    'memory.num_frame_to_prune': 'num_frame_to_prune',
    'memory.protect_prompted_frames': 'protect_prompted_frames',
    'memory.max_prompted_frames': 'max_prompted_frames',
    'memory.write_when_absent': 'write_memory_when_absent',
    'memory.min_score': 'min_memory_score',
    'memory.write_when_uncertain': 'write_memory_when_uncertain',
    'memory.corrections_condition': 'corrections_condition',
    'tracking.max_objects': 'max_objects',
    'tracking.motion_hint': 'motion_hint',
    'tracking.appearance_model': 'appearance_model',
    'tracking.presence_threshold': 'presence_threshold',
    'tracking.mask_threshold': 'mask_threshold',
    'tracking.tentative_frames': 'tentative_frames',
    'tracking.lost_after_s': 'lost_after_s',
    'tracking.min_quality': 'min_quality',
    'tracking.quality_frames': 'quality_frames',
    'tracking.max_overlap': 'max_overlap',
    'tracking.prompt_buffer_frames': 'replay_frames',
}
"""Names of the node's parameters -> field of TrackerConfig."""

_KINDS = {bool: 'true or false', int: 'a whole number', float: 'a number', str: 'a word'}


@dataclass(frozen=True)
class NetworkChoice:
    """Which network runs where; it can be sent to another process.

    Attributes:
        config: YAML file.
        checkpoint: weights; None takes those that the configuration names.
        device: 'cpu', 'cuda' or 'cuda:N'.
        precision: 'fp32', 'fp16' or 'bf16'.
        threads: of torch on a CPU; sums depend on it in their last bits.
        changes: fields of NetworkConfig that differ from the file, as pairs.
    """

    config: Path
    checkpoint: Path | None = None
    device: str = 'cpu'
    precision: str = 'fp32'
    threads: int = 1
    changes: tuple[tuple[str, Any], ...] = ()

    def network_config(self) -> NetworkConfig:
        """Read the configuration, with the changes.

        Raises:
            ConfigError: when the file cannot be read, or a change is unknown or impossible.
        """
        fields = [field.name for field in dataclasses.fields(NetworkConfig)]
        for name, _ in self.changes:
            if name not in fields:
                raise ConfigError(f'there is no network.{name}; there are {", ".join(fields)}')
        return dataclasses.replace(load_config(self.config), **dict(self.changes))

    def load(self) -> SurgSAM2:
        """Load the network, have torch compute alike every time, and track a few blank frames.

        To be called once in a process, before anything else computes.
        """
        import numpy as np

        _compute_alike_every_time(self.threads)
        network = load_network(
            self.network_config(),
            checkpoint=self.checkpoint,
            device=self.device,
            precision=self.precision,
        )
        size = network.image_size
        tracker = StreamingTracker(network)
        tracker.add_objects([Prompt('warm-up', box=(size / 4, size / 4, size / 2, size / 2))])
        for _ in range(WARM_UP_FRAMES):
            tracker.track(np.zeros((size, size, 3), np.uint8))
        return network


@dataclass(frozen=True)
class Discovery:
    """How instruments are found where none is prompted.

    Attributes:
        settings: `discovery.*`.
        detector: weights of the network's detector.
    """

    settings: DiscoverySettings
    detector: Path


@dataclass(frozen=True)
class RunSettings:
    """How every video of a run is tracked.

    Attributes:
        prompts: what objects are prompted with.
        tracker: settings of the tracker.
        jointly: all objects of a video at once; False tracks one after the other, each from its
            own first frame, as the authors' tool does.
        discovery: None where objects are prompted.
    """

    prompts: PromptSettings = field(default_factory=PromptSettings)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    jointly: bool = True
    discovery: Discovery | None = None

    def tracker_for(self, objects: int) -> TrackerConfig:
        """Return the settings for a video of so many objects."""
        config = self.tracker
        if objects > config.max_objects:
            config = dataclasses.replace(config, max_objects=objects)
        if (self.prompts.correct_every or self.discovery) and not config.replay_frames:
            config = dataclasses.replace(config, replay_frames=1)
        return config


def tracker_config(parameters: Mapping[str, Any]) -> TrackerConfig:
    """Build the tracker's settings from values by the names of PARAMETERS; others are parity.

    Raises:
        ValueError: for an unknown name or a value that is not allowed.
    """
    fields = {}
    for name, value in parameters.items():
        if name not in PARAMETERS:
            raise ValueError(f"there is no parameter '{name}'; there are {', '.join(PARAMETERS)}")
        fields[PARAMETERS[name]] = _typed(name, value)
    return TrackerConfig(**fields)


def node_parameters(config: TrackerConfig, network: NetworkConfig) -> dict[str, Any]:
    """Return the parameters that have the node track as `config` says.

    Args:
        config: of the tracker.
        network: supplies what the config leaves to the network.
    """
    values = {name: getattr(config, key) for name, key in PARAMETERS.items()}
    for name in ('memory.num_maskmem', 'memory.num_frame_to_prune'):
        if values[name] is None:
            values[name] = getattr(network, PARAMETERS[name])
    return values


def _typed(name: str, value: Any) -> Any:
    """Check the type of a parameter's value; whole numbers pass for fractions.

    -1 leaves to the network what has no value of its own.
    """
    default = getattr(TrackerConfig(), PARAMETERS[name])
    if default is None and value == -1:
        return None
    kind = int if default is None else type(default)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind and value is not default:
        raise ValueError(f'{name} is {value!r}; it must be {_KINDS[kind]}')
    return value


def _compute_alike_every_time(threads: int) -> None:
    import torch

    os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # all of it is written to
