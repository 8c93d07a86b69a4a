# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a step trains on: drawn from its number alone, whatever the number of processes.

A step has groups of clips; a group goes through the network at once, with random numbers of its
own. Processes share out the groups, so that two with one group each do what one does with both.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from surgsam2_ros.training.clips import TrainingClip
from surgsam2_ros.training.config import TrainingConfig
from surgsam2_ros.training.training_data import TrainingData


class Group:
    """Clips that go through the network at once.

    Attributes:
        clips: of equal length.
        seeds: of everything that is drawn while they are trained on.
    """

    def __init__(self, clips: list[TrainingClip], seeds: tuple[int, ...]):
        self.clips, self.seeds = clips, seeds

    @property
    def objects(self) -> int:
        """Number of objects of all clips."""
        return sum(len(clip.masks) for clip in self.clips)

    def generator(self) -> np.random.Generator:
        """Return the group's random numbers from their beginning, and seed torch with them."""
        rng = np.random.default_rng(self.seeds)
        torch.manual_seed(int(rng.integers(2**63)))
        return rng


class _Draw(NamedTuple):
    step: int
    frames: int


class _Steps(Dataset):
    """Draws the groups of a step that belong to one process."""

    def __init__(self, config: TrainingConfig, data: TrainingData, rank: int, world: int):
        self._config, self._data = config, data
        count = config.clips_per_step // clips_at_once(config, world)
        self._own = range(rank, count, world)
        self._clips = np.full(count, clips_at_once(config, world))
        self._images = np.full(count, config.images_per_step // count)
        self._images[: config.images_per_step % count] += 1

    def __getitem__(self, draw: _Draw) -> list[Group]:
        """Return the groups of a step."""
        seed = self._config.seed
        groups = []
        for number in self._own:
            count = (self._images if draw.frames == 1 else self._clips)[number]
            rng = np.random.default_rng((seed, draw.step, int(number), 0))
            clips = [self._data.draw(rng, draw.frames) for _ in range(count)]
            groups.append(Group(clips, (seed, draw.step, int(number), 1)))
        return groups


def clips_at_once(config: TrainingConfig, world: int) -> int:
    """Return the number of clips in a group."""
    return config.clips_at_once or config.clips_per_step // world


def steps_from(
    first: int,
    frames: Callable[[int], int],
    config: TrainingConfig,
    data: TrainingData,
    *,
    rank: int = 0,
    world: int = 1,
) -> Iterator[list[Group]]:
    """Yield the groups of one process for step `first` and all that follow.

    Args:
        first: number of the first step.
        frames: tells how many frames the clips of a step have; asked some steps ahead where
            `config.workers` prepare clips.
        config: settings.
        data: source of clips.
        rank, world: number of the process and of all processes.
    """
    draws = (_Draw(step, frames(step)) for step in itertools.count(first))
    return iter(
        DataLoader(
            _Steps(config, data, rank, world),
            batch_size=None,
            sampler=draws,
            num_workers=config.workers,
            collate_fn=_as_is,
            worker_init_fn=_start_worker,
            # A fork would copy locks that threads of this process hold, and wait for them for ever.
            multiprocessing_context='spawn' if config.workers else None,
        )
    )


def _as_is(groups: list[Group]) -> list[Group]:
    return groups


def _start_worker(number: int) -> None:
    cv2.setNumThreads(1)
