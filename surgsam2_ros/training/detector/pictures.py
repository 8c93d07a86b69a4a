# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Draws the pictures that the detector learns from: with instruments, and with none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from surgsam2_ros.synthesis.composing import compose_clip, tissue_clip
from surgsam2_ros.training.augmentation import Augmentation, augment
from surgsam2_ros.training.clip_sources import DataSource
from surgsam2_ros.training.clips import normalise
from surgsam2_ros.training.composed_clips import ComposedMaker, open_maker
from surgsam2_ros.training.detector.targets import detector_targets
from surgsam2_ros.training.sampling import Sampling
from surgsam2_ros.training.training_data import TrainingData

_ALL = Sampling(max_objects=254)


class DetectorPictures:
    """Pictures with instruments and pictures of tissue alone.

    Args:
        data: sources of pictures with instruments.
        empty: sources of type composed whose pictures show none: tissue as it is composed with,
            and, in the share `pieces` of them, irregular pieces of other tissue moved over it, so
            that an outline of something pasted is no sign of an instrument.
        empty_share: of the pictures, that come from `empty`.
        augmentation: of all.
        size: side S.
        root: folder that relative paths start from.
        data_root: folder that holds the folders of pictures.

    Raises:
        ValueError, SourceError, FileNotFoundError: as `TrainingData` and `open_maker`.
    """

    def __init__(
        self,
        data: Sequence[DataSource],
        empty: Sequence[DataSource],
        empty_share: float,
        augmentation: Augmentation,
        *,
        size: int,
        root: Path,
        data_root: str,
    ):
        self._size, self._augmentation, self._share = size, augmentation, empty_share
        self._data = TrainingData(
            data, _ALL, augmentation, size=size, longest=1, root=root, data_root=data_root
        )
        self._empty = [open_empty(source, root / data_root) for source in empty]
        weights = np.array([source.weight for source in empty])
        self._weights = weights / weights.sum()

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw a picture, float32 [3, S, S] normalised, and its targets float32 [8, S/8, S/8]."""
        if rng.random() >= self._share:
            clip = self._data.draw(rng, 1)
            return clip.images[0], detector_targets(clip.masks[:, 0], clip.foreground[0])
        maker = self._empty[rng.choice(len(self._empty), p=self._weights)]
        return self._without(maker, rng)

    def evenly(self, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield `count` pictures that are the same every time, for validation."""
        for number in range(count):
            yield self.draw(np.random.default_rng((number, 1)))

    def _without(
        self, maker: ComposedMaker, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        material = maker.material
        if rng.random() < material.pieces:
            rgb, _ = compose_clip(rng, 1, self._size, replace(material, pieces=1.0))
        else:
            rgb = tissue_clip(rng, 1, self._size, material)
        nothing = np.zeros(rgb.shape[:3], np.uint8)
        rgb, nothing = augment(rgb, nothing, self._size, self._augmentation, rng)
        none = np.zeros((0, *nothing.shape[1:]), bool)
        return normalise(rgb)[0], detector_targets(none, nothing[0] > 0)


def open_empty(source: DataSource, data_root: Path) -> ComposedMaker:
    """Open a source of pictures without instruments.

    Raises:
        ValueError: when it is not of type composed.
        SourceError, FileNotFoundError: as `open_maker`.
    """
    if source.type != 'composed':
        raise ValueError(
            f'empty: a source of type {source.type!r} shows objects; use composed, with tissue'
        )
    return open_maker(source, data_root)
