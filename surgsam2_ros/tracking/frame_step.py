# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One frame through the network for a batch of objects: track, apply prompts, remember.

The rules are those of the official SAM 2 video predictor: an object without any memory is decoded
from its prompt alone; one that has memory is tracked first, and a prompt then corrects the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch

from surgsam2_ros.network import Decoded, ImageFeatures, MaskHint, SurgSAM2
from surgsam2_ros.network.appearance_model import add_to_hint, add_to_mask
from surgsam2_ros.network.device_transfer import upload, upload_indices
from surgsam2_ros.network.motion import move_masks
from surgsam2_ros.network.surgsam2 import clamp_previous
from surgsam2_ros.tracking.click_repair import repair
from surgsam2_ros.tracking.prompt_inputs import PromptInputs, are_clicks, merge_points

if TYPE_CHECKING:
    from surgsam2_ros.tracking.frame_looks import FrameLooks
    from surgsam2_ros.tracking.memory_bank import MemoryBank, NewMemory
    from surgsam2_ros.tracking.task import Task


class FrameStep:
    """Runs the network on one frame and writes the memories."""

    def __init__(
        self,
        network: SurgSAM2,
        bank: MemoryBank,
        track: Callable[..., tuple[Decoded, NewMemory]],
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
        looks: FrameLooks | None = None,
    ) -> tuple[Decoded, Callable[[], None]]:
        """Process one frame for these objects.

        Args:
            features: of the frame, batch 1.
            frame: its index.
            tasks: one per object, at least one.
            flow: [1, 2, S/4, S/4] back to the frame before (see `network.motion`), for a network
                that takes hints; None gives it none.
            looks: what is known of theirs; None: nothing.

        Returns:
            The objects in the order of the tasks, without candidates, and what is to be called
            before the next frame: it writes the memories of this one.
        """
        if not any(task.init_cond_frame or task.prompts for task in tasks):
            return self._track_all(features, frame, tasks, flow, looks)
        tracked = [row for row, task in enumerate(tasks) if not task.init_cond_frame]
        initial = [row for row, task in enumerate(tasks) if task.init_cond_frame]
        parts = []
        if tracked:
            known = None if looks is None else looks.select(tracked)
            parts.append(self._track(features, frame, [tasks[row] for row in tracked], flow, known))
        if initial:
            parts.append(self.decode_prompts(features, [tasks[row].prompts for row in initial]))
        decoded = _join(parts, tracked + initial)
        return decoded, partial(self._remember, features, frame, tasks, decoded)

    def decode_prompts(
        self, features: ImageFeatures, prompts: Sequence[Sequence[PromptInputs]]
    ) -> Decoded:
        """Segment objects from prompts alone, each from its own sequence of them.

        Objects with one prompt of the same kind go through the network together.
        """
        conditioned = self._network.condition(features.stride16, None)
        groups: dict[int, list[int]] = {}
        for row, sequence in enumerate(prompts):
            kind = _kind(sequence[0]) if len(sequence) == 1 else -1 - row
            groups.setdefault(kind, []).append(row)
        parts = []
        for rows in groups.values():
            if len(rows) == 1:
                parts.append(self._apply_prompts(features, conditioned, prompts[rows[0]], None))
            else:
                together = [prompts[row][0] for row in rows]
                parts.append(self._apply_prompt(features, conditioned, together, None))
        return _join(parts, [row for rows in groups.values() for row in rows])

    def _track_all(
        self,
        features: ImageFeatures,
        frame: int,
        tasks: Sequence[Task],
        flow: torch.Tensor | None,
        looks: FrameLooks | None,
    ) -> tuple[Decoded, Callable[[], None]]:
        """Take a frame without prompts; see `run`."""
        memories = [task.memory for task in tasks]
        evidence = None if looks is None else looks.evidence
        moved, hint = self._hint(tasks, flow, evidence)
        found, memory = self._run_tracked(features, self._bank, memories, frame, hint)
        decoded = found if evidence is None else add_to_mask(found, evidence, moved)

        def remember() -> None:
            self._bank.write(
                memories,
                frame,
                memory() if callable(memory) else memory,
                decoded.pointer,
                logits=decoded.mask_logits,
                presence=decoded.presence_logits,
                prompted=[task.prompted for task in tasks],
            )

        return decoded, remember

    def _track(
        self,
        features: ImageFeatures,
        frame: int,
        tasks: Sequence[Task],
        flow: torch.Tensor | None,
        looks: FrameLooks | None,
    ) -> Decoded:
        """Track objects by their memories in one batch, then apply the prompts to some."""
        memory = self._bank.read([task.memory for task in tasks], frame)
        evidence = None if looks is None else looks.evidence
        moved, hint = self._hint(tasks, flow, evidence)
        conditioned, decoded = self._network.track(features, memory, hint)
        decoded = decoded.chosen
        if evidence is not None:
            decoded = add_to_mask(decoded, evidence, moved)
        corrected = [row for row, task in enumerate(tasks) if task.prompts]
        if not corrected:
            return decoded
        rows = [_take(decoded, slice(row, row + 1)) for row in range(len(tasks))]
        for row in corrected:
            rows[row] = self._correct(
                features,
                conditioned[row : row + 1],
                tasks[row],
                rows[row].mask_logits,
                None if looks is None else looks.of_object(row),
            )
        return _join(rows, range(len(rows)))

    def _correct(
        self,
        features: ImageFeatures,
        conditioned: torch.Tensor,
        task: Task,
        tracked: torch.Tensor,
        looks: FrameLooks | None,
    ) -> Decoded:
        """Correct the tracked mask [1, 1, S/4, S/4] of one object by the prompts it was given."""
        if not self._network.config.correct_without_memory:
            return self._apply_prompts(features, conditioned, task.prompts, tracked)
        task.memory.rewind(0)
        if are_clicks(task.prompts) and bool((tracked > 0).any()):
            return repair(self._network, features, task.prompts, tracked, looks)
        corrected = self._apply_prompts(features, conditioned, task.prompts, tracked)
        if task.prompts[-1].mask is not None:  # it is the outcome, whatever the memory says
            return corrected
        alone = self._network.condition(features.stride16, None)
        other = self._apply_prompts(features, alone, task.prompts, tracked)
        return other if other.iou.item() > corrected.iou.item() else corrected

    def _hint(
        self, tasks: Sequence[Task], flow: torch.Tensor | None, evidence: torch.Tensor | None
    ) -> tuple[torch.Tensor | None, MaskHint | None]:
        """Move the masks of the frame before to this one; the hint adds what is known of looks."""
        if flow is None:
            return None, None
        network = self._network
        side, device = 4 * network.feature_size, network.device
        nothing = torch.zeros((1, side, side), device=device), torch.full((), -1.0, device=device)
        before = [task.before or nothing for task in tasks]
        logits, presence = (torch.stack(parts) for parts in zip(*before, strict=True))
        moved = move_masks(clamp_previous(logits), upload(flow, device))
        hint = moved if evidence is None else clamp_previous(add_to_hint(moved, evidence))
        return moved, MaskHint(hint, (presence > 0).long())

    def _apply_prompts(
        self,
        features: ImageFeatures,
        conditioned: torch.Tensor,
        prompts: Sequence[PromptInputs],
        previous: torch.Tensor | None,
    ) -> Decoded:
        """Apply the prompts of one object one after the other, each on the mask before it."""
        merged = None
        for prompt in prompts:
            merged = merge_points(merged, prompt)
            decoded = self._apply_prompt(features, conditioned, [merged], previous)
            previous = decoded.mask_logits
        return decoded

    def _apply_prompt(
        self,
        features: ImageFeatures,
        conditioned: torch.Tensor,
        prompts: Sequence[PromptInputs],
        previous: torch.Tensor | None,
    ) -> Decoded:
        """Apply one prompt to each of N objects; all are masks or all have as many points.

        Args:
            features: of the frame, batch 1.
            conditioned: [1, D, S/16, S/16], shared by the objects.
            prompts: N.
            previous: [N, 1, S/4, S/4] mask logits to correct, or None.
        """
        if prompts[0].mask is not None:
            masks = torch.cat([prompt.mask for prompt in prompts])
            return self._network.mask_as_output(features, masks)
        points = torch.stack([prompt.points for prompt in prompts])
        decoded = self._network.decode(
            conditioned.expand(len(prompts), -1, -1, -1),
            features,
            points=points,
            labels=torch.stack([prompt.labels for prompt in prompts]),
            mask_logits=None if previous is None else clamp_previous(previous),
            multimask=self._network.uses_multimask(points.shape[1]),
        )
        return decoded.chosen

    def _remember(
        self, features: ImageFeatures, frame: int, tasks: Sequence[Task], decoded: Decoded
    ) -> None:
        """Encode and store the memories; prompted masks and tracked masks take different paths."""
        to_remember = self._network.masks_to_remember(decoded.mask_logits)
        from_prompt = [bool(task.prompts) for task in tasks]
        for kind in sorted(set(from_prompt)):
            rows = [row for row, prompted in enumerate(from_prompt) if prompted == kind]
            tensors = (
                to_remember,
                decoded.mask_logits,
                decoded.presence_logits,
                decoded.pointer,
            )
            if len(rows) < len(tasks):
                index = upload_indices(rows, self._network.device)
                tensors = (tensor.index_select(0, index) for tensor in tensors)
            masks, logits, presence, pointers = tensors
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


def _take(decoded: Decoded, rows: slice) -> Decoded:
    """Take some of the objects; candidates are not kept."""
    return Decoded(*(tensor[rows] for tensor in decoded[:4]))


def _join(parts: Sequence[Decoded], order: Sequence[int]) -> Decoded:
    """Concatenate along the objects; `order[i]` is the row that object i has in the end."""
    if len(parts) == 1:
        joined = parts[0]
    else:
        tensors = zip(*(part[:4] for part in parts), strict=True)
        joined = Decoded(*(torch.cat(tensor) for tensor in tensors))
    if list(order) == list(range(len(order))):
        return joined
    index = upload_indices([order.index(row) for row in range(len(order))], joined.iou.device)
    return Decoded(*(tensor.index_select(0, index) for tensor in joined[:4]))


def _kind(prompt: PromptInputs) -> int:
    """Return what must agree for prompts to share a batch: the number of points, 0 for a mask."""
    return 0 if prompt.mask is not None else len(prompt.points)
