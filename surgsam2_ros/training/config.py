# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The settings of a training, read from YAML and overridden from the command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from surgsam2_ros.training.losses import LossWeights
from surgsam2_ros.training.unroll import Disturbance


class TrainingConfigError(ValueError):
    """A training configuration with an unknown field or an impossible value."""


@dataclass(frozen=True)
class TrainingConfig:
    """What is trained on what, for how long and how.

    Attributes:
        model: YAML of the network; a relative path starts two folders above the configuration's.
        initial_weights: `imagenet` for the trunk of the installed EfficientNet-Lite0 package,
            `random`, or the path of a checkpoint of the same network.
        seed: of clips, samples and initial weights.
        clips: folder of rendered clips, to which missing ones are added; None: in the output.
        num_clips, clip_length: training clips and the frames of each.
        held_out_clips: clips for validation, rendered from other seeds.
        processes: training processes; gradients are averaged over them. Each uses one thread.
        minutes: wall-clock length of the training without validation, or None.
        steps: number of steps, or None; one of the two must be given.
        learning_rate: peak; of the trunk, this times `trunk_scale`.
        trunk_scale: factor of the pretrained trunk's learning rate.
        frozen_blocks: first blocks of an EfficientNet trunk, with its stem, that stay as they are.
        trunk_interval: the trunk is trained in every so many-th step on clips (on images always).
        weight_decay: of matrices outside the trunk.
        clip_norm: largest norm of the gradient.
        warmup, final_factor: length of the warm-up and last learning rate as fractions.
        ema: decay of the averaged weights, which are what is validated and exported.
        curriculum: pairs (until this fraction of the training, frames per clip).
        image_interval: every so many-th step trains boxes and clicks on images whatever the
            curriculum says; 0 for none.
        images_per_step: unrelated images per process while clips have one frame.
        max_objects: tracked objects per clip.
        mask_prompts, box_prompts: shares of these first-frame prompts; the rest are clicks.
        disturbance: of the memory.
        dictate_presence_until: fraction of the training over which the probability that the true
            presence is dictated to the memory falls from 1 to 0.
        loss: weights of the loss terms.
        save_minutes, validate_minutes: wall-clock intervals.
    """

    model: str = 'models/surgsam2_nano.yaml'
    initial_weights: str = 'imagenet'
    seed: int = 0
    clips: str | None = None
    num_clips: int = 2600
    clip_length: int = 10
    held_out_clips: int = 24
    processes: int = 2
    minutes: float | None = None
    steps: int | None = None
    learning_rate: float = 6e-4
    trunk_scale: float = 0.15
    frozen_blocks: int = 0
    trunk_interval: int = 1
    weight_decay: float = 0.03
    clip_norm: float = 1.0
    warmup: float = 0.02
    final_factor: float = 0.01
    ema: float = 0.999
    curriculum: tuple[tuple[float, int], ...] = ((0.15, 1), (1.0, 4))
    image_interval: int = 0
    images_per_step: int = 6
    max_objects: int = 3
    mask_prompts: float = 0.5
    box_prompts: float = 0.25
    disturbance: Disturbance = field(default_factory=Disturbance)
    dictate_presence_until: float = 0.3
    loss: LossWeights = field(default_factory=LossWeights)
    save_minutes: float = 4.0
    validate_minutes: float = 6.0
    root: Path = field(default=Path(), compare=False)

    def __post_init__(self):
        """Check the values.

        Raises:
            TrainingConfigError: when a value is impossible.
        """

        def require(condition: bool, message: str) -> None:
            if not condition:
                raise TrainingConfigError(message)

        require(
            (self.minutes is None) != (self.steps is None),
            f'minutes {self.minutes} and steps {self.steps}: give exactly one of them',
        )
        untils = [until for until, _ in self.curriculum]
        require(
            untils == sorted(untils) and untils[-1:] == [1.0],
            f'curriculum fractions {untils} must ascend and end at 1.0',
        )
        longest = max(frames for _, frames in self.curriculum)
        require(
            1 <= longest <= self.clip_length,
            f'curriculum asks for {longest} frames, clips have clip_length {self.clip_length}',
        )
        shares = self.mask_prompts, self.box_prompts
        require(
            min(shares) >= 0 and sum(shares) <= 1,
            f'mask_prompts and box_prompts {shares} must be shares with a sum of at most 1',
        )
        require(self.processes >= 1, f'processes {self.processes} must be at least 1')


def load_training_config(path: str | Path, overrides: Iterable[str] = ()) -> TrainingConfig:
    """Read a training configuration.

    Args:
        path: YAML file with fields of TrainingConfig.
        overrides: `key=value` strings; dots enter `loss` and `disturbance`, values are YAML.

    Raises:
        TrainingConfigError: for unknown fields, impossible values or an unreadable file.
    """
    path = Path(path)
    try:
        values = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, yaml.YAMLError) as error:
        raise TrainingConfigError(f'training config {path} cannot be read: {error}') from error
    if not isinstance(values, dict):
        raise TrainingConfigError(f'training config {path} must be a mapping of fields to values')
    for override in overrides:
        key, separator, text = override.partition('=')
        if not separator:
            raise TrainingConfigError(f'override {override!r} must look like key=value')
        *parents, last = key.split('.')
        target = values
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = yaml.safe_load(text)
    values['disturbance'] = _build(Disturbance, values.get('disturbance', {}), 'disturbance')
    values['loss'] = _build(LossWeights, values.get('loss', {}), 'loss')
    if 'curriculum' in values:
        values['curriculum'] = tuple((float(until), int(n)) for until, n in values['curriculum'])
    return _build(TrainingConfig, {**values, 'root': path.resolve().parents[2]}, str(path))


def _build(cls: type, values: Mapping[str, Any], where: str) -> Any:
    known = {item.name for item in dataclasses.fields(cls)}
    unknown = sorted(set(values) - known)
    if unknown:
        fields = ', '.join(sorted(known - {'root'}))
        raise TrainingConfigError(f'{where}: unknown field {unknown[0]!r}; the fields are {fields}')
    return cls(**values)
