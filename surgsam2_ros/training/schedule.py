# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What changes in the course of a training: learning rate, clip length, averaged weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

TRUNK_PREFIX = 'image_encoder.trunk.'


def learning_rate_factor(progress: float, warmup: float, floor: float) -> float:
    """Rise linearly over `warmup`, then fall in one cosine to `floor`; all as fractions.

    Args:
        progress: of the whole training, in [0, 1].
    """
    if progress < warmup:
        return max(progress / warmup, 0.01)
    turn = (progress - warmup) / (1.0 - warmup)
    return floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * min(turn, 1.0)))


def clip_frames(progress: float, curriculum: Sequence[Sequence[float]]) -> int:
    """Return the number of frames of a clip at this progress.

    Args:
        curriculum: (until, frames) in ascending order; an entry ends at its `until`.
    """
    for until, frames in curriculum:
        if progress < until:
            return int(frames)
    return int(curriculum[-1][1])


def parameter_groups(
    network: nn.Module, trunk_scale: float, weight_decay: float
) -> list[dict[str, object]]:
    """Sort parameters into matrices, the undecayed (biases, norms, embeddings), and the trunk.

    Every group has a 'scale' of the learning rate: `trunk_scale` for the trunk, which does not
    decay either. Parameters that need no gradient are left out.
    """
    decayed, plain, trunk = [], [], []
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        if TRUNK_PREFIX in name:
            trunk.append(parameter)
        elif parameter.ndim < 2 or _is_embedding(name):
            plain.append(parameter)
        else:
            decayed.append(parameter)
    return [
        {'params': decayed, 'scale': 1.0, 'weight_decay': weight_decay},
        {'params': plain, 'scale': 1.0, 'weight_decay': 0.0},
        {'params': trunk, 'scale': trunk_scale, 'weight_decay': 0.0},
    ]


def _is_embedding(name: str) -> bool:
    tokens = ('embed', 'tpos_enc', 'no_mem', 'no_obj', '_token')
    return any(token in name for token in tokens) and 'proj' not in name


class AveragedWeights:
    """The exponential moving average of a network's parameters.

    The decay grows to `decay` as (1 + n) / (10 + n), so that the first weights are soon forgotten.
    """

    def __init__(self, parameters: Iterable[Tensor], decay: float):
        self._live = list(parameters)
        self.values = [parameter.detach().clone() for parameter in self._live]
        self._decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Move the averages towards the live parameters, once per step."""
        self.updates += 1
        decay = min(self._decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self.values, [p.detach() for p in self._live], 1.0 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the averages and the live parameters; a second call undoes it."""
        for average, live in zip(self.values, self._live, strict=True):
            kept = live.detach().clone()
            live.copy_(average)
            average.copy_(kept)
