# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of a node that is to do what a run of an evaluation does."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from surgsam2_ros.evaluation.runs.settings import Discovery, NetworkChoice, RunSettings

PROMPT_TIMEOUT_S = 30.0


def tracker_parameters(
    choice: NetworkChoice, settings: RunSettings, objects: int
) -> dict[str, Any]:
    """Return the node's parameters that have it track as the tracker would.

    Raises:
        ValueError: when the tracker has a setting that the node lacks.
    """
    from surgsam2_ros.evaluation.runs.settings import node_parameters

    parameters = node_parameters(settings.tracker_for(objects), choice.network_config())
    if not settings.tracker.replay_frames:
        # Prompts of dropped images need the frames beside them, so the node's own number stands.
        del parameters['tracking.prompt_buffer_frames']
    return parameters


def live_parameters(
    choice: NetworkChoice, settings: RunSettings, folder: Path, *, objects: int, compressed: bool
) -> dict[str, Any]:
    """Return all of the node's parameters: network, tracker, and the input of a live camera."""
    from surgsam2_ros.network.checkpoint import checkpoint_path

    weights = checkpoint_path(choice.network_config(), choice.checkpoint)
    return {
        **tracker_parameters(choice, settings, objects),
        'model.config': str(_config_file(choice, folder).resolve()),
        'model.checkpoint': str(weights.resolve()),
        'model.device': choice.device,
        'model.precision': choice.precision,
        'input.policy': 'latest',
        'input.transport': 'compressed' if compressed else 'raw',
        'output.masks': True,
        'tracking.prompt_timeout_s': PROMPT_TIMEOUT_S,
        **_discovery_parameters(settings.discovery),
    }


def _discovery_parameters(discovery: Discovery | None) -> dict[str, Any]:
    """Return how the node is to find instruments; nothing where they are prompted."""
    if discovery is None:
        return {}
    values = dataclasses.asdict(discovery.settings)
    return {
        **{f'discovery.{name}': value for name, value in values.items()},
        'model.detector': str(discovery.detector.resolve()),
    }


def _config_file(choice: NetworkChoice, folder: Path) -> Path:
    """Return the network's configuration, written anew where it is not that of the file."""
    if not choice.changes:
        return choice.config
    values = dataclasses.asdict(choice.network_config())
    del values['directory']
    path = folder / f'{choice.config.stem}.yaml'
    path.write_text(json.dumps(values, indent=2) + '\n')  # JSON is YAML
    return path
