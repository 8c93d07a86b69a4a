# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Takes ImageNet weights over into a narrower or shorter EfficientNet-Lite0.

Merely cutting channels off leaves nothing of what the network knew: at stride 16 the features of
the narrow trunk then correlate with the original's by 0.1. Block by block, the hidden channels that
contribute most are kept, and the projection after them is fitted anew to the original's output on
pictures, as in the reconstruction of He et al. (Channel Pruning, ICCV 2017): 0.9.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from surgsam2_ros.network.efficientnet_lite import (
    EfficientNetLite0,
    InvertedResidual,
    load_imagenet_weights,
)

_MOST_PLACES = 60_000  # of a feature map that a projection is fitted on
_RIDGE = 1e-3  # of the mean square of the hidden channels


@torch.no_grad()
def fill_narrow_trunk(trunk: EfficientNetLite0, images: Tensor) -> None:
    """Fill a trunk with what ImageNet weights compute on pictures.

    Args:
        trunk: narrower or shorter than the original.
        images: float32 [B, 3, S, S], normalised; what the trunk is to see.
    """
    original = EfficientNetLite0()
    load_imagenet_weights(original)
    trunk.stem.load_state_dict(original.stem.state_dict())
    wanted = x = original.stem_features(images)
    kept = trunk.blocks_of_original()
    for block, (index, following) in zip(
        trunk.blocks, pairwise([*kept, len(original.blocks)]), strict=True
    ):
        for skipped in original.blocks[index:following]:  # blocks that a shorter stage lacks
            wanted = skipped(wanted)
        _fit_block(block, original.blocks[index], x, wanted)
        x = block(x)


def _fit_block(
    block: InvertedResidual, original: InvertedResidual, x: Tensor, wanted: Tensor
) -> None:
    """Choose the hidden channels of a block and fit its projection to the output wanted."""
    hidden = x if original.expand is None else original.expand(x, relu6=True)
    hidden = at_places(original.depthwise(hidden, relu6=True))  # [places, channels]
    wanted = at_places(wanted - x if block.residual else wanted)
    contribution = hidden.std(dim=0) * original.project.weight.flatten(1).norm(dim=0)
    channels = contribution.topk(block.depthwise.groups).indices.sort().values
    parts = [(block.depthwise, original.depthwise)]
    if block.expand is not None:
        parts.append((block.expand, original.expand))
    for narrow, wide in parts:
        narrow.weight.copy_(wide.weight[channels])
        narrow.bias.copy_(wide.bias[channels])
    # What the pictures do not decide stays as in the original.
    before = original.project.weight.flatten(1)[:, channels].T.double()
    before = torch.cat([before, original.project.bias[None].double()])
    known = torch.cat([hidden[:, channels], hidden.new_ones(len(hidden), 1)], dim=1)
    fitted = before + ridge_change(known, wanted - known @ before)
    block.project.weight.copy_(fitted[:-1].T[..., None, None])
    block.project.bias.copy_(fitted[-1])


def ridge_change(known: Tensor, residual: Tensor) -> Tensor:
    """Solve known @ change = residual by ridge regression: [places, C], [places, D] -> [C, D]."""
    gram = known.T @ known
    ridge = _RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    return torch.linalg.solve(gram + ridge, known.T @ residual)


def at_places(features: Tensor) -> Tensor:
    """Take [B, C, H, W] at evenly spread places: float64 [places, C]."""
    rows = features.permute(0, 2, 3, 1).flatten(0, 2)
    return rows[:: max(1, -(-len(rows) // _MOST_PLACES))].double()
