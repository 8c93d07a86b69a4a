# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The training of a detector: the network encodes, only the head learns."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from surgsam2_ros.network import SurgSAM2, load_network
from surgsam2_ros.network.instrument_detector import TRUNK_KEY, InstrumentDetector, trunk_digest
from surgsam2_ros.training.detector.config import DetectorConfig
from surgsam2_ros.training.detector.losses import detector_losses
from surgsam2_ros.training.detector.pictures import DetectorPictures
from surgsam2_ros.training.detector.pool import FeaturePool
from surgsam2_ros.training.detector.targets import Channel
from surgsam2_ros.training.export import export_safetensors, replacing
from surgsam2_ros.training.monitoring import Report, Status, TrainingLog
from surgsam2_ros.training.schedule import learning_rate_factor
from surgsam2_ros.training.state_file import STATE, reading_state, require_unused

WEIGHTS = 'last.safetensors'
_BATCH = 16  # pictures of validation that are encoded at once


def train_detector(
    config: DetectorConfig, output: Path, *, resume: bool = False, report: Report | None = None
) -> None:
    """Train a detector and leave weights, log and state in a folder.

    Args:
        config: settings.
        output: folder, created when missing.
        resume: go on from `state.pt` where there is one.
        report: called after every step.

    Raises:
        OutputFolderError: when the folder holds a training and `resume` is not set, or a state
            that belongs to other settings.
        CheckpointError: when the network's weights are missing.
        SourceError, FileNotFoundError, ValueError: naming pictures that cannot be used.
    """
    require_unused(output, resume=resume)
    output.mkdir(parents=True, exist_ok=True)
    run = DetectorRun(config, output, report)
    if resume:
        run.restore()
    run.to_end()


class _Draws(Dataset):
    """The fresh pictures of each step, drawn from the number of the step alone."""

    def __init__(self, config: DetectorConfig, pictures: DetectorPictures):
        self._config, self._pictures = config, pictures

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        cv2.setNumThreads(1)
        drawn = [
            self._pictures.draw(np.random.default_rng((self._config.seed, step, number)))
            for number in range(self._config.fresh_per_step)
        ]
        return tuple(torch.from_numpy(np.stack(part)) for part in zip(*drawn, strict=True))


