# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The settings of a training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from surgsam2_ros.training.augmentation import Augmentation
from surgsam2_ros.training.clip_sources import MADE_TYPES, DataSource
from surgsam2_ros.training.disturbance import Disturbance
from surgsam2_ros.training.hints import HintRecipe
from surgsam2_ros.training.losses import LossWeights
from surgsam2_ros.training.prompts import PromptRecipe
from surgsam2_ros.training.sampling import Sampling
from surgsam2_ros.training.settings import TrainingConfigError, build_settings, read_settings

DEVICES = ('auto', 'cpu', 'cuda')
PRECISIONS = ('auto', 'fp32', 'bf16')


@dataclass(frozen=True)
class TrainingConfig:
    """What is trained on what, for how long and how.

    Relative paths start two folders above the configuration's own.

    Attributes:
        model: YAML of the network.
        image_size: side of its input while training, in pixels; None: that of the YAML.
        initial_weights: `imagenet` for the trunk of the installed EfficientNet-Lite0 package,
            `random`, or the path of a checkpoint of the same network.
        decoder_from: YAML of another network, whose prompt encoder and mask decoder are taken over,
            see `adopted_decoder`; None: those of the initial weights.
        seed: of clips, samples and initial weights.
        data: sources of training clips, mixed by their weights.
        data_root: folder below which the folders of composed clips and stills lie.
        sampling, augmentation: how clips are cut from their videos and changed.
        validation: sources of validation clips; they are neither augmented nor trained on.
        validation_clips, validation_frames: how many of them, and how long.
        minutes, steps, epochs: length of the training; exactly one is given. Minutes are those of
            training alone; in an epoch every frame of the data is the first one of a clip once.
        clips_per_step: clips whose gradients make a step, over all processes.
        clips_at_once: how many of them go through the network in one batch, prompted alike; fewer
            take less memory. None: all that a process has.
        images_per_step: unrelated images in a step whose clips have one frame, over all processes.
        curriculum: pairs (until this fraction of the training, frames per clip).
        image_interval: every so many-th step trains on images whatever the curriculum says; 0 for
            none.
        clip_interval: every so many-th step trains on clips, all others on images.
        learning_rate: peak; of the trunk, this times `trunk_scale`.
        trunk_scale: factor of the pretrained trunk's learning rate.
        layer_decay: factor of the learning rate from each block of the trunk to the one before it.
        scales: further factors of the learning rate, by prefix of the parameters' names.
        freeze: prefixes of the parameters that stay as they are, such as `image_encoder`.
        trunk_interval: the trunk is trained in every so many-th step on clips (on images always).
        weight_decay: of all but biases and norms.
        trunk_weight_decay: the same in the trunk; None: as elsewhere.
        decay_embeddings: whether embeddings, learned encodings and layer scales do.
        betas: of AdamW.
        clip_norm: largest norm of the gradient.
        warmup, final_factor: length of the warm-up and last learning rate as fractions.
        ema: decay of averaged weights, which are then what is validated and exported; None: none.
        prompts: how prompts are simulated.
        disturbance: of the memory.
        hints: how the hints of a network that takes them are disturbed.
        dictate_presence_until: fraction of the training over which the probability that the true
            presence is dictated to the memory falls from 1 to 0; 0 for never.
        appearance_model: learn what objects look like and correct by it, as the tracker does, also
            in the validation; for a network whose configuration has it.
        loss: weights of the loss terms.
        device: `auto` takes the GPUs where there are any.
        devices: processes per machine, each with a GPU of its own or a share of the CPU; under
            torchrun its own settings count.
        num_nodes: machines.
        precision: `auto` is bf16 on GPUs that have it and fp32 elsewhere.
        workers: processes that prepare clips for each training process; 0: it does so itself.
        save_minutes: wall-clock interval of the state to resume from.
        validate_minutes, validate_epochs: interval of validation; exactly one is given.
    """

    model: str
    data: tuple[DataSource, ...]
    validation: tuple[DataSource, ...]
    initial_weights: str = 'random'
    decoder_from: str | None = None
    data_root: str = ''
    seed: int = 0
    image_size: int | None = None
    sampling: Sampling = field(default_factory=Sampling)
    augmentation: Augmentation = field(default_factory=Augmentation)
    validation_clips: int = 16
    validation_frames: int = 8
    minutes: float | None = None
    steps: int | None = None
    epochs: float | None = None
    clips_per_step: int = 1
    clips_at_once: int | None = None
    images_per_step: int = 12
    curriculum: tuple[tuple[float, int], ...] = ((1.0, 8),)
    image_interval: int = 0
    clip_interval: int = 1
    learning_rate: float = 5e-5
    trunk_scale: float = 1.0
    layer_decay: float = 1.0
    scales: dict[str, float] = field(default_factory=dict)
    freeze: tuple[str, ...] = ()
    trunk_interval: int = 1
    weight_decay: float = 0.1
    trunk_weight_decay: float | None = None
    decay_embeddings: bool = True
    betas: tuple[float, float] = (0.9, 0.999)
    clip_norm: float = 0.1
    warmup: float = 0.0
    final_factor: float = 0.1
    ema: float | None = None
    prompts: PromptRecipe = field(default_factory=PromptRecipe)
    disturbance: Disturbance = field(default_factory=Disturbance)
    hints: HintRecipe = field(default_factory=HintRecipe)
    dictate_presence_until: float = 0.0
    appearance_model: bool = False
    loss: LossWeights = field(default_factory=LossWeights)
    device: str = 'auto'
    devices: int = 1
    num_nodes: int = 1
    precision: str = 'auto'
    workers: int = 0
    save_minutes: float = 10.0
    validate_minutes: float | None = None
    validate_epochs: float | None = None
    root: Path = field(default=Path(), compare=False)

    def __post_init__(self):
        """Check the values.

        Raises:
            TrainingConfigError: when a value is impossible.
        """

        def require(condition: bool, message: str) -> None:
            if not condition:
                raise TrainingConfigError(message)

        lengths = (self.minutes, self.steps, self.epochs)
        require(
            sum(length is not None for length in lengths) == 1,
            f'minutes, steps and epochs are {lengths}: give exactly one of them, null for others',
        )
        intervals = (self.validate_minutes, self.validate_epochs)
        require(
            sum(interval is not None for interval in intervals) == 1,
            f'validate_minutes and validate_epochs are {intervals}: give exactly one of them',
        )
        require(len(self.data) > 0, 'data is empty; name at least one source of clips')
        require(len(self.validation) > 0, 'validation is empty; name at least one source of clips')
        untils = [until for until, _ in self.curriculum]
        require(
            untils == sorted(untils) and untils[-1:] == [1.0],
            f'curriculum fractions {untils} must ascend and end at 1.0',
        )
        require(
            min(frames for _, frames in self.curriculum) >= 1,
            'curriculum: clips must have at least 1 frame',
        )
        for source in self.data:
            longest = max(frames for _, frames in self.curriculum)
            require(
                source.type != 'rendered' or longest <= source.clip_length,
                f'curriculum asks for {longest} frames, rendered clips have clip_length '
                f'{source.clip_length}',
            )
        for name in (
            'clips_per_step',
            'images_per_step',
            'clip_interval',
            'trunk_interval',
            'devices',
            'num_nodes',
            'validation_clips',
            'validation_frames',
        ):
            require(getattr(self, name) >= 1, f'{name} {getattr(self, name)} must be at least 1')
        at_once = self.clips_at_once or self.clips_per_step
        require(
            at_once >= 1 and self.clips_per_step % at_once == 0,
            f'clips_per_step {self.clips_per_step} must be a multiple of clips_at_once {at_once}',
        )
        require(
            self.images_per_step >= self.clips_per_step // at_once,
            f'images_per_step {self.images_per_step} must be at least one for each of the '
            f'{self.clips_per_step // at_once} batches of a step',
        )
        require(
            all(source.type not in MADE_TYPES or source.num_clips for source in self.validation),
            'validation: clips that are made (rendered, composed, stills) need num_clips, so that '
            'they stay the same',
        )
        for name, known in (('device', DEVICES), ('precision', PRECISIONS)):
            value = getattr(self, name)
            require(value in known, f'{name} {value!r} is unknown; use one of {", ".join(known)}')


def load_training_config(path: str | Path, overrides: Iterable[str] = ()) -> TrainingConfig:
    """Read a training configuration.

    Args:
        path: YAML file with fields of TrainingConfig.
        overrides: of `read_settings`.

    Raises:
        TrainingConfigError: for unknown fields, impossible values or an unreadable file.
    """
    return training_config(*read_settings(path, overrides))


def training_config(values: Mapping[str, Any], root: Path) -> TrainingConfig:
    """Make a training configuration of nested mappings and lists.

    Args:
        values: fields of TrainingConfig.
        root: folder that relative paths start from.

    Raises:
        TrainingConfigError: for unknown fields and impossible values.
    """
    return build_settings(TrainingConfig, {**values, 'root': root})
