# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The training loop: steps, validation, states to resume from, the export."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from lightning_fabric import Fabric

from surgsam2_ros.training.clip_sources import DataSource
from surgsam2_ros.training.config import TrainingConfig
from surgsam2_ros.training.distributed import create_fabric, gather, lost_processes_named
from surgsam2_ros.training.export import export_official, export_safetensors, replacing
from surgsam2_ros.training.initial_network import initial_network, network_config
from surgsam2_ros.training.monitoring import Report, Status, TrainingLog, prediction_sheet
from surgsam2_ros.training.rendered_clips import render_clips
from surgsam2_ros.training.reproduction import describe
from surgsam2_ros.training.state_file import STATE, reading_state, require_unused
from surgsam2_ros.training.trainer import Trainer
from surgsam2_ros.training.training_data import TrainingData
from surgsam2_ros.training.validation import scores_of, validate

HELD_OUT_SEED = 1_000_000  # added to the seed of the training clips
SOURCE_SEED = 10_000_000  # added for each source before
PICTURES = 192  # that a narrow trunk, or the neck before an adopted decoder, is fitted on


def train(
    config: TrainingConfig, output: Path, *, resume: bool = False, report: Report | None = None
) -> None:
    """Train, and leave weights, log and state in a folder.

    `last.*` are the newest weights that were validated and `best.*` those with the highest 'J':
    `.safetensors` in float16 for the node, `.pt` in float32 for the official SAM 2 code.

    Args:
        config: settings.
        output: folder, created when missing.
        resume: go on from `state.pt` where there is one.
        report: called after every step by the first process.

    Raises:
        OutputFolderError: when the folder holds a training and `resume` is not set.
        DeviceError: when there is no such device.
        NonFiniteLossError: naming the clips of a step whose loss is no number.
        LostProcessError: when another process has failed.
    """
    fabric = create_fabric(config)
    require_unused(output, resume=resume)
    fabric.launch()
    if fabric.world_size > 1:
        cv2.setNumThreads(torch.get_num_threads())
    output.mkdir(parents=True, exist_ok=True)
    with lost_processes_named(fabric):
        run = Run(config, output, fabric, report)
        if resume:
            run.restore()
        run.to_end()


class Run:
    """A training with its output folder, in one process.

    Args:
        config: settings.
        output: folder for log, state and weights, written by the first process.
        fabric: launched.
        report: called after every step by the first process.

    Attributes:
        data: that is trained on.
        trainer: takes the steps.
        scores: of the last validation.
    """

    def __init__(
        self, config: TrainingConfig, output: Path, fabric: Fabric, report: Report | None = None
    ):
        self._config, self._output, self._fabric, self._report = config, output, fabric, report
        size = network_config(config).image_size
        self.data, self._held_out = open_data(config, output, size, fabric)
        network = initial_network(config, partial(_pictures, self.data, config.seed))
        self._left_out = self.data.left_out + self._held_out.left_out
        self.trainer = Trainer(config, network, self.data, fabric, output)
        self.scores: dict[str, float] = {}
        self._validated = (0, 0.0)  # steps and seconds at the last validation
        self._best = -math.inf
        self._log: TrainingLog | None = None

    def to_end(self) -> None:
        """Train to the end; validate and save now and then, and at last."""
        trainer = self.trainer
        if self._fabric.is_global_zero:
            self._log = TrainingLog(self._output, trainer.steps)
        for sentence in self._left_out:
            self._tell({}, f'left out: {sentence}')
        saved = trainer.seconds
        for terms in trainer.take_steps():
            if self._log is not None:
                rate = trainer.optimizer.param_groups[0]['lr']
                self._log.step(trainer.steps, trainer.seconds / 60.0, terms, rate)
            self._tell(terms)
            if self._validation_is_due():
                self.validate_and_export()
            elif trainer.seconds - saved < 60.0 * self._config.save_minutes:
                continue
            self.save()
            saved = trainer.seconds
        if self._validated[0] != trainer.steps:
            self.validate_and_export()
            self.save()
        if self._log is not None:
            self._log.close()

    def validate_and_export(self) -> dict[str, float]:
        """Measure the weights (the averaged ones) on the validation clips and write them."""
        config, fabric, trainer = self._config, self._fabric, self.trainer
        averaged = trainer.averaged
        if averaged is not None:
            averaged.swap()
        try:
            sums, tiles = validate(
                trainer.network,
                self._held_out.evenly(config.validation_clips, config.validation_frames),
                rank=fabric.global_rank,
                world=fabric.world_size,
                precision=fabric.autocast(),
                appearance_model=config.appearance_model,
            )
            self.scores = scores_of(fabric.all_reduce(sums, reduce_op='sum'))
            tiles = gather(fabric, tiles)
            better = self.scores['J'] > self._best
            if fabric.is_global_zero:
                self._export('last')
                if better:
                    self._export('best')
        finally:
            if averaged is not None:
                averaged.swap()
        self._validated = trainer.steps, trainer.seconds
        self._best = max(self._best, self.scores['J'])
        if self._log is not None:
            sheet = prediction_sheet(tiles, f'step {trainer.steps}, J {self.scores["J"]:.3f}')
            self._log.validated(trainer.steps, trainer.seconds / 60.0, self.scores, sheet)
        scores = ' '.join(f'{name} {value:.3f}' for name, value in self.scores.items())
        best = '  (best so far)' if better else ''
        self._tell({}, f'step {trainer.steps}: {scores}{best}')
        return self.scores

    def save(self) -> None:
        """Write everything needed to go on, `state.pt`; the file is replaced at once."""
        if not self._fabric.is_global_zero:
            return
        state = {
            **self.trainer.state(),
            'validated': list(self._validated),
            'best': self._best,
            'scores': self.scores,
            'config': describe(self._config),
        }
        with replacing(self._output / STATE) as unfinished:
            torch.save(state, unfinished)

    def restore(self) -> None:
        """Go on from `state.pt` where there is one.

        Raises:
            OutputFolderError: when the state belongs to another network or cannot be read.
        """
        path = self._output / STATE
        if not path.exists():
            return
        with reading_state(path):
            state = torch.load(path, map_location=self._fabric.device, weights_only=True)
            self.trainer.load_state(state)
        self._validated = tuple(state['validated'])
        self._best, self.scores = state['best'], state['scores']

    def _validation_is_due(self) -> bool:
        config, (steps, seconds) = self._config, self._validated
        if config.validate_epochs is not None:
            interval = max(round(config.validate_epochs * self.trainer.steps_per_epoch), 1)
            return self.trainer.steps - steps >= interval
        return self.trainer.seconds - seconds >= 60.0 * config.validate_minutes

    def _export(self, name: str) -> None:
        state = self.trainer.network.state_dict()
        facts = {
            'steps': str(self.trainer.steps),
            'model': self._config.model,
            'trained_on': ', '.join(source.title for source in self._config.data),
            'J': f'{self.scores["J"]:.4f}',
        }
        export_safetensors(state, self._output / f'{name}.safetensors', facts)
        export_official(state, self._output / f'{name}.pt')

    def _tell(self, terms: dict[str, float], message: str = '') -> None:
        if self._report is None or not self._fabric.is_global_zero:
            return
        trainer, done = self.trainer, self.trainer.progress
        left = trainer.seconds * (1.0 - done) / done if done > 0 and trainer.seconds > 0 else None
        self._report(Status(trainer.steps, done, left, terms, self.scores, message))


