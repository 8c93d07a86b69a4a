# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One tracked object: its memories, its state, the prompts that wait for it."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from surgsam2_ros.tracking.config import TrackerConfig
from surgsam2_ros.tracking.frame_step import Task
from surgsam2_ros.tracking.memory_index import ObjectMemory
from surgsam2_ros.tracking.prompts import Cue, WaitingPrompt
from surgsam2_ros.tracking.rendering import Rendering, presence_to_logit
from surgsam2_ros.tracking.result import ObjectInfo, Track
from surgsam2_ros.tracking.states import Lifecycle, MaskQuality


@dataclass(eq=False)
class TrackedObject:
    """An object with its memories and the prompts that wait for it.

    Attributes:
        object_id, instance, class_name: as in Track.
        lifecycle: turns what was seen into a state.
        quality: judges its masks, within `StreamingTracker.advance` where the memory depends on
            it, else within `update`; both may run at a time, in threads of their own.
        memory: where its memories lie.
        first_frame: earliest frame that it was processed in; None before that.
        waiting: (frame, prompt): frame None is the next one; a WaitingPrompt until then.
        cues: frame -> prompts applied to it, for frames that may be replayed.
        newest: the frame that it went through last, its mask logits [1, S/4, S/4] there and its
            presence logit [].
    """

    object_id: str
    instance: int
    class_name: str
    lifecycle: Lifecycle
    quality: MaskQuality
    memory: ObjectMemory
    first_frame: int | None = None
    waiting: list[tuple[int | None, Cue | WaitingPrompt]] = field(default_factory=list)
    cues: dict[int, tuple[Cue, ...]] = field(default_factory=dict)
    newest: tuple[int, torch.Tensor, torch.Tensor] | None = None

    @property
    def info(self) -> ObjectInfo:
        """What is told about the object between two frames."""
        return ObjectInfo(
            self.object_id,
            self.instance,
            self.class_name,
            self.lifecycle.state,
            self.lifecycle.frames_since_seen,
        )

    @property
    def replay_from(self) -> int | None:
        """Earliest past frame that a prompt waits for."""
        return min((index for index, _ in self.waiting if index is not None), default=None)

    def cues_for(self, frame: int | None) -> tuple[Cue, ...]:
        """Return the prompts that wait for this frame."""
        return tuple(cue for index, cue in self.waiting if index == frame)

    def task(self, index: int, cues: tuple[Cue, ...], *, corrections_condition: bool) -> Task:
        """Decide how the object goes through frame `index` with these prompts.

        Without another prompted frame, or on a frame that it was not tracked in before, the
        prompts alone count; else they correct what tracking finds.
        """
        prompted = self.memory.prompted
        anew = not any(other != index for other in prompted)
        if self.first_frame is None or index < self.first_frame:
            anew = True
        conditions = anew or index in prompted or corrections_condition
        before = None
        if self.newest is not None and self.newest[0] == index - 1:
            before = self.newest[1:]
        return Task(self.memory, cues, anew=anew, prompted=bool(cues) and conditions, before=before)

    def finish_frame(
        self,
        index: int,
        cues: tuple[Cue, ...],
        waited_for: int | None,
        logits: torch.Tensor,
        presence: torch.Tensor,
    ) -> None:
        """Note that the object went through frame `index` with these prompts.

        Args:
            index: of the frame.
            cues: that were applied.
            waited_for: the frame that they waited for.
            logits: [1, S/4, S/4] of its mask.
            presence: its presence logit [].
        """
        self.newest = (index, logits, presence)
        self.first_frame = index if self.first_frame is None else min(self.first_frame, index)
        self.waiting = [entry for entry in self.waiting if entry[0] != waited_for]
        if cues:
            self.cues[index] = cues

    def gate_memory(
        self, index: int, score: float, presence_logit: float, config: TrackerConfig
    ) -> None:
        """Take back the memory of frame `index` where the config keeps it out.

        That of a prompted or corrected frame stays.

        Args:
            index: the frame that the object has just gone through.
            score: predicted IoU.
            presence_logit: above 0 when the object is visible.
            config: of the tracker.
        """
        kept_out = presence_logit <= 0 and not config.write_memory_when_absent
        kept_out |= score < config.min_memory_score
        if config.gates_uncertain and presence_logit > presence_to_logit(config.presence_threshold):
            kept_out |= self.quality.update(score)
        if kept_out and index in self.memory.recent.places and index not in self.cues:
            self.memory.recent.drop(index)

    def forget_cues_before(self, index: int) -> None:
        """Drop the prompts of frames that cannot be replayed any more."""
        if self.cues and min(self.cues) < index:
            self.cues = {frame: cues for frame, cues in self.cues.items() if frame >= index}

    def update(
        self, row: int, rendering: Rendering, logits: torch.Tensor, poor: bool | None = None
    ) -> Track:
        """Account for the newest frame and return the object's part of its result.

        Args:
            row: the object's row in the rendering.
            rendering: of all objects.
            logits: [S/4, S/4] of this one.
            poor: whether its mask is too poor to act on; None where that is still to be judged.
        """
        crop = rendering.masks[row]
        visible = bool(rendering.visible[row])
        if poor is None:
            poor = visible and self.quality.update(float(rendering.score[row]))
        state = self.lifecycle.update(visible and crop.box is not None, poor)
        return Track(
            object_id=self.object_id,
            instance=self.instance,
            class_name=self.class_name,
            crop=crop,
            logits=logits,
            score=float(rendering.score[row]),
            presence=float(rendering.presence[row]),
            state=state,
            frames_since_seen=self.lifecycle.frames_since_seen,
        )
