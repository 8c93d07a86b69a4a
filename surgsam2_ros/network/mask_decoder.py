# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Mask decoder: two-way attention of prompt and image tokens, masks from hypernetworks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from surgsam2_ros.network.frame_tensors import MaskCandidates
from surgsam2_ros.network.layers import MLP, Attention, LayerNorm2d, TokenAttention
from surgsam2_ros.network.linear import linear

_STABILITY_OFFSET = 0.05
_STABILITY_THRESHOLD = 0.98


class TwoWayBlock(nn.Module):
    """Self-attention of the tokens, tokens to image, MLP, image to tokens; all post-norm."""

    def __init__(self, dim, num_heads, mlp_dim, first) -> None:
        super().__init__()
        self.first = first
        self.self_attn = Attention(dim, num_heads)
        self.norm1 = nn.LayerNorm(dim)
        self.cross_attn_token_to_image = TokenAttention(dim, num_heads, downsample_rate=2)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = MLP(dim, mlp_dim, dim, 2)
        self.norm3 = nn.LayerNorm(dim)
        self.norm4 = nn.LayerNorm(dim)
        self.cross_attn_image_to_token = TokenAttention(dim, num_heads, downsample_rate=2)

    def forward(
        self, tokens: Tensor, image: Tensor, token_position: Tensor, image_position: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Update tokens [N, T, dim] and image [N, HW, dim] given their positions."""
        if self.first:
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            query = tokens + token_position
            tokens = tokens + self.self_attn(query, query, tokens)
        tokens = self.norm1(tokens)
        placed_image = image + image_position
        tokens = tokens + self.cross_attn_token_to_image(
            tokens + token_position, placed_image, image
        )
        tokens = self.norm2(tokens)
        tokens = self.norm3(tokens + self.mlp(tokens))
        image = image + self.cross_attn_image_to_token(
            placed_image, tokens + token_position, tokens
        )
        return tokens, self.norm4(image)


class TwoWayTransformer(nn.Module):
    """Two two-way blocks and a last look of the tokens at the image."""

    def __init__(self, dim, num_heads, mlp_dim, depth=2) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            TwoWayBlock(dim, num_heads, mlp_dim, first=index == 0) for index in range(depth)
        )
        self.final_attn_token_to_image = TokenAttention(dim, num_heads, downsample_rate=2)
        self.norm_final_attn = nn.LayerNorm(dim)

    def forward(
        self, image: Tensor, image_position: Tensor, tokens: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the updated tokens [N, T, dim] and image [N, HW, dim]."""
        token_position = tokens
        for layer in self.layers:
            tokens, image = layer(tokens, image, token_position, image_position)
        attended = self.final_attn_token_to_image(
            tokens + token_position, image + image_position, image
        )
        return self.norm_final_attn(tokens + attended), image


def double_resolution(x: Tensor, conv: nn.ConvTranspose2d) -> Tensor:
    """Apply a 2x2 transposed convolution of stride 2, without its bias, to [N, h, w, C] tokens.

    The patches do not overlap, so it is a matrix product and a rearrangement.

    Returns:
        [N, 2h, 2w, C'].
    """
    weight = conv.weight.permute(2, 3, 1, 0).flatten(0, 2)  # [2 * 2 * C', C]
    patches = linear(x, weight).unflatten(-1, (2, 2, -1))
    return patches.permute(0, 1, 3, 2, 4, 5).flatten(3, 4).flatten(1, 2)


class MaskDecoder(nn.Module):
    """Predicts masks, their quality and the presence of the object.

    Args:
        dim: channels of the tokens.
        num_heads: attention heads of the transformer.
        mlp_dim: hidden channels of its MLPs.
        iou_hidden_dim: hidden channels of the quality head.
    """

    num_mask_tokens = 4

    def __init__(self, dim: int, num_heads: int, mlp_dim: int, iou_hidden_dim: int) -> None:
        super().__init__()
        self.transformer = TwoWayTransformer(dim, num_heads, mlp_dim)
        self.iou_token = nn.Embedding(1, dim)
        self.mask_tokens = nn.Embedding(self.num_mask_tokens, dim)
        self.obj_score_token = nn.Embedding(1, dim)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(dim, dim // 4, 2, stride=2),
            LayerNorm2d(dim // 4),
            nn.GELU(),
            nn.ConvTranspose2d(dim // 4, dim // 8, 2, stride=2),
            nn.GELU(),
        )
        self.conv_s0 = nn.Conv2d(dim, dim // 8, 1)
        self.conv_s1 = nn.Conv2d(dim, dim // 4, 1)
        self.output_hypernetworks_mlps = nn.ModuleList(
            MLP(dim, dim, dim // 8, 3) for _ in range(self.num_mask_tokens)
        )
        self.iou_prediction_head = MLP(dim, iou_hidden_dim, self.num_mask_tokens, 3)
        self.pred_obj_score_head = MLP(dim, dim, 1, 3)

    def _upscale(self, image: Tensor, stride8: Tensor, stride4: Tensor) -> Tensor:
        """Bring image tokens [N, h, w, dim] to stride 4; returns [N, HW, dim / 8].

        The skip maps [1, C, H, W] are shared by the objects and take the biases along.
        """
        first, norm, _, second, _ = self.output_upscaling
        stride8 = stride8.permute(0, 2, 3, 1) + first.bias
        stride4 = stride4.permute(0, 2, 3, 1) + second.bias
        x = double_resolution(image, first) + stride8
        x = F.gelu(F.layer_norm(x, norm.weight.shape, norm.weight, norm.bias, norm.eps))
        x = F.gelu(double_resolution(x, second) + stride4)
        return x.flatten(1, 2)

    def forward(
        self,
        image: Tensor,
        image_position: Tensor,
        prompts: Tensor,
        stride8: Tensor,
        stride4: Tensor,
        *,
        multimask: bool,
        stabilise: bool,
    ) -> MaskCandidates:
        """Decode N objects.

        Args:
            image: [N, dim, h, w] conditioned features with the dense prompt added.
            image_position: [1, h * w, dim].
            prompts: [N, P, dim] prompt tokens.
            stride8, stride4: [1 | N, C, H, W] projected skip features.
            multimask: return the three candidates (M = 3) instead of the single mask (M = 1).
            stabilise: replace a single mask whose outline is unstable by the best candidate.
        """
        output = torch.cat(
            (self.obj_score_token.weight, self.iou_token.weight, self.mask_tokens.weight)
        )
        tokens = torch.cat((output.expand(prompts.shape[0], -1, -1), prompts), dim=1)
        height, width = image.shape[-2:]
        tokens, image = self.transformer(image.flatten(2).transpose(1, 2), image_position, tokens)
        mask_tokens = tokens[:, 2 : 2 + self.num_mask_tokens]
        upscaled = self._upscale(image.unflatten(1, (height, width)), stride8, stride4)

        stabilise = stabilise and not multimask
        wanted = range(
            0 if stabilise or not multimask else 1, 1 if not (stabilise or multimask) else 4
        )
        kernels = torch.stack(
            [self.output_hypernetworks_mlps[i](mask_tokens[:, i]) for i in wanted], dim=1
        )
        logits = (kernels @ upscaled.transpose(1, 2)).float()
        logits = logits.unflatten(2, (4 * height, 4 * width))
        iou = self.iou_prediction_head(tokens[:, 1]).float().sigmoid()
        iou = iou[:, wanted.start : wanted.stop]
        if stabilise:
            logits, iou = _stable_mask(logits, iou)
        presence = self.pred_obj_score_head(tokens[:, 0]).float().squeeze(1)
        return MaskCandidates(logits, iou, presence, mask_tokens)


def _stable_mask(logits: Tensor, iou: Tensor) -> tuple[Tensor, Tensor]:
    """Choose the single mask (index 0) where it is stable, else the best of the candidates.

    Stable means that moving the threshold by +-0.05 keeps the area to within 2 %.

    Args:
        logits: [N, 4, H, W].
        iou: [N, 4].

    Returns:
        logits [N, 1, H, W] and iou [N, 1].
    """
    inner = (logits[:, 0] > _STABILITY_OFFSET).sum(dim=(-2, -1)).float()
    outer = (logits[:, 0] > -_STABILITY_OFFSET).sum(dim=(-2, -1)).float()
    stable = torch.where(outer > 0, inner / outer, 1.0) >= _STABILITY_THRESHOLD
    choice = torch.where(stable, 0, iou[:, 1:].argmax(dim=1) + 1)  # [N]
    return take_mask(logits, choice), iou.gather(1, choice[:, None])


def take_mask(logits: Tensor, choice: Tensor) -> Tensor:
    """Take one of the masks [N, M, H, W] per object by index [N]; returns [N, 1, H, W]."""
    index = choice.view(-1, 1, 1, 1).expand(-1, 1, *logits.shape[-2:])
    return logits.gather(1, index)