class DetectorRun:
    """A training with its output folder.

    Args:
        config: settings.
        output: folder for log, state, weights and the pool of features.
        report: called after every step.
    """

    def __init__(self, config: DetectorConfig, output: Path, report: Report | None = None):
        self._config, self._output, self._report = config, output, report
        torch.manual_seed(config.seed)
        self.network = load_network(config.root / config.model).eval()
        model = self.network.config
        self.detector = InstrumentDetector(model.hidden_dim)
        self._optimizer = torch.optim.AdamW(
            self.detector.parameters(), lr=0.0, weight_decay=config.weight_decay
        )
        self._pool = FeaturePool(
            output / 'features.f16', config.pool, model.hidden_dim, 2 * model.feature_size
        )
        self._pictures = self._open(config.data, config.empty)
        self._held_out = self._open(config.validation, config.validation_empty)
        self.steps, self.seconds = 0, 0.0
        self.scores: dict[str, float] = {}

    @property
    def progress(self) -> float:
        """How much of the training is done, in [0, 1]."""
        config = self._config
        if config.steps is not None:
            return min(self.steps / config.steps, 1.0)
        return min(self.seconds / (60.0 * config.minutes), 1.0)

    def to_end(self) -> None:
        """Train to the end; validate and save now and then, and at last."""
        config = self._config
        log = TrainingLog(self._output, self.steps)
        validated = saved = self.seconds
        draws = self._draws()
        while self.progress < 1.0:
            started = time.perf_counter()
            terms = self.step(*next(draws))
            self.seconds += time.perf_counter() - started
            log.step(self.steps, self.seconds / 60, terms, self._optimizer.param_groups[0]['lr'])
            self._tell(terms)
            if self.seconds - validated >= 60 * config.validate_minutes:
                self._validate(log)
                validated = self.seconds
            if self.seconds - saved >= 60 * config.save_minutes:
                self.save()
                saved = self.seconds
        self._validate(log)
        self.save()
        log.close()

    def step(self, images: Tensor, targets: Tensor) -> dict[str, float]:
        """Encode fresh pictures, and train on them and some of the pool; returns the terms."""
        config, detector = self._config, self.detector
        stride8, stride16 = encode(self.network, images)
        first = self.steps * config.fresh_per_step
        self._pool.put(first, stride8, stride16, targets)
        rng = np.random.default_rng((config.seed, self.steps))
        again = config.pictures_per_step - config.fresh_per_step
        drawn = self._pool.draw(rng, again, first + len(images))
        batch = [
            torch.cat(parts) for parts in zip((stride8, stride16, targets), drawn, strict=True)
        ]
        factor = learning_rate_factor(self.progress, config.warmup, config.final_factor)
        for group in self._optimizer.param_groups:
            group['lr'] = config.learning_rate * factor
        detector.train()
        losses = detector_losses(detector.look(*batch[:2]), batch[2])
        self._optimizer.zero_grad(set_to_none=True)
        sum(losses.values()).backward()
        norm = torch.nn.utils.clip_grad_norm_(detector.parameters(), config.clip_norm)
        self._optimizer.step()
        self.steps += 1
        return {
            **{name: float(loss.detach()) for name, loss in losses.items()},
            'gradient': float(norm),
        }

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Loss terms on the held-out pictures, and what share of cells is told rightly."""
        self.detector.eval()
        pictures = list(self._held_out.evenly(self._config.validation_pictures))
        totals: dict[str, float] = {}
        both = either = 0.0
        for first in range(0, len(pictures), _BATCH):
            part = zip(*pictures[first : first + _BATCH], strict=True)
            images, targets = (torch.from_numpy(np.stack(arrays)) for arrays in part)
            maps = self.detector.look(*encode(self.network, images))
            share = len(images) / len(pictures)
            for name, loss in detector_losses(maps, targets).items():
                totals[name] = totals.get(name, 0.0) + share * float(loss)
            found, true = maps.mask_logits[:, 0] > 0, targets[:, Channel.COVERAGE] > 0.5
            both += float((found & true).sum())
            either += float((found | true).sum())
        return {**totals, 'cell_iou': both / max(either, 1.0)}

    def save(self) -> None:
        """Write everything needed to go on, and the weights."""
        state = {
            'detector': self.detector.state_dict(),
            'optimizer': self._optimizer.state_dict(),
            'steps': self.steps,
            'seconds': self.seconds,
            'pool': self._config.pool,
        }
        with replacing(self._output / STATE) as unfinished:
            torch.save(state, unfinished)
        weights = {
            name: tensor
            for name, tensor in self.detector.state_dict().items()
            if not name.endswith('num_batches_tracked')
        }
        facts = {
            TRUNK_KEY: trunk_digest(self.network),
            'model': self._config.model,
            'steps': str(self.steps),
            **{name: f'{value:.4f}' for name, value in self.scores.items()},
        }
        export_safetensors(weights, self._output / WEIGHTS, facts, dtype=torch.float32)

    def restore(self) -> None:
        """Go on from `state.pt` where there is one.

        Raises:
            OutputFolderError: when the state cannot be read or belongs to other settings.
        """
        path = self._output / STATE
        if not path.exists():
            return
        with reading_state(path):
            state = torch.load(path, weights_only=True)
            if state['pool'] != self._config.pool:
                raise ValueError(f'its pool is {state["pool"]}')
            self.detector.load_state_dict(state['detector'])
            self._optimizer.load_state_dict(state['optimizer'])
        self.steps, self.seconds = state['steps'], state['seconds']

    def _open(self, data, empty) -> DetectorPictures:
        config = self._config
        return DetectorPictures(
            data,
            empty,
            config.empty_share,
            config.augmentation,
            size=self.network.image_size,
            root=config.root,
            data_root=config.data_root,
        )

    def _draws(self) -> Iterator[tuple[Tensor, Tensor]]:
        workers = self._config.workers
        return iter(
            DataLoader(
                _Draws(self._config, self._pictures),
                batch_size=None,
                sampler=count(self.steps),
                num_workers=workers,
                multiprocessing_context='spawn' if workers else None,
            )
        )

    def _validate(self, log: TrainingLog) -> None:
        self.scores = self.validate()
        log.validated(self.steps, self.seconds / 60, self.scores, None)
        scores = ' '.join(f'{name} {value:.3f}' for name, value in self.scores.items())
        self._tell({}, f'step {self.steps}: {scores}')

    def _tell(self, terms: dict[str, float], message: str = '') -> None:
        if self._report is None:
            return
        done = self.progress
        left = self.seconds * (1 - done) / done if done > 0 else None
        self._report(Status(self.steps, done, left, terms, self.scores, message))


@torch.no_grad()
def encode(network: SurgSAM2, images: Tensor) -> tuple[Tensor, Tensor]:
    """Features at strides 8 and 16 of images float32 [B, 3, S, S]."""
    features = network.encode_image(images)
    return features.stride8.float(), features.stride16.float()
