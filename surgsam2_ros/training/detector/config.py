# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The settings of a detector's training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from surgsam2_ros.training.augmentation import Augmentation
from surgsam2_ros.training.clip_sources import DataSource
from surgsam2_ros.training.settings import TrainingConfigError, build_settings

TASK = 'detector'
"""What `task` says in the YAML of such a training."""

LISTS = 'lists'
"""Key of the YAML for what its other entries refer to by anchors; it is no setting."""


@dataclass(frozen=True)
class DetectorConfig:
    """What the detector is trained on, for how long and how.

    Relative paths start two folders above the configuration's own.

    Attributes:
        model: YAML of the network whose features it reads; its weights stay as they are.
        data: sources of pictures with instruments, mixed by their weights.
        empty: sources of pictures without any, see `pictures.DetectorPictures`.
        empty_share: of the pictures, that show none.
        validation, validation_empty: the same for validation, on the other side of the hold-out.
        validation_pictures: how many of them.
        data_root: folder below which the folders of pictures lie.
        augmentation: of all pictures.
        seed: of pictures, batches and initial weights.
        minutes, steps: length of the training; exactly one is given.
        pictures_per_step: in a batch.
        fresh_per_step: of these, drawn and encoded anew; the others are taken from the pool.
        pool: pictures whose features are kept on disk to be trained on again.
        learning_rate: peak.
        weight_decay: of AdamW.
        warmup, final_factor: length of the warm-up and last learning rate as fractions.
        clip_norm: largest norm of the gradient.
        workers: processes that draw pictures; 0: the training itself does.
        save_minutes, validate_minutes: intervals of the state to resume from and of validation.
    """

    model: str
    data: tuple[DataSource, ...]
    empty: tuple[DataSource, ...]
    validation: tuple[DataSource, ...]
    validation_empty: tuple[DataSource, ...]
    task: str = TASK
    empty_share: float = 0.3
    validation_pictures: int = 160
    data_root: str = ''
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0
    minutes: float | None = None
    steps: int | None = None
    pictures_per_step: int = 16
    fresh_per_step: int = 4
    pool: int = 4096
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    warmup: float = 0.02
    final_factor: float = 0.01
    clip_norm: float = 5.0
    workers: int = 0
    save_minutes: float = 2.0
    validate_minutes: float = 5.0
    root: Path = field(default=Path(), compare=False)

    def __post_init__(self):
        """Check the values.

        Raises:
            TrainingConfigError: when a value is impossible.
        """

        def require(condition: bool, message: str) -> None:
            if not condition:
                raise TrainingConfigError(message)

        require(self.task == TASK, f'task {self.task!r} is unknown; use {TASK}, or leave it out')
        require(
            (self.minutes is None) != (self.steps is None),
            f'minutes and steps are {self.minutes, self.steps}: give exactly one of them',
        )
        for name in ('data', 'empty', 'validation', 'validation_empty'):
            require(len(getattr(self, name)) > 0, f'{name} is empty; name at least one source')
        require(
            0 <= self.empty_share < 1, f'empty_share {self.empty_share} must be from 0 to below 1'
        )
        require(
            1 <= self.fresh_per_step <= self.pictures_per_step <= self.pool,
            f'fresh_per_step {self.fresh_per_step}, pictures_per_step {self.pictures_per_step} and '
            f'pool {self.pool} must be at least 1 and not descend',
        )


def detector_config(values: Mapping[str, Any], root: Path) -> DetectorConfig:
    """Make the settings of nested mappings and lists.

    Raises:
        TrainingConfigError: for unknown fields and impossible values.
    """
    settings = {name: value for name, value in values.items() if name != LISTS}
    return build_settings(DetectorConfig, {**settings, 'root': root})
