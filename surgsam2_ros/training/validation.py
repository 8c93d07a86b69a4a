# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How well a network tracks clips that it is not trained on, per kind of prompt."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor

from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.training.clips import TrainingClip
from surgsam2_ros.training.losses import mask_iou
from surgsam2_ros.training.monitoring import prediction_tiles
from surgsam2_ros.training.prompts import PromptKind, simulate_prompts
from surgsam2_ros.training.unroll import track_clip

NAMES = (*(f'J {kind.value}' for kind in PromptKind), 'presence', 'absent')
DRAWN_CLIPS = 6


@torch.no_grad()
def validate(
    network: SurgSAM2,
    clips: Iterable[TrainingClip],
    *,
    rank: int = 0,
    world: int = 1,
    precision: AbstractContextManager | None = None,
    appearance_model: bool = False,
) -> tuple[Tensor, list[tuple[np.ndarray, str]]]:
    """Track clips from each kind of prompt.

    Boxes and clicks are tried on every second clip.

    Args:
        network: in any mode, left as it was.
        clips: all of them, the same in every process.
        rank, world: this process takes every `world`-th clip.
        precision: context that the network runs in.
        appearance_model: see `unroll.track_clips`.

    Returns:
        float64 [5, 2], total and count of each of NAMES, to be summed over the processes and given
        to `scores_of`, and drawn frames of the first clips of this process, in all of
        DRAWN_CLIPS (see `prediction_tiles`).
    """
    was_training = network.training
    network.eval()
    sums = torch.zeros(len(NAMES), 2, dtype=torch.float64)
    tiles = []
    try:
        with precision or nullcontext():
            for index, clip in enumerate(clips):
                if index % world == rank:
                    drawn = index < DRAWN_CLIPS
                    tiles += _validate_clip(network, clip, index, sums, drawn, appearance_model)
    finally:
        network.train(was_training)
    return sums, tiles


def scores_of(sums: Tensor) -> dict[str, float]:
    """Turn the sums of `validate` into scores.

    Returns:
        'J mask', 'J box', 'J point': mean IoU over the frames in which an object is there or was
        found, the first frame of mask prompts left out, and their mean 'J'. 'presence': share of
        frames, after mask prompts, in which the presence is right; 'absent': that share where the
        object is away. What was never tried is left out.
    """
    scores = {
        name: float(total / count)
        for name, (total, count) in zip(NAMES, sums.cpu(), strict=True)
        if count
    }
    overlaps = [value for name, value in scores.items() if name.startswith('J ')]
    return {'J': float(np.mean(overlaps)) if overlaps else 0.0, **scores}


def _validate_clip(
    network: SurgSAM2,
    clip: TrainingClip,
    index: int,
    sums: Tensor,
    drawn: bool,
    appearance_model: bool,
) -> list[tuple[np.ndarray, str]]:
    """Track one clip, add to the sums, and draw what mask prompts gave."""
    rng = np.random.default_rng(index)
    images = torch.as_tensor(clip.images).to(network.device)
    truth = torch.as_tensor(clip.masks).to(network.device)  # [N, T, S, S]
    present = truth.flatten(2).any(dim=2)  # [N, T]
    tiles = []
    for row, kind in enumerate(PromptKind):
        if kind is not PromptKind.MASK and index % 2:
            continue
        prompts = simulate_prompts(truth[:, 0], kind, rng)
        tracked = track_clip(
            network, images, truth, prompts, rng, appearance_model=appearance_model
        )
        logits = torch.cat([decoded.high_res_logits for decoded in tracked.decoded], dim=1).float()
        counted = present | (logits > 0).flatten(2).any(dim=2)
        score = mask_iou(logits, truth.float())
        if kind is PromptKind.MASK:
            seen = torch.stack([d.presence_logits > 0 for d in tracked.decoded], dim=1)
            counted[:, 0] = False
            right, away = (seen == present)[:, 1:], ~present[:, 1:]
            sums[-2] += torch.tensor([right.sum(), right.numel()])
            sums[-1] += torch.tensor([right[away].sum(), away.sum()])
            if drawn:
                tiles = prediction_tiles(clip, (logits > 0).cpu().numpy(), score.cpu().numpy())
        sums[row] += torch.tensor([score[counted].double().sum(), counted.sum()])
    return tiles
