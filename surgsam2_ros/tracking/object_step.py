# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Takes tracked objects through a frame: what each does there, and what it keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from surgsam2_ros.network import Decoded, ImageFeatures
from surgsam2_ros.network.appearance_model import Appearance, AppearanceModel, judge
from surgsam2_ros.tracking.config import TrackerConfig
from surgsam2_ros.tracking.frame_step import FrameStep
from surgsam2_ros.tracking.tracked_object import Task, TrackedObject


def read_scores(decoded: Decoded) -> list[tuple[float, float]]:
    """Return predicted IoU and presence logit of each object; waits for the device."""
    return torch.stack([decoded.iou, decoded.presence_logits], dim=1).tolist()


class ObjectStep:
    """Brings objects and the network together.

    Args:
        step: runs the network and writes the memories.
        appearance: learns what the objects look like.
        config: of the tracker.
    """

    def __init__(self, step: FrameStep, appearance: AppearanceModel, config: TrackerConfig) -> None:
        self._step = step
        self._appearance = appearance
        self._config = config

    def run(
        self,
        features: ImageFeatures,
        index: int,
        objects: Sequence[TrackedObject],
        flow: torch.Tensor | None,
        *,
        waiting_for: int | None,
        scores_of: Callable[[Decoded], list[tuple[float, float]]] = read_scores,
    ) -> Decoded:
        """Take objects through a frame and apply the prompts that wait for it.

        Args:
            features: of the frame, batch 1.
            index: of the frame.
            objects: at least one.
            flow: see `FrameStep.run`.
            waiting_for: the frame that the prompts wait for; None is the next one.
            scores_of: reads what decides whether a frame is remembered, where anything does.
        """
        prompts = [
            tracked.applied.get(index, ()) + tracked.prompts_for(waiting_for) for tracked in objects
        ]
        conditions = self._config.corrections_condition
        tasks = [
            tracked.task(index, given, corrections_condition=conditions)
            for tracked, given in zip(objects, prompts, strict=True)
        ]
        decoded, looks = self._run(features, index, tasks, flow)
        rows = (decoded.mask_logits.unbind(), decoded.presence_logits.unbind())
        for tracked, given, logits, presence in zip(objects, prompts, *rows, strict=True):
            tracked.finish_frame(index, given, waiting_for, logits, presence)
        for tracked, look in zip(objects, looks, strict=True) if looks else ():
            tracked.appearances[index] = look
        if self._config.gates_memory:
            scores = scores_of(decoded)
            for tracked, (score, presence_logit) in zip(objects, scores, strict=True):
                tracked.gate_memory(index, score, presence_logit, self._config)
        return decoded

    def _run(
        self,
        features: ImageFeatures,
        index: int,
        tasks: Sequence[Task],
        flow: torch.Tensor | None,
    ) -> tuple[Decoded, list[Appearance]]:
        """Take objects through a frame; returns as well what they look like then, if it is told."""
        if not self._appearance.on:
            return self._step.run(features, index, tasks, flow), []
        described = self._appearance.describe(features)
        known = [task.appearance for task in tasks]
        evidence = self._appearance.look(described, known)
        decoded = self._step.run(features, index, tasks, flow, evidence)
        looks = self._appearance.learn(
            described,
            known,
            decoded,
            [bool(task.prompts) for task in tasks],
            [any(prompt.mask is not None for prompt in task.prompts) for task in tasks],
        )
        told = [None if task.prompts else task.appearance for task in tasks]
        return judge(decoded, evidence, told), looks
