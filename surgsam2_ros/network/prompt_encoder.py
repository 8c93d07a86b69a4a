# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Prompt encoder: points and box corners become tokens, previous masks a dense map."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from surgsam2_ros.network.convolution import Conv2d
from surgsam2_ros.network.layers import LayerNorm2d
from surgsam2_ros.network.position_encoding import FourierPositionEncoding


class PromptEncoder(nn.Module):
    """Encodes prompts for the mask decoder.

    Args:
        dim: channels of an embedding.
        image_size: side of the network's input in pixels, the unit of the points.
        grid_size: cells per side of the frame features.
    """

    def __init__(self, dim: int, image_size: int, grid_size: int) -> None:
        super().__init__()
        self.image_size = image_size
        self.pe_layer = FourierPositionEncoding(dim, grid_size)
        # Background point, foreground point, first and second box corner.
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, dim) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, dim)
        self.mask_downscaling = nn.Sequential(
            Conv2d(1, 4, 2, stride=2),
            LayerNorm2d(4),
            nn.GELU(),
            Conv2d(4, 16, 2, stride=2),
            LayerNorm2d(16),
            nn.GELU(),
            Conv2d(16, dim, 1),
        )
        self.no_mask_embed = nn.Embedding(1, dim)

    def sparse(self, points: Tensor | None, labels: Tensor | None, objects: int) -> Tensor:
        """Encode points as tokens.

        Args:
            points: float [N, P, 2], x and y in pixels of the network's input, or None.
            labels: int [N, P]; 0 background, 1 foreground, 2 and 3 box corners, -1 no point.
            objects: N.

        Returns:
            [N, P + 1, dim]; the last token says "no point" (without points there are two of them).
        """
        nothing = self.not_a_point_embed.weight
        if points is None:
            return nothing.expand(objects, 2, -1)
        encoding = self.pe_layer.encode((points + 0.5) / self.image_size)
        kinds = torch.cat([nothing] + [kind.weight for kind in self.point_embeddings])
        encoding = torch.where((labels >= 0)[..., None], encoding, 0.0)
        tokens = encoding + F.embedding(labels.long() + 1, kinds)
        return torch.cat((tokens, nothing.expand(objects, 1, -1)), dim=1)

    def dense(self, mask_logits: Tensor | None, given: Tensor | None = None) -> Tensor:
        """Encode masks [N, 1, S / 4, S / 4] as [N, dim, h, w]; None gives [1, dim, 1, 1].

        `given`, bool [N], says which objects have a mask; None: all.
        """
        nothing = self.no_mask_embed.weight[..., None, None]
        if mask_logits is None:
            return nothing
        encoded = self.mask_downscaling(mask_logits)
        return (
            encoded if given is None else torch.where(given[:, None, None, None], encoded, nothing)
        )
