# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What changes in the course of a training: learning rate, clip length, averaged weights."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

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
    network: nn.Module,
    *,
    weight_decay: float,
    trunk_weight_decay: float | None = None,
    trunk_scale: float = 1.0,
    layer_decay: float = 1.0,
    scales: Mapping[str, float] = MappingProxyType({}),
    decay_embeddings: bool = True,
) -> list[dict[str, Any]]:
    """Sort parameters by weight decay and by the factor of their learning rate.

    Biases and the parameters of norms never decay. Parameters that need no gradient are left out.

    Args:
        network: the network, or a module that holds it.
        weight_decay: of all other parameters.
        trunk_weight_decay: of those in the trunk of the image encoder; None: the same.
        trunk_scale: factor of the trunk's learning rate.
        layer_decay: factor by which the learning rate falls from each layer of the trunk to the
            one before it. The last block has the factor `layer_decay`, the patch embedding (or the
            stem) the smallest one; the position embeddings have none, as in the official recipe.
        scales: further factors, by prefix of the parameters' names; all that fit are multiplied.
        decay_embeddings: whether embeddings, learned encodings and layer scales decay too, as in
            the official recipe. (There, the channel norms of convolutions decay as well.)

    Returns:
        groups with 'params', 'scale' and 'weight_decay', in the order of the network.

    Raises:
        ValueError: when a prefix of `scales` fits no parameter.
    """
    named = dict(network.named_parameters())
    _require_matches(scales, named)
    of_norms = _norm_parameters(network)
    layers = _trunk_layers(named)
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for name, parameter in named.items():
        if not parameter.requires_grad:
            continue
        scale, decay = 1.0, weight_decay
        for prefix, factor in scales.items():
            scale *= factor if _has_prefix(name, prefix) else 1.0
        if TRUNK_PREFIX in name:
            scale *= trunk_scale * layer_decay ** _layers_above(name, layers)
            decay = weight_decay if trunk_weight_decay is None else trunk_weight_decay
        spared = not decay_embeddings and (parameter.ndim < 2 or _is_embedding(name))
        if spared or name in of_norms or name.endswith('bias'):
            decay = 0.0
        group = {'params': [], 'scale': scale, 'weight_decay': decay}
        groups.setdefault((scale, decay), group)['params'].append(parameter)
    return list(groups.values())


def freeze(network: nn.Module, prefixes: Iterable[str]) -> list[str]:
    """Take the gradient from all parameters whose names start with one of the prefixes.

    Args:
        network: the network, or a module that holds it.
        prefixes: such as 'image_encoder.' or 'sam_prompt_encoder.'.

    Returns:
        the names of the frozen parameters.

    Raises:
        ValueError: when a prefix fits no parameter.
    """
    prefixes = list(prefixes)
    named = dict(network.named_parameters())
    _require_matches(prefixes, named)
    frozen = [name for name in named if any(_has_prefix(name, prefix) for prefix in prefixes)]
    for name in frozen:
        named[name].requires_grad_(False)
    return frozen


def _has_prefix(name: str, prefix: str) -> bool:
    """Whether a parameter is meant, also inside a module that holds the network as `network`."""
    return name.removeprefix('network.').startswith(prefix)


def _require_matches(prefixes: Iterable[str], names: Iterable[str]) -> None:
    for prefix in prefixes:
        if not any(_has_prefix(name, prefix) for name in names):
            parts = sorted({name.removeprefix('network.').split('.')[0] for name in names})
            raise ValueError(
                f'no parameter of the network starts with {prefix!r}; it has {", ".join(parts)}'
            )


def _norm_parameters(network: nn.Module) -> set[str]:
    """Names of the parameters of all norms."""
    return {
        f'{path}.{name}'.lstrip('.')
        for path, module in network.named_modules()
        if 'norm' in type(module).__name__.lower()
        for name, _ in module.named_parameters(recurse=False)
    }


def _trunk_layers(names: Iterable[str]) -> int:
    """Return the number of blocks of the trunk; 0 without one."""
    return 1 + max((block for block in map(_trunk_block, names) if block is not None), default=-1)


def _trunk_block(name: str) -> int | None:
    match = re.search(rf'{re.escape(TRUNK_PREFIX)}blocks\.(\d+)\.', name)
    return int(match[1]) if match else None


def _layers_above(name: str, blocks: int) -> int:
    """Return how often layer decay applies to a parameter of the trunk."""
    block = _trunk_block(name)
    if block is not None:
        return blocks - block
    inside = name.split(TRUNK_PREFIX)[1]
    return blocks + 1 if inside.startswith(('patch_embed.', 'stem.')) else 0


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
