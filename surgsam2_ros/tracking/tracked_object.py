# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One tracked object: its memories, its state, the prompts that wait for it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from surgsam2_ros.tracking.config import MOST_INSTANCES, TrackerConfig, presence_to_logit
from surgsam2_ros.tracking.prompt_inputs import PromptInputs
from surgsam2_ros.tracking.prompts import Prompt, PromptError, WaitingPrompt
from surgsam2_ros.tracking.result import ObjectInfo
from surgsam2_ros.tracking.states import Lifecycle, MaskQuality
from surgsam2_ros.tracking.task import Task

if TYPE_CHECKING:
    import torch

    from surgsam2_ros.network.appearance_model import Appearance
    from surgsam2_ros.tracking.memory_selection import ObjectMemory


@dataclass(eq=False)
class TrackedObject:
    """An object with its memories and the prompts that wait for it.

    Attributes:
        object_id, instance, class_name: as in Track.
        lifecycle: turns what was seen into a state.
        quality: judges its masks, within `StreamingTracker.advance` where the memory depends on
            it, else when its result is drawn; both may run at a time, in threads of their own.
        memory: where its memories lie.
        first_frame: earliest frame that it was processed in; None before that.
        waiting: (frame, prompt): frame None is the next one; a WaitingPrompt until then.
        applied: frame -> prompts applied to it, for frames that may be replayed.
        newest: the frame that it went through last, its mask logits [1, S/4, S/4] there and its
            presence logit [].
        appearances: frame -> what it looked like up to that frame: the newest one, and those of
            frames that may be replayed.
        rival: as in ObjectInfo.
    """

    object_id: str
    instance: int
    class_name: str
    lifecycle: Lifecycle
    quality: MaskQuality
    memory: ObjectMemory
    first_frame: int | None = None
    waiting: list[tuple[int | None, PromptInputs | WaitingPrompt]] = field(default_factory=list)
    applied: dict[int, tuple[PromptInputs, ...]] = field(default_factory=dict)
    newest: tuple[int, torch.Tensor, torch.Tensor] | None = None
    appearances: dict[int, Appearance] = field(default_factory=dict)
    rival: str = ''

    @property
    def info(self) -> ObjectInfo:
        """What is told about the object between two frames."""
        return ObjectInfo(
            self.object_id,
            self.instance,
            self.class_name,
            self.lifecycle.state,
            self.lifecycle.frames_since_seen,
            self.rival,
        )

    @property
    def replay_from(self) -> int | None:
        """Earliest past frame that a prompt waits for."""
        return min((index for index, _ in self.waiting if index is not None), default=None)

    def appearance_before(self, index: int) -> Appearance | None:
        """Return what it looked like up to the frame before, as far as that is known."""
        earlier = [frame for frame in self.appearances if frame < index]
        return self.appearances[max(earlier)] if earlier else None

    def prompts_for(self, frame: int | None) -> tuple[PromptInputs, ...]:
        """Return the prompts that wait for this frame."""
        return tuple(prompt for index, prompt in self.waiting if index == frame)

    def task(
        self, index: int, prompts: tuple[PromptInputs, ...], *, corrections_condition: bool
    ) -> Task:
        """Decide how the object goes through frame `index` with these prompts.

        Without another prompted frame, or on a frame that it was not tracked in before, the
        prompts alone count; else they correct what tracking finds.
        """
        prompted = self.memory.prompted
        initial = not any(other != index for other in prompted)
        if self.first_frame is None or index < self.first_frame:
            initial = True
        conditions = initial or index in prompted or corrections_condition
        before = None
        if self.newest is not None and self.newest[0] == index - 1:
            before = self.newest[1:]
        return Task(
            self.memory,
            prompts,
            init_cond_frame=initial,
            prompted=bool(prompts) and conditions,
            before=before,
            appearance=self.appearance_before(index),
        )

    def finish_frame(
        self,
        index: int,
        prompts: tuple[PromptInputs, ...],
        waited_for: int | None,
        logits: torch.Tensor,
        presence: torch.Tensor,
    ) -> None:
        """Note that the object went through frame `index` with these prompts.

        Args:
            index: of the frame.
            prompts: that were applied.
            waited_for: the frame that they waited for.
            logits: [1, S/4, S/4] of its mask.
            presence: its presence logit [].
        """
        self.newest = (index, logits, presence)
        self.first_frame = index if self.first_frame is None else min(self.first_frame, index)
        self.waiting = [entry for entry in self.waiting if entry[0] != waited_for]
        if prompts:
            self.applied[index] = prompts

    def keeps_out(self, score: float, presence_logit: float, config: TrackerConfig) -> bool:
        """Say whether the config keeps a frame that the object went through out of its memory.

        Args:
            score: predicted IoU.
            presence_logit: above 0 when the object is visible.
            config: of the tracker.
        """
        kept_out = presence_logit <= 0 and not config.write_memory_when_absent
        kept_out |= score < config.min_memory_score
        if config.gates_uncertain and presence_logit > presence_to_logit(config.presence_threshold):
            kept_out |= self.quality.update(score)
        return kept_out

    def drop_memory(self, index: int) -> None:
        """Take back the memory of frame `index`; that of a prompted or corrected frame stays."""
        if index in self.memory.recent.places and index not in self.applied:
            self.memory.recent.drop(index)

    def fit_waiting(self, fit: Callable[[int | None, WaitingPrompt], PromptInputs]) -> None:
        """Make inputs of the prompts that wait.

        Args:
            fit: makes them of a prompt for this frame, see `waiting`; raises PromptError when it
                does not fit.

        Raises:
            PromptError: when one does not fit; it is dropped.
        """
        for position, (index, waiting) in enumerate(self.waiting):
            if not isinstance(waiting, WaitingPrompt):
                continue
            try:
                inputs = fit(index, waiting)
            except PromptError:
                del self.waiting[position]
                raise
            self.waiting[position] = (index, inputs)
            self.class_name = waiting.prompt.class_name or self.class_name

    def forget_before(self, index: int) -> None:
        """Drop the prompts and appearances of frames that cannot be replayed any more."""
        if self.applied and min(self.applied) < index:
            self.applied = {frame: given for frame, given in self.applied.items() if frame >= index}
        while len(self.appearances) > 1 and min(self.appearances) < index - 1:
            del self.appearances[min(self.appearances)]


def new_object(
    prompt: Prompt, instance: int, memory: ObjectMemory, config: TrackerConfig
) -> TrackedObject:
    """Return the object that a first prompt asks for, with an empty memory."""
    return TrackedObject(
        object_id=prompt.object_id,
        instance=instance,
        class_name=prompt.class_name,
        lifecycle=Lifecycle(config.tentative_frames, config.lost_after_s),
        quality=MaskQuality(config.min_quality, config.quality_frames),
        memory=memory,
    )


def free_instance(newest: int, taken: Collection[int]) -> int:
    """Choose the next instance after the newest one that is free, 1 to MOST_INSTANCES in turn."""
    instance = newest % MOST_INSTANCES + 1
    while instance in taken:
        instance = instance % MOST_INSTANCES + 1
    return instance
