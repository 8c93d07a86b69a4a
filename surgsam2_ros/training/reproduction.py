# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A step that went wrong, saved so that it can be looked at again."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from torch import nn

from surgsam2_ros.network import build_network
from surgsam2_ros.training.batches import Group
from surgsam2_ros.training.clips import TrainingClip
from surgsam2_ros.training.config import TrainingConfig, TrainingConfigError, training_config
from surgsam2_ros.training.export import replacing


class NonFiniteLossError(RuntimeError):
    """A step whose loss or gradient is not a finite number."""


def save_reproduction(
    path: Path,
    config: TrainingConfig,
    modules: nn.Module,
    groups: list[Group],
    *,
    progress: float,
    num_objects: float,
) -> None:
    """Save all that decides the loss of a step in one process.

    Args:
        path: of the file.
        config: settings.
        modules: TrainedModules, as they were before the step.
        groups: what the step was trained on.
        progress: of the training, in [0, 1].
        num_objects: what the sums over objects are divided by.
    """
    content = {
        'config': describe(config),
        'root': str(config.root),
        'modules': modules.state_dict(),
        'progress': progress,
        'num_objects': num_objects,
        'groups': [
            {
                'seeds': list(group.seeds),
                'clips': [
                    {
                        'images': torch.from_numpy(np.asarray(clip.images)),
                        'masks': torch.from_numpy(np.asarray(clip.masks)),
                        'foreground': torch.from_numpy(np.asarray(clip.foreground)),
                        'names': list(clip.names),
                    }
                    for clip in group.clips
                ],
            }
            for group in groups
        ],
    }
    with replacing(path) as unfinished:
        torch.save(content, unfinished)


def describe(config: TrainingConfig) -> str:
    """Write a configuration as JSON."""
    values = dataclasses.asdict(config)
    del values['root']
    return json.dumps(values)


def replay(path: Path) -> list[tuple[list[str], dict[str, float]]]:
    """Compute the losses of a saved step again, on the CPU.

    Returns:
        for each batch of the step, the names of its clips and the terms of its loss.

    Raises:
        TrainingConfigError: when the file is no saved step.
    """
    from surgsam2_ros.training.modules import TrainedModules

    try:
        content = torch.load(path, weights_only=True)
        values = json.loads(content['config'])
    except (UnpicklingError, RuntimeError, KeyError, TypeError, ValueError, EOFError) as error:
        raise TrainingConfigError(
            f'{path} is no step saved by a training that stopped ({error}); such files are called '
            'non_finite_*.pt and lie in its output'
        ) from error
    config = training_config(values, Path(content['root']))
    modules = TrainedModules(build_network(config.root / config.model).train(), config)
    modules.load_state_dict(content['modules'])
    results = []
    for saved in content['groups']:
        clips = [
            TrainingClip(
                **{name: clip[name].numpy() for name in ('images', 'masks', 'foreground')},
                names=tuple(clip['names']),
            )
            for clip in saved['clips']
        ]
        group = Group(clips, tuple(saved['seeds']))
        with torch.no_grad():
            terms = modules(group, content['progress'], content['num_objects'])
        results.append((clip_titles(group), {name: float(term) for name, term in terms.items()}))
    return results


def clip_titles(group: Group) -> list[str]:
    """Name the clips of a group, 'video/first … last frame'."""
    return [
        clip.names[0]
        if len(clip.names) == 1
        else f'{clip.names[0]} … {clip.names[-1].rpartition("/")[2]}'
        for clip in group.clips
    ]


def is_finite(terms: dict[str, float]) -> bool:
    """Tell whether all terms are finite numbers."""
    return all(math.isfinite(term) for term in terms.values())
