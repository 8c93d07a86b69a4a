# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The training loop: steps, averaged weights, validation, states to resume from, the export."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from surgsam2_ros.network import SurgSAM2, build_network, load_imagenet_weights, load_network
from surgsam2_ros.training.clips import ClipFolder, render_clips
from surgsam2_ros.training.config import TrainingConfig
from surgsam2_ros.training.distributed import (
    FlatGradients,
    broadcast_from_first,
    rank,
    run_processes,
    sum_over_processes,
    world_size,
)
from surgsam2_ros.training.export import export_weights
from surgsam2_ros.training.foreground import ForegroundHead
from surgsam2_ros.training.objective import DrawingObjective
from surgsam2_ros.training.schedule import (
    AveragedWeights,
    clip_frames,
    learning_rate_factor,
    parameter_groups,
)
from surgsam2_ros.training.validation import validate

HELD_OUT_SEED = 1_000_000  # added to the seed of the training clips
LOG_STEPS = 20
LOCALITY = 1.5  # falls by 1.4 in the logits of the attention over two cells of the stride-16 map


def train(
    config: TrainingConfig,
    output: Path,
    *,
    resume: bool = False,
    report: Callable[[str], None] | None = None,
) -> None:
    """Render what clips are missing, train, and leave weights, log and state in a folder.

    They are called `weights.safetensors`, `log.jsonl` and `state.pt`.

    Args:
        config: settings.
        output: folder, created when missing.
        resume: go on from `state.pt` where there is one.
        report: takes every line of the log; it must be picklable.

    Raises:
        FileExistsError: when the folder holds a training and `resume` is not set.
    """
    if (output / 'state.pt').exists() and not resume:
        raise FileExistsError(f'{output} holds a training; resume it or choose another folder')
    output.mkdir(parents=True, exist_ok=True)
    folder = clip_folder(config, output)
    size = build_network(config.root / config.model).image_size
    for name, count, seed in (
        ('train', config.num_clips, config.seed),
        ('held_out', config.held_out_clips, config.seed + HELD_OUT_SEED),
    ):
        render_clips(folder / name, count, config.clip_length, size, seed, config.processes)
    run_processes(_train_process, config.processes, (config, output, report))


def clip_folder(config: TrainingConfig, output: Path) -> Path:
    """Return the folder of rendered clips, with `train` and `held_out` in it."""
    return output / 'clips' if config.clips is None else Path(config.clips)


def _train_process(
    config: TrainingConfig, output: Path, report: Callable[[str], None] | None
) -> None:
    if config.processes > 1:
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
    trainer = Trainer(config, output, report)
    trainer.restore()
    trainer.run()


def initial_network(config: TrainingConfig) -> SurgSAM2:
    """Build the network that a training starts from, in training mode."""
    torch.manual_seed(config.seed)
    path = config.root / config.model
    if config.initial_weights not in ('imagenet', 'random'):
        return load_network(path, checkpoint=config.initial_weights).train()
    network = build_network(path)
    for block in network.memory_encoder.fuser.layers:
        nn.init.ones_(block.gamma)  # the usual 1e-6 needs a long training to grow
    for layer in network.memory_attention.layers:
        # Equal biases make the rotated scores largest between equal places: the memory is looked
        # up where it was made from the first step on, instead of being averaged over the picture.
        nn.init.constant_(layer.cross_attn_image.q_proj.bias, LOCALITY)
        nn.init.constant_(layer.cross_attn_image.k_proj.bias, LOCALITY)
    if config.initial_weights == 'imagenet':
        load_imagenet_weights(network.image_encoder.trunk)
    return network.train()


