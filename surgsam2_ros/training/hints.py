# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Masks of the frame before, moved by optical flow, as hints; also such as are wrong or missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from surgsam2_ros.network import MaskHint
from surgsam2_ros.network.motion import backward_flow, grey_image, move_masks
from surgsam2_ros.network.surgsam2 import clamp_previous
from surgsam2_ros.training.clips import IMAGENET_MEAN, IMAGENET_STD
from surgsam2_ros.training.prompts import corrupt_mask

GIVEN_LOGIT = 10.0  # of a true or damaged mask, as sure as a prompt


@dataclass(frozen=True)
class HintRecipe:
    """How hints are disturbed while training; by default not at all.

    Attributes:
        missing: share of the objects that get none.
        truth: share whose hint is the true mask of the frame before instead of the predicted one.
        wrong: share whose hint is damaged.
        stale: share whose hint stays where it was.
    """

    missing: float = 0.0
    truth: float = 0.0
    wrong: float = 0.0
    stale: float = 0.0

    def __post_init__(self):
        """Check the values.

        Raises:
            ValueError: when a share is impossible.
        """
        for name in ('missing', 'truth', 'wrong', 'stale'):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f'hints: {name} is {getattr(self, name)}; it must be 0 to 1')


UNDISTURBED_HINTS = HintRecipe()


def clip_flows(images: Tensor) -> Tensor:
    """Optical flow of clips, back to the frame before.

    Args:
        images: float32 [B, T, 3, S, S], normalised.

    Returns:
        float32 [B, T, 2, S / 4, S / 4] on their device; 0 for the first frames.
    """
    clips, frames = images.shape[:2]
    std, mean = (torch.from_numpy(v).view(3, 1, 1) for v in (IMAGENET_STD, IMAGENET_MEAN))
    flows = images.new_zeros((clips, frames, 2, images.shape[-2] // 4, images.shape[-1] // 4))
    for clip in range(clips):
        pixels = (images[clip].cpu() * std + mean) * 255.0
        greys = [grey_image(rgb) for rgb in pixels.round().clamp(0.0, 255.0).to(torch.uint8)]
        for frame in range(1, frames):
            flows[clip, frame] = backward_flow(greys[frame], greys[frame - 1])[0]
    return flows


def draw_hints(
    before: Tensor,
    seen: Tensor,
    truth: Tensor,
    flow: Tensor,
    rng: np.random.Generator,
    recipe: HintRecipe = UNDISTURBED_HINTS,
) -> MaskHint:
    """Make the hints of N objects for a frame.

    Args:
        before: [N, 1, h, w] mask logits of the frame before.
        seen: bool [N], whether the object was seen there.
        truth: bool [N, S, S], the true masks there.
        flow: [N, 2, h, w], back to that frame.
        rng: what is drawn.
        recipe: how hints are disturbed.

    Returns:
        mask logits [N, 1, h, w], and bool [N], which objects have a hint.
    """
    logits = clamp_previous(before.detach().float())
    objects, device = len(logits), logits.device

    def drawn(share: float) -> Tensor:
        return torch.from_numpy(rng.random(objects) < share).to(device)

    from_truth, stale = drawn(recipe.truth), drawn(recipe.stale)
    if recipe.truth > 0:
        true_logits = F.avg_pool2d(truth[:, None].float(), truth.shape[-1] // logits.shape[-1])
        true_logits = (2.0 * true_logits - 1.0) * GIVEN_LOGIT
        logits = torch.where(from_truth.view(-1, 1, 1, 1), true_logits, logits)
        seen = torch.where(from_truth, truth.flatten(1).any(dim=1), seen)
    for row in np.flatnonzero(rng.random(objects) < recipe.wrong):
        damaged = corrupt_mask((logits[row, 0] > 0).cpu().numpy(), rng)
        damaged = torch.as_tensor(damaged, device=device)
        logits[row, 0] = torch.where(damaged, GIVEN_LOGIT, -GIVEN_LOGIT)
    moved = move_masks(logits, flow)
    moved = torch.where(stale.view(-1, 1, 1, 1), logits, moved)
    return MaskHint(moved, seen & ~drawn(recipe.missing))
