# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One process of a training: the modules, the optimizer and the steps that change them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.training.batches import Group, steps_from
from surgsam2_ros.training.config import TrainingConfig, TrainingConfigError
from surgsam2_ros.training.modules import TrainedModules
from surgsam2_ros.training.reproduction import (
    NonFiniteLossError,
    clip_titles,
    is_finite,
    save_reproduction,
)
from surgsam2_ros.training.schedule import (
    AveragedWeights,
    clip_frames,
    learning_rate_factor,
    parameter_groups,
)
from surgsam2_ros.training.training_data import TrainingData


class Trainer:
    """One process of a training; all processes hold equal weights after every step.

    Args:
        config: settings.
        network: that the training starts from.
        data: source of clips.
        fabric: launched.
        output: folder for a step that went wrong.

    Attributes:
        modules: network and auxiliary head.
        optimizer: of their parameters.
        averaged: the averaged weights, or None.
        steps: taken so far.
        seconds: of training so far, validation and pauses not counted.
    """

    def __init__(
        self,
        config: TrainingConfig,
        network: SurgSAM2,
        data: TrainingData,
        fabric: Fabric,
        output: Path,
    ):
        self.config, self.fabric = config, fabric
        self._data, self._output = data, output
        self.modules = TrainedModules(network, config)
        groups = parameter_groups(
            self.modules,
            weight_decay=config.weight_decay,
            trunk_weight_decay=config.trunk_weight_decay,
            trunk_scale=config.trunk_scale,
            layer_decay=config.layer_decay,
            scales=config.scales,
            decay_embeddings=config.decay_embeddings,
        )
        parameters = [p for p in self.modules.parameters() if p.requires_grad]
        trunk = network.image_encoder.trunk
        self._trunk = [parameter for parameter in trunk.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(groups, lr=0.0, betas=config.betas, fused=True)
        self._wrapped, self.optimizer = fabric.setup(self.modules, optimizer)
        for parameter in parameters:  # what a step does not use moves on by its momentum
            parameter.grad = torch.zeros_like(parameter)
        self.averaged = None if config.ema is None else AveragedWeights(parameters, config.ema)
        self.steps, self.seconds = 0, 0.0

    @property
    def network(self) -> SurgSAM2:
        """The network in training."""
        return self.modules.network

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which every frame of the data is drawn once on average."""
        try:
            samples = self._data.samples_per_epoch
        except ValueError as error:
            raise TrainingConfigError(str(error)) from error
        return max(samples // self.config.clips_per_step, 1)

    @property
    def total_steps(self) -> int | None:
        """Length of the training, None where it is given in minutes."""
        config = self.config
        if config.epochs is not None:
            return max(round(config.epochs * self.steps_per_epoch), 1)
        return config.steps

    @property
    def progress(self) -> float:
        """How much of the training is done, in [0, 1]."""
        return self._progress_at(self.steps)

    def _progress_at(self, steps: int) -> float:
        total = self.total_steps
        if total is not None:
            return min(steps / total, 1.0)
        return min(self.seconds / (60.0 * self.config.minutes), 1.0)

    def frames_of(self, step: int) -> int:
        """Frames of the clips of a step; 1 for unrelated images."""
        interval = self.config.image_interval
        if (interval and step % interval == 1 % interval) or step % self.config.clip_interval:
            return 1
        return clip_frames(self._progress_at(step), self.config.curriculum)

    def take_steps(self) -> Iterator[dict[str, float]]:
        """Train to the end; yield the loss terms after every step, see `step`."""
        draws = steps_from(
            self.steps,
            self.frames_of,
            self.config,
            self._data,
            rank=self.fabric.global_rank,
            world=self.fabric.world_size,
        )
        while self.progress < 1.0:
            started = time.perf_counter()
            yield self.step(next(draws), started)

    def gradients(self, groups: list[Group]) -> dict[str, float]:
        """Compute the gradients of a step, averaged over the processes.

        Args:
            groups: what this process trains on.

        Returns:
            the loss terms of this process.
        """
        fabric, config = self.fabric, self.config
        # The trunk takes half the time of a step and needs the fewest of them.
        images = len(groups[0].clips[0].images) == 1
        trains_trunk = images or self.steps % config.trunk_interval == 0
        for parameter in self._trunk:
            parameter.requires_grad_(trains_trunk)
        self.optimizer.zero_grad(set_to_none=False)
        num_objects = self._objects_per_group(groups)
        totals: dict[str, float] = {}
        for number, group in enumerate(groups, 1):
            hold = number < len(groups) and fabric.world_size > 1
            with fabric.no_backward_sync(self._wrapped) if hold else nullcontext():
                terms = self._wrapped(group, self.progress, num_objects)
                fabric.backward(sum(terms.values()) / len(groups))
            for name, term in terms.items():
                totals[name] = totals.get(name, 0.0) + float(term.detach()) / len(groups)
        return totals

    def step(self, groups: list[Group], started: float | None = None) -> dict[str, float]:
        """Take a step.

        Args:
            groups: what this process trains on.
            started: `time.perf_counter()` when its preparation began.

        Returns:
            the loss terms, averaged over the processes, and 'gradient', the norm before clipping.

        Raises:
            NonFiniteLossError: when loss or gradient is not finite; the weights stay as they were.
        """
        config, fabric, progress = self.config, self.fabric, self.progress
        started = time.perf_counter() if started is None else started
        factor = learning_rate_factor(progress, config.warmup, config.final_factor)
        for group in self.optimizer.param_groups:
            group['lr'] = config.learning_rate * factor * group['scale']
        own = self.gradients(groups)
        norm = fabric.clip_gradients(
            self._wrapped, self.optimizer, max_norm=config.clip_norm, error_if_nonfinite=False
        )
        own['gradient'] = float(norm)
        seconds = time.perf_counter() - started
        terms = dict(zip(own, self._mean([*own.values(), seconds]), strict=False))
        if not is_finite(terms):
            self._stop(groups, own)
        self.optimizer.step()
        if self.averaged is not None:
            self.averaged.update()
        self.steps += 1
        self.seconds += self._mean([seconds])[0]
        return terms

    def state(self) -> dict[str, Any]:
        """Everything that a later process needs to go on as if nothing had happened."""
        return {
            'modules': self.modules.state_dict(),
            'optimizer': self.optimizer.state_dict(),
            'averaged': None if self.averaged is None else self.averaged.values,
            'updates': 0 if self.averaged is None else self.averaged.updates,
            'steps': self.steps,
            'seconds': self.seconds,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a state; what is drawn next depends on the number of the step alone.

        Raises:
            RuntimeError, ValueError, KeyError: when it belongs to another configuration.
        """
        averaged: list[Tensor] | None = state['averaged']
        if (averaged is None) != (self.averaged is None):
            raise ValueError('it was made with another setting of ema')
        self.modules.load_state_dict(state['modules'])
        self.optimizer.load_state_dict(state['optimizer'])
        if self.averaged is not None:
            for average, saved in zip(self.averaged.values, averaged, strict=True):
                average.copy_(saved)
            self.averaged.updates = state['updates']
        self.steps, self.seconds = state['steps'], state['seconds']

    def _objects_per_group(self, groups: list[Group]) -> float:
        """Mean number of objects of a group, over all processes."""
        return self._mean([sum(group.objects for group in groups) / len(groups)])[0]

    def _mean(self, values: list[float]) -> list[float]:
        """Average numbers over the processes; all get the same."""
        if self.fabric.world_size == 1:
            return values
        numbers = torch.tensor(values, dtype=torch.float64, device=self.fabric.device)
        return self.fabric.all_reduce(numbers, reduce_op='mean').tolist()

    def _stop(self, groups: list[Group], own: dict[str, float]) -> None:
        """Save the step and raise; `own` are the terms of this process."""
        name = f'non_finite_step_{self.steps}_process_{self.fabric.global_rank}.pt'
        path = self._output / name
        save_reproduction(
            path,
            self.config,
            self.modules,
            groups,
            progress=self.progress,
            num_objects=self._objects_per_group(groups),
        )
        terms = ', '.join(f'{term} {value:.4g}' for term, value in own.items())
        clips = '; '.join(title for group in groups for title in clip_titles(group))
        raise NonFiniteLossError(
            f'step {self.steps} has a loss or gradient that is no finite number: {terms}. Its '
            f'clips: {clips}. The step is saved: surgsam2 train --replay {path}. The weights are '
            'those before it; look at the clips, or lower learning_rate, and go on with --resume'
        )