class Trainer:
    """One training process; all processes hold equal weights after every step.

    Args:
        config: settings.
        output: folder for the log, the state and the weights, written by the first process.
        report: takes every line of the log.
    """

    def __init__(
        self,
        config: TrainingConfig,
        output: Path,
        report: Callable[[str], None] | None = None,
    ):
        self.config = config
        self._report = report or (lambda line: None)
        self.output = output
        self.network = initial_network(config)
        trunk = self.network.image_encoder.trunk
        if config.frozen_blocks:
            for module in (trunk.stem, *trunk.blocks[: config.frozen_blocks]):
                module.requires_grad_(False)
        self._trunk = [parameter for parameter in trunk.parameters() if parameter.requires_grad]
        foreground = ForegroundHead(self.network.config.hidden_dim)
        self._modules = nn.ModuleDict({'network': self.network, 'foreground': foreground})
        parameters = [p for p in self._modules.parameters() if p.requires_grad]
        self.gradients = FlatGradients(parameters)
        groups = parameter_groups(
            self._modules,
            trunk_scale=config.trunk_scale,
            weight_decay=config.weight_decay,
            trunk_weight_decay=0.0,
            decay_embeddings=False,
        )
        self.optimizer = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), fused=True)
        self.averaged = AveragedWeights(parameters, config.ema)
        folder = clip_folder(config, output)
        self._held_out = ClipFolder(folder / 'held_out')
        self._rng = np.random.default_rng([config.seed, rank()])
        self._objective = DrawingObjective(
            self.network, foreground, ClipFolder(folder / 'train'), config, self._rng
        )
        self.steps = 0
        self.seconds = 0.0  # of training, validation and pauses not counted

    @property
    def progress(self) -> float:
        """How much of the training is done, in [0, 1]."""
        if self.config.steps is not None:
            return min(self.steps / self.config.steps, 1.0)
        return min(self.seconds / (60.0 * self.config.minutes), 1.0)

    def run(self) -> None:
        """Train to the end, then validate and export."""
        saved, validated = self.seconds, self.seconds
        recent: list[dict[str, float]] = []  # terms since the last line of the log
        while self.progress < 1.0:
            started = time.perf_counter()
            recent.append(self.step())
            self.seconds += broadcast_from_first(time.perf_counter() - started)
            if self.steps % LOG_STEPS == 0:
                self._log({n: sum(terms[n] for terms in recent) / len(recent) for n in recent[0]})
                recent = []
            if self.seconds - validated > 60.0 * self.config.validate_minutes:
                validated = self.seconds
                self.validate_and_export()
            if self.seconds - saved > 60.0 * self.config.save_minutes:
                saved = self.seconds
                self.save()
        self.save()
        self.validate_and_export()

    def step(self) -> dict[str, float]:
        """Take a step; return the loss terms of this process and 'gradient', the norm."""
        config, progress = self.config, self.progress
        factor = learning_rate_factor(progress, config.warmup, config.final_factor)
        for group in self.optimizer.param_groups:
            group['lr'] = config.learning_rate * factor * group['scale']
        frames = clip_frames(progress, config.curriculum)
        if config.image_interval and self.steps % config.image_interval == 1:
            frames = 1
        # The trunk takes half the time of a step and needs the fewest of them.
        trains_trunk = frames == 1 or self.steps % config.trunk_interval == 0
        for parameter in self._trunk:
            parameter.requires_grad_(trains_trunk)
        self.gradients.zero()
        terms = self._objective(frames, progress)
        sum(terms.values()).backward()
        self.gradients.average()
        norm = self.gradients.clip(config.clip_norm)
        self.optimizer.step()
        self.averaged.update()
        self.steps += 1
        return {**{name: term.item() for name, term in terms.items()}, 'gradient': norm}

    def validate_and_export(self) -> dict[str, float]:
        """Measure the averaged weights on the held-out clips and export them."""
        self.averaged.swap()
        try:
            scores = validate(self.network, self._held_out, self.config.max_objects)
            if rank() == 0:
                facts = {'steps': str(self.steps), 'trained_on': 'rendered surgical scenes'}
                export_weights(self.network, self.output / 'weights.safetensors', facts)
        finally:
            self.averaged.swap()
        self._log(scores)
        return scores

    def save(self) -> None:
        """Write everything needed to go on, `state.pt`; the file is replaced at once."""
        if rank() != 0:
            return
        state = {
            'modules': self._modules.state_dict(),
            'optimizer': self.optimizer.state_dict(),
            'averaged': self.averaged.values,
            'updates': self.averaged.updates,
            'steps': self.steps,
            'seconds': self.seconds,
            'config': json.dumps(dataclasses.asdict(self.config), default=str),
        }
        unfinished = self.output / 'state.part'
        torch.save(state, unfinished)
        unfinished.replace(self.output / 'state.pt')

    def restore(self) -> None:
        """Go on from `state.pt` where there is one; random draws are seeded by the step."""
        path = self.output / 'state.pt'
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        self._modules.load_state_dict(state['modules'])
        self.optimizer.load_state_dict(state['optimizer'])
        for average, saved in zip(self.averaged.values, state['averaged'], strict=True):
            average.copy_(saved)
        self.averaged.updates = state['updates']
        self.steps, self.seconds = state['steps'], state['seconds']
        seeds = np.random.default_rng([self.config.seed, rank(), self.steps])
        self._rng.bit_generator.state = seeds.bit_generator.state

    def _log(self, values: dict[str, float]) -> None:
        """Append a line to `log.jsonl` and report it, values averaged over the processes."""
        numbers = torch.tensor(list(values.values()), dtype=torch.float64)
        numbers = sum_over_processes(numbers) / world_size()
        if rank() != 0:
            return
        line = {
            'step': self.steps,
            'minutes': round(self.seconds / 60.0, 2),
            **{name: round(float(number), 4) for name, number in zip(values, numbers, strict=True)},
        }
        with (self.output / 'log.jsonl').open('a', encoding='utf-8') as file:
            file.write(json.dumps(line) + '\n')
        self._report(' '.join(f'{name}={value}' for name, value in line.items()))
