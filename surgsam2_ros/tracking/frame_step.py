# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One frame through the network for a batch of objects: track, apply prompts, remember.

The rules are those of the official SAM 2 video predictor: an object without any memory is decoded
from its prompt alone; one that has memory is tracked first, and a prompt then corrects the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from surgsam2_ros.network import ImageFeatures, SurgSAM2
from surgsam2_ros.network.motion import move_masks
from surgsam2_ros.network.surgsam2 import LARGEST_PREVIOUS_LOGIT
from surgsam2_ros.tracking.click_repair import repair_mask
from surgsam2_ros.tracking.estimate import Estimate
from surgsam2_ros.tracking.memory_bank import MemoryBank
from surgsam2_ros.tracking.prompts import Cue, merge_points
from surgsam2_ros.tracking.tracked_object import Task
from surgsam2_ros.tracking.tracking_step import MaskHint, TrackedStep


class FrameStep:
    """Runs the network on one frame and writes the memories."""

    def __init__(
        self, network: SurgSAM2, bank: MemoryBank, track: Callable[..., TrackedStep]
    ) -> None:
        """Work on this network and bank.

        Args:
            network: runs frames with prompts.
            bank: where the memories lie.
            track: runs frames without prompts, as `engines.Stepper.track`.
        """
        self._network = network
        self._bank = bank
        self._run_tracked = track

    def run(
        self,
        features: ImageFeatures,
        frame: int,
        tasks: Sequence[Task],
        flow: torch.Tensor | None = None,
    ) -> Estimate:
        """Process one frame for these objects and remember it.

        Args:
            features: of the frame, batch 1.
            frame: its index.
            tasks: one per object, at least one.
            flow: [1, 2, S/4, S/4] back to the frame before (see `network.motion`), for a network
                that takes hints; None gives it none.

        Returns:
            Estimates in the order of the tasks.
        """
        if not any(task.anew or task.cues for task in tasks):
            return self._track_all(features, frame, tasks, flow)
        tracked = [row for row, task in enumerate(tasks) if not task.anew]
        anew = [row for row, task in enumerate(tasks) if task.anew]
        parts = []
        if tracked:
            parts.append(self._track(features, frame, [tasks[row] for row in tracked], flow))
        if anew:
            parts.append(self.decode_cues(features, [tasks[row].cues for row in anew]))
        estimate = Estimate.join(parts, tracked + anew)
        self._remember(features, frame, tasks, estimate)
        return estimate

    def decode_cues(self, features: ImageFeatures, cues: Sequence[Sequence[Cue]]) -> Estimate:
        """Segment objects from prompts alone, each from its own sequence of cues.

        Objects with one prompt of the same kind go through the network together.
        """
        conditioned = self._network.condition(features.stride16, None)
        groups: dict[int, list[int]] = {}
        for row, sequence in enumerate(cues):
            kind = _kind(sequence[0]) if len(sequence) == 1 else -1 - row
            groups.setdefault(kind, []).append(row)
        parts = []
        for rows in groups.values():
            if len(rows) == 1:
                parts.append(self._apply_cues(features, conditioned, cues[rows[0]], None))
            else:
                together = [cues[row][0] for row in rows]
                parts.append(self._apply_cue(features, conditioned, together, None))
        return Estimate.join(parts, [row for rows in groups.values() for row in rows])

    def _track_all(
        self,
        features: ImageFeatures,
        frame: int,
        tasks: Sequence[Task],
        flow: torch.Tensor | None,
    ) -> Estimate:
        """Take a frame without prompts."""
        memories = [task.memory for task in tasks]
        hint = self._hint(tasks, flow)
        step = self._run_tracked(features, self._bank, memories, frame, hint)
        prompted = [task.prompted for task in tasks]
        self._bank.write(
            memories,
            frame,
            step.memory,
            step.pointer,
            logits=step.logits,
            presence=step.presence,
            prompted=prompted,
        )
        return Estimate(step.logits, step.iou, step.presence, step.pointer)

    def _track(
        self,
        features: ImageFeatures,
        frame: int,
        tasks: Sequence[Task],
        flow: torch.Tensor | None,
    ) -> Estimate:
        """Track objects by their memories in one batch, then apply the prompts to some."""
        memory = self._bank.read([task.memory for task in tasks], frame)
        conditioned = self._network.condition(features.stride16, memory)
        hint = self._hint(tasks, flow)
        estimate = Estimate.of(
            self._network.decode(
                conditioned,
                features,
                mask_logits=None if hint is None else hint.logits,
                mask_given=None if hint is None else hint.given > 0,
                multimask=self._network.uses_multimask(0),
            )
        )
        corrected = [row for row, task in enumerate(tasks) if task.cues]
        if not corrected:
            return estimate
        rows = [
            Estimate(*(tensor[row : row + 1] for tensor in estimate)) for row in range(len(tasks))
        ]
        for row in corrected:
            rows[row] = self._correct(
                features, conditioned[row : row + 1], tasks[row], rows[row].logits
            )
        return Estimate.join(rows, range(len(rows)))

    def _correct(
        self,
        features: ImageFeatures,
        conditioned: torch.Tensor,
        task: Task,
        tracked: torch.Tensor,
    ) -> Estimate:
        """Correct the tracked mask [1, 1, S/4, S/4] of one object by the prompts it was given."""
        corrected = self._apply_cues(features, conditioned, task.cues, tracked)
        if not self._network.config.correct_without_memory:
            return corrected
        task.memory.rewind(0)
        if _is_click(task.cues) and bool((tracked > 0).any()):
            return self._repair(features, task.cues, tracked)
        if task.cues[-1].mask is not None:  # it is the outcome, whatever the memory says
            return corrected
        alone = self._network.condition(features.stride16, None)
        other = self._apply_cues(features, alone, task.cues, tracked)
        return other if other.iou.item() > corrected.iou.item() else corrected

    def _repair(
        self, features: ImageFeatures, cues: Sequence[Cue], tracked: torch.Tensor
    ) -> Estimate:
        """Change the tracked mask [1, 1, S/4, S/4] by clicks, one after the other."""
        network, logits = self._network, tracked
        alone = network.condition(features.stride16, None)
        for cue in cues:
            for point, label in zip(cue.points.tolist(), cue.labels.tolist(), strict=True):
                selected = self._apply_cue(features, alone, [_click(cue, point)], None).logits
                logits = repair_mask(logits, point, label == 1, features, selected)
        size = network.image_size
        mask = (torch.nn.functional.interpolate(logits, (size, size), mode='bilinear') > 0).float()
        judged = network.decode(
            alone,
            features,
            mask_logits=clamp_previous(logits),
            points=cues[-1].points[None],
            labels=cues[-1].labels[None],
            multimask=False,
        )
        return Estimate.of(network.mask_as_output(features, mask))._replace(iou=judged.iou)

    def _hint(self, tasks: Sequence[Task], flow: torch.Tensor | None) -> MaskHint | None:
        """Move the masks of the frame before to this one."""
        if flow is None:
            return None
        network = self._network
        side, device = 4 * network.feature_size, network.device
        nothing = torch.zeros((1, side, side), device=device), torch.full((), -1.0, device=device)
        before = [task.before or nothing for task in tasks]
        logits, presence = (torch.stack(parts) for parts in zip(*before, strict=True))
        moved = move_masks(clamp_previous(logits), flow.to(device, non_blocking=True))
        return MaskHint(moved, (presence > 0).long())

    def _apply_cues(
        self,
        features: ImageFeatures,
        conditioned: torch.Tensor,
        cues: Sequence[Cue],
        previous: torch.Tensor | None,
    ) -> Estimate:
        """Apply the prompts of one object one after the other, each on the outcome before it."""
        before = None
        for cue in cues:
            before = merge_points(before, cue)
            estimate = self._apply_cue(features, conditioned, [before], previous)
            previous = estimate.logits
        return estimate

    def _apply_cue(
        self,
        features: ImageFeatures,
        conditioned: torch.Tensor,
        cues: Sequence[Cue],
        previous: torch.Tensor | None,
    ) -> Estimate:
        """Apply one prompt to each of N objects; all are masks or all have as many points.

        Args:
            features: of the frame, batch 1.
            conditioned: [1, D, S/16, S/16], shared by the objects.
            cues: N.
            previous: [N, 1, S/4, S/4] mask logits to correct, or None.
        """
        if cues[0].mask is not None:
            masks = torch.cat([cue.mask for cue in cues])
            return Estimate.of(self._network.mask_as_output(features, masks))
        points = torch.stack([cue.points for cue in cues])
        decoded = self._network.decode(
            conditioned.expand(len(cues), -1, -1, -1),
            features,
            points=points,
            labels=torch.stack([cue.labels for cue in cues]),
            mask_logits=None if previous is None else clamp_previous(previous),
            multimask=self._network.uses_multimask(points.shape[1]),
        )
        return Estimate.of(decoded)

    def _remember(
        self, features: ImageFeatures, frame: int, tasks: Sequence[Task], estimate: Estimate
    ) -> None:
        """Encode and store the memories; prompted masks and tracked masks take different paths."""
        to_remember = self._network.masks_to_remember(estimate.logits)
        from_prompt = [bool(task.cues) for task in tasks]
        for kind in sorted(set(from_prompt)):
            rows = [row for row, prompted in enumerate(from_prompt) if prompted == kind]
            every = len(rows) == len(tasks)
            masks, logits, presence, pointers = (
                tensor if every else tensor[rows]
                for tensor in (to_remember, estimate.logits, estimate.presence, estimate.pointer)
            )
            encoded = self._network.encode_memory(
                features.stride16, masks, presence, from_prompt=kind
            )
            chosen = [tasks[row] for row in rows]
            self._bank.write(
                [task.memory for task in chosen],
                frame,
                encoded,
                pointers,
                logits=logits,
                presence=presence,
                prompted=[task.prompted for task in chosen],
            )


def clamp_previous(logits: torch.Tensor) -> torch.Tensor:
    """Limit the mask logits that go into the decoder with a correction."""
    return logits.clamp(-LARGEST_PREVIOUS_LOGIT, LARGEST_PREVIOUS_LOGIT)


def _click(cue: Cue, point: Sequence[float]) -> Cue:
    """Return a click on the object at this place."""
    return cue._replace(points=cue.points.new_tensor([point]), labels=cue.labels.new_tensor([1]))


def _is_click(cues: Sequence[Cue]) -> bool:
    return all(cue.mask is None and bool((cue.labels <= 1).all()) for cue in cues)


def _kind(cue: Cue) -> int:
    """Return what must agree for cues to share a batch: the number of points, 0 for a mask."""
    return 0 if cue.mask is not None else len(cue.points)