def open_data(
    config: TrainingConfig, output: Path, size: int, fabric: Fabric
) -> tuple[TrainingData, TrainingData]:
    """Open the clips for training and for validation, and render those that are missing.

    Args:
        config: settings.
        output: rendered clips without a path of their own lie in its folder `clips`.
        size: side of the network's input.
        fabric: the first process of each machine renders.

    Raises:
        FileNotFoundError: naming a missing folder or file.
        SourceError: naming a source that cannot be used.
    """
    clips = output / 'clips'
    train_seed, held_out_seed = config.seed, config.seed + HELD_OUT_SEED
    with fabric.rank_zero_first(local=True):
        train_on = _rendered(config.data, config.root, clips, 'train', size, train_seed)
        validate_on = _rendered(
            config.validation, config.root, clips, 'held_out', size, held_out_seed
        )
    training = TrainingData(
        train_on,
        config.sampling,
        config.augmentation,
        size=size,
        longest=max(frames for _, frames in config.curriculum),
        root=config.root,
        data_root=config.data_root,
    )
    held_out = TrainingData(
        validate_on,
        size=size,
        longest=config.validation_frames,
        root=config.root,
        data_root=config.data_root,
    )
    return training, held_out


def _pictures(data: TrainingData, seed: int) -> torch.Tensor:
    """Draw images that the training sees, float32 [B, 3, S, S]."""
    rng = np.random.default_rng((seed, PICTURES))
    clips = [data.draw(rng, 1) for _ in range(PICTURES)]
    return torch.from_numpy(np.concatenate([clip.images for clip in clips]))


def _rendered(
    sources: Sequence[DataSource], root: Path, clips: Path, name: str, size: int, seed: int
) -> list[DataSource]:
    """Render what is missing; sources that keep clips but name no path get a folder each."""
    placed = []
    for number, source in enumerate(sources):
        if source.type == 'rendered' and source.num_clips:
            if source.path is None:
                folder = clips / (f'{name}_{number + 1}' if number else name)
                source = dataclasses.replace(source, path=str(folder.resolve()))
            render_clips(
                root / Path(source.path).expanduser(),
                source.num_clips,
                source.clip_length,
                size,
                seed + number * SOURCE_SEED,
                processes=len(os.sched_getaffinity(0)),
                kinds=source.kinds,
            )
        placed.append(source)
    return placed
