# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The loss of a training step: clips are prompted, tracked and compared with their truth.

With default settings and `Disturbance(dropout=0.1, clip_time=True)` it is the loss of the released
SurgSAM2 recipe, which is SAM 2's: the sum over frames and over the decodings of each, the mean over
the objects.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.training.clips import TrainingClip
from surgsam2_ros.training.disturbance import UNDISTURBED, Disturbance
from surgsam2_ros.training.foreground import ForegroundHead
from surgsam2_ros.training.hints import UNDISTURBED_HINTS, HintRecipe
from surgsam2_ros.training.losses import SAM2_LOSS, LossWeights, bce_loss, frame_loss
from surgsam2_ros.training.prompts import (
    RELEASED_PROMPTS,
    PromptRecipe,
    draw_plan,
    simulate_prompts,
)
from surgsam2_ros.training.unroll import TrackedClip, track_clips


@dataclass(frozen=True, eq=False)
class ClipBatch:
    """Clips of equal length on the device of the network.

    Attributes:
        images: float32 [B, T, 3, S, S].
        masks: bool [N, T, S, S], the objects of all clips.
        owner: int64 [N], the clip of each object.
        foreground: bool [B, T, S, S].
    """

    images: Tensor
    masks: Tensor
    owner: Tensor
    foreground: Tensor


def stack_clips(clips: Sequence[TrainingClip], device: torch.device | str = 'cpu') -> ClipBatch:
    """Put clips into one batch.

    Raises:
        ValueError: without clips, for clips of different lengths, and when an object is not in
            the first frame of its clip, where it would be prompted.
    """
    lengths = sorted({len(clip.images) for clip in clips})
    if len(lengths) != 1:
        raise ValueError(f'clips of {lengths} frames do not make a batch; draw clips of one length')
    for number, clip in enumerate(clips):
        absent = np.flatnonzero(~np.asarray(clip.masks[:, 0]).any(axis=(1, 2)))
        if len(absent):
            raise ValueError(
                f'object {absent[0]} of clip {number} ({_name(clip)}) is not in its first frame, '
                'where it is prompted; choose objects that the first frame shows'
            )
    owner = np.repeat(np.arange(len(clips)), [len(clip.masks) for clip in clips])

    def join(arrays, function) -> Tensor:
        return function([torch.as_tensor(a) for a in arrays]).to(device, non_blocking=True)

    return ClipBatch(
        join([clip.images for clip in clips], torch.stack),
        join([clip.masks for clip in clips], torch.cat),
        torch.from_numpy(owner).to(device),
        join([clip.foreground for clip in clips], torch.stack),
    )


def _name(clip: TrainingClip) -> str:
    return clip.names[0] if clip.names else 'unnamed'


class Objective:
    """Computes the loss of clips.

    Args:
        network: in training mode; precision is its `autocast_dtype`.
        foreground: the auxiliary head, or None for none.
        prompts: how clips are prompted and corrected.
        loss: weights of the terms.
        disturbance: of the memory; its `dictate_presence` is set by the progress, and its dropout
            put into the network.
        hints: how the hints of a network that takes them are disturbed.
        dictate_presence_until: fraction of the training over which the probability that the true
            presence is dictated to the memory falls from 1 to 0; 0 never dictates it.
        appearance_model: see `track_clips`.

    Raises:
        ValueError: when there is a weight for the foreground and no head, or the other way round.
    """

    def __init__(
        self,
        network: SurgSAM2,
        foreground: ForegroundHead | None = None,
        *,
        prompts: PromptRecipe = RELEASED_PROMPTS,
        loss: LossWeights = SAM2_LOSS,
        disturbance: Disturbance = UNDISTURBED,
        hints: HintRecipe = UNDISTURBED_HINTS,
        dictate_presence_until: float = 0.0,
        appearance_model: bool = False,
    ):
        if (foreground is None) != (loss.foreground == 0):
            raise ValueError(
                f'loss weight foreground is {loss.foreground} '
                f'{"without" if foreground is None else "with"} a foreground head; '
                'give a head exactly when it has a weight'
            )
        network.memory_attention.set_dropout(disturbance.dropout)
        self._network = network
        self._foreground = foreground
        self._prompts = prompts
        self._loss = loss
        self._disturbance = disturbance
        self._hints = hints
        self._dictate_presence_until = dictate_presence_until
        self._appearance_model = appearance_model

    def loss(
        self,
        clips: Sequence[TrainingClip],
        rng: np.random.Generator,
        progress: float = 0.0,
        num_objects: float | None = None,
    ) -> dict[str, Tensor]:
        """Compute the weighted loss terms of a step.

        Args:
            clips: of equal length; one frame each for unrelated images, which are prompted with
                boxes and clicks alone. The clips of a step are prompted with the same kind.
            rng: everything that is drawn.
            progress: of the training, in [0, 1].
            num_objects: what sums over objects are divided by; None for the objects of these
                clips. Several processes give the mean of theirs, so that their averaged gradients
                are those of one process with all clips.

        Returns:
            scalars 'focal', 'dice', 'iou', 'presence', and 'bce' and 'foreground' where they have
            a weight; their sum is the loss.

        Raises:
            ValueError: for clips that make no batch; see `stack_clips`.
        """
        batch = stack_clips(clips, self._network.device)
        until = self._dictate_presence_until
        dictated = max(0.0, 1.0 - progress / until) if until > 0 else 0.0
        repeats = self._prompts.per_image if batch.images.shape[1] == 1 else 1
        num_objects = (num_objects or len(batch.masks)) * repeats
        batch = dataclasses.replace(
            batch,
            masks=batch.masks.repeat_interleave(repeats, dim=0),
            owner=batch.owner.repeat_interleave(repeats),
        )
        plan = draw_plan(self._prompts, batch.images.shape[1], rng)
        tracked = track_clips(
            self._network,
            batch.images,
            batch.masks,
            batch.owner,
            {
                frame: simulate_prompts(batch.masks[:, frame], kind, rng, self._prompts)
                for frame, kind in plan.kinds.items()
            },
            rng,
            corrected=plan.corrected,
            recipe=self._prompts,
            disturbance=dataclasses.replace(self._disturbance, dictate_presence=dictated),
            hints=self._hints,
            appearance_model=self._appearance_model,
        )
        return self._total(tracked, batch, num_objects)

    def _total(
        self, tracked: TrackedClip, batch: ClipBatch, num_objects: float
    ) -> dict[str, Tensor]:
        """Add up the losses of all decodings, and that of the foreground."""
        weights = self._loss
        terms: dict[str, Tensor] = {}
        for frame, decoded in tracked.supervised:
            truth = batch.masks[:, frame].float()
            losses = frame_loss(
                decoded.candidates.mask_logits,
                decoded.candidates.iou,
                decoded.presence_logits,
                truth if weights.stride == 1 else F.avg_pool2d(truth, weights.stride),
                weights,
            )
            for name, loss in losses.items():
                terms[name] = terms.get(name, 0.0) + loss.sum()
        count = len(tracked.supervised) if weights.mean else 1
        terms = {name: term / (num_objects * count) for name, term in terms.items()}
        if self._foreground is not None:
            logits = self._foreground(tracked.features)
            anything = F.avg_pool2d(batch.foreground.flatten(0, 1).float(), 4)
            terms['foreground'] = weights.foreground * bce_loss(logits, anything).mean()
        return terms
