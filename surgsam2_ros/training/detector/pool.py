# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Features of pictures that were encoded, kept on disk to be trained on again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from surgsam2_ros.training.detector.targets import Channel


class FeaturePool:
    """A ring of the newest pictures' features and targets, in float16.

    Args:
        path: file, made when it is missing; about 220 kB a picture at 320 px.
        count: pictures that it holds.
        dim: hidden channels D of the network.
        side: cells a side of the stride-8 map.
    """

    def __init__(self, path: Path, count: int, dim: int, side: int):
        self._shapes = (
            (dim // 4, side, side),
            (dim, side // 2, side // 2),
            (len(Channel), side, side),
        )
        self._sizes = [int(np.prod(shape)) for shape in self._shapes]
        shape = (count, sum(self._sizes))
        known = path.exists() and path.stat().st_size == 2 * shape[0] * shape[1]
        self._rows = np.memmap(path, np.float16, 'r+' if known else 'w+', shape=shape)

    def put(self, first: int, stride8: Tensor, stride16: Tensor, targets: Tensor) -> None:
        """Keep B pictures, the first of which is the `first`-th that was ever drawn."""
        parts = [part.flatten(1).half().numpy() for part in (stride8, stride16, targets)]
        rows = (first + np.arange(len(parts[0]))) % len(self._rows)
        self._rows[rows] = np.concatenate(parts, axis=1)

    def draw(self, rng: np.random.Generator, count: int, seen: int) -> list[Tensor]:
        """Draw features and targets as `put` took them; `seen` pictures were put so far."""
        rows = rng.integers(min(seen, len(self._rows)), size=count)
        ends = np.cumsum(self._sizes)[:-1]
        parts = np.split(self._rows[rows], ends, axis=1)
        return [
            torch.from_numpy(part.reshape(count, *shape).astype(np.float32))
            for part, shape in zip(parts, self._shapes, strict=True)
        ]
