# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Takes tracked objects through a frame: what each does there, and what it keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from surgsam2_ros.network import Decoded
from surgsam2_ros.network.appearance_model import Appearance, AppearanceModel, judge
from surgsam2_ros.tracking.frame_looks import FrameLooks

if TYPE_CHECKING:
    import torch

    from surgsam2_ros.network import ImageFeatures
    from surgsam2_ros.tracking.config import TrackerConfig
    from surgsam2_ros.tracking.frame_step import FrameStep
    from surgsam2_ros.tracking.task import Task
    from surgsam2_ros.tracking.tracked_object import TrackedObject


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

    def describe(self, features: ImageFeatures) -> torch.Tensor | None:
        """Return what appearance models see in an image; None where nobody uses them."""
        return self._appearance.describe(features) if self._appearance.on else None

    def run(
        self,
        features: ImageFeatures,
        index: int,
        objects: Sequence[TrackedObject],
        flow: torch.Tensor | None,
        *,
        waiting_for: int | None = None,
        described: torch.Tensor | None = None,
        scores_of: Callable[[Decoded], list[tuple[float, float]]] = Decoded.read_scores,
    ) -> tuple[Decoded, Callable[[], None]]:
        """Take objects through a frame and apply the prompts that wait for it.

        Args:
            features: of the frame, batch 1.
            index: of the frame.
            objects: at least one.
            flow: see `FrameStep.run`.
            waiting_for: the frame that the prompts wait for; None is the next one.
            described: of the features, see `describe`; None where that is still to be done.
            scores_of: reads what decides whether a frame is remembered, where anything does.

        Returns:
            what was found, and what is to be called before the next frame: it has the objects
            remember this one.
        """
        prompts = [
            tracked.applied.get(index, ()) + tracked.prompts_for(waiting_for) for tracked in objects
        ]
        conditions = self._config.corrections_condition
        tasks = [
            tracked.task(index, given, corrections_condition=conditions)
            for tracked, given in zip(objects, prompts, strict=True)
        ]
        decoded, remember = self._run(features, index, tasks, flow, described)
        rows = (decoded.mask_logits.unbind(), decoded.presence_logits.unbind())
        for tracked, given, logits, presence in zip(objects, prompts, *rows, strict=True):
            tracked.finish_frame(index, given, waiting_for, logits, presence)
        kept_out = []
        if self._config.gates_memory:
            kept_out = [
                tracked
                for tracked, scores in zip(objects, scores_of(decoded), strict=True)
                if tracked.keeps_out(*scores, self._config)
            ]

        def finish() -> None:
            looks = remember()
            for tracked, look in zip(objects, looks, strict=True) if looks else ():
                tracked.appearances[index] = look
            for tracked in kept_out:
                tracked.drop_memory(index)

        return decoded, finish

    def _run(
        self,
        features: ImageFeatures,
        index: int,
        tasks: Sequence[Task],
        flow: torch.Tensor | None,
        described: torch.Tensor | None,
    ) -> tuple[Decoded, Callable[[], list[Appearance]]]:
        """Take objects through a frame.

        Returns:
            what was found, and what writes the memories and says what the objects look like then,
            if that is told.
        """
        if described is None:
            described = self.describe(features)
        if described is None:
            decoded, write = self._step.run(features, index, tasks, flow)
            return decoded, lambda: write() or []
        known = [task.appearance for task in tasks]
        looks = FrameLooks(self._appearance, described, known)
        decoded, write = self._step.run(features, index, tasks, flow, looks)

        def remember() -> list[Appearance]:
            write()
            return self._appearance.learn(
                described,
                known,
                decoded,
                [bool(task.prompts) for task in tasks],
                [any(prompt.mask is not None for prompt in task.prompts) for task in tasks],
            )

        told = [None if task.prompts else task.appearance for task in tasks]
        return judge(decoded, looks.evidence, told), remember
