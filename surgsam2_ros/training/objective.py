# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The loss of a training step: a sample and its prompts are drawn, tracked and compared."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.training.clips import ClipFolder, TrainingClip, sample_clip
from surgsam2_ros.training.config import TrainingConfig
from surgsam2_ros.training.foreground import ForegroundHead
from surgsam2_ros.training.losses import bce_loss, frame_loss
from surgsam2_ros.training.prompts import PromptBatch, PromptKind, simulate_prompts
from surgsam2_ros.training.unroll import TrackedClip, prompt_images, track_clip


class Objective:
    """Draws training samples and computes their loss.

    Args:
        network: in training mode.
        foreground: the auxiliary head.
        clips: rendered clips.
        config: shares, weights and sizes.
        rng: of this process.
    """

    def __init__(
        self,
        network: SurgSAM2,
        foreground: ForegroundHead,
        clips: ClipFolder,
        config: TrainingConfig,
        rng: np.random.Generator,
    ):
        self._network = network
        self._foreground = foreground
        self._clips = clips
        self._config = config
        self._rng = rng

    def __call__(self, frames: int, progress: float) -> dict[str, Tensor]:
        """Compute the weighted loss terms of one sample of so many frames.

        Args:
            frames: 1 for a batch of unrelated images.
            progress: of the training, in [0, 1].
        """
        if frames == 1:
            return self._image_loss()
        return self._clip_loss(frames, progress)

    def _image_loss(self) -> dict[str, Tensor]:
        config, rng = self._config, self._rng
        samples = [
            sample_clip(self._clips, rng, 1, max_objects=2) for _ in range(config.images_per_step)
        ]
        images = torch.from_numpy(np.concatenate([sample.images for sample in samples]))
        masks = np.concatenate([sample.masks for sample in samples])  # [N, 1, S, S]
        owner = np.repeat(np.arange(len(samples)), [len(sample.masks) for sample in samples])
        kind = PromptKind.BOX if rng.random() < 0.5 else PromptKind.POINT
        truth = torch.from_numpy(masks).float()
        tracked = prompt_images(
            self._network,
            images,
            truth,
            torch.from_numpy(owner),
            simulate_prompts(masks[:, 0], kind, rng),
            rng,
            config.disturbance,
        )
        foreground = np.concatenate([sample.foreground for sample in samples])
        return self._total(tracked, truth, foreground)

    def _clip_loss(self, frames: int, progress: float) -> dict[str, Tensor]:
        config, rng = self._config, self._rng
        clip = sample_clip(self._clips, rng, frames, config.max_objects)
        dictated = max(0.0, 1.0 - progress / config.dictate_presence_until)
        truth = torch.from_numpy(clip.masks).float()
        tracked = track_clip(
            self._network,
            torch.from_numpy(clip.images),
            truth,
            self._draw_prompts(clip),
            rng,
            dataclasses.replace(config.disturbance, dictate_presence=dictated),
        )
        return self._total(tracked, truth, clip.foreground)

    def _draw_prompts(self, clip: TrainingClip) -> PromptBatch:
        draw, config = self._rng.random(), self._config
        if draw < config.mask_prompts:
            kind = PromptKind.MASK
        elif draw < config.mask_prompts + config.box_prompts:
            kind = PromptKind.BOX
        else:
            kind = PromptKind.POINT
        return simulate_prompts(clip.masks[:, 0], kind, self._rng)

    def _total(
        self, tracked: TrackedClip, truth: Tensor, foreground: np.ndarray
    ) -> dict[str, Tensor]:
        """Average the loss over the decodings and add the foreground loss.

        The truth is averaged over 2x2 pixels, which is still twice as fine as the logits.
        """
        small = F.avg_pool2d(truth, 2)  # [N, T, S / 2, S / 2]
        weights = self._config.loss
        decodings = [(decoded, 0) for decoded in tracked.earlier]
        decodings += [(decoded, frame) for frame, decoded in enumerate(tracked.decoded)]
        frames = [
            frame_loss(
                decoded.all_mask_logits,
                decoded.all_iou,
                decoded.presence_logits,
                small[:, frame],
                weights,
            )
            for decoded, frame in decodings
            if decoded.all_mask_logits.requires_grad
        ]
        terms = {name: torch.stack([f[name] for f in frames]).mean() for name in frames[0]}
        anything = F.avg_pool2d(torch.from_numpy(foreground).float(), 4)
        logits = self._foreground(tracked.features)
        terms['foreground'] = weights.foreground * bce_loss(logits, anything).mean()
        return terms
