# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How well a network tracks held-out rendered clips, per kind of prompt."""

from __future__ import annotations

import numpy as np
import torch

from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.training.clips import ClipFolder, make_clip
from surgsam2_ros.training.distributed import rank, sum_over_processes, world_size
from surgsam2_ros.training.losses import mask_iou
from surgsam2_ros.training.prompts import PromptKind, simulate_prompts
from surgsam2_ros.training.unroll import track_clip

FRAMES = 8


@torch.no_grad()
def validate(network: SurgSAM2, clips: ClipFolder, max_objects: int = 3) -> dict[str, float]:
    """Track every held-out clip from each kind of prompt, shared out over the processes.

    Returns:
        'J mask', 'J box', 'J point': mean IoU over the frames in which an object is there or was
        found, the first frame of mask prompts left out. 'presence': share of frames, after mask
        prompts, in which the presence is right; 'absent': that share where the object is away.
    """
    was_training = network.training
    network.eval()
    names = [f'J {kind.value}' for kind in PromptKind] + ['presence', 'absent']
    sums = torch.zeros(len(names), 2, dtype=torch.float64)  # total and count
    for index in range(rank(), len(clips), world_size()):
        rng = np.random.default_rng(index)
        stored = np.array(clips[index][:FRAMES])
        clip = make_clip(stored[..., :3], stored[..., 3], max_objects, rng)
        if clip is None:
            continue
        images, truth = torch.from_numpy(clip.images), torch.from_numpy(clip.masks).float()
        present = truth.flatten(2).any(dim=2)  # [N, T]
        for row, kind in enumerate(PromptKind):
            if kind is not PromptKind.MASK and index % 2:
                continue
            prompts = simulate_prompts(clip.masks[:, 0], kind, rng)
            tracked = track_clip(network, images, truth, prompts, rng)
            logits = torch.cat([decoded.high_res_logits for decoded in tracked.decoded], dim=1)
            counted = present | (logits > 0).flatten(2).any(dim=2)
            seen = torch.stack([d.presence_logits > 0 for d in tracked.decoded], dim=1)
            if kind is PromptKind.MASK:
                counted[:, 0] = False
                right = (seen == present)[:, 1:]
                sums[-2] += torch.tensor([right.sum(), right.numel()])
                sums[-1] += torch.tensor([right[~present[:, 1:]].sum(), (~present[:, 1:]).sum()])
            score = mask_iou(logits, truth)
            sums[row] += torch.stack([score[counted].sum().double(), counted.sum().double()])
    network.train(was_training)
    sum_over_processes(sums)
    return {
        name: float(total / count) if count else float('nan')
        for name, (total, count) in zip(names, sums, strict=True)
    }
