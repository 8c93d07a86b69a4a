# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Prompts for frames that have passed: condition those, and roll forward from there to now."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch

from surgsam2_ros.tracking.prompts import Prompt, not_kept

if TYPE_CHECKING:
    from surgsam2_ros.network import Decoded, ImageFeatures
    from surgsam2_ros.tracking.motion import Motion
    from surgsam2_ros.tracking.tracked_object import TrackedObject
    from surgsam2_ros.tracking.view import Region


class PastFrame(NamedTuple):
    """A frame that a late prompt may still name."""

    index: int
    image: torch.Tensor  # uint8 [1, 3, S, S] on the CPU
    region: Region  # what of the camera's image that is


class RollForward:
    """Keeps the newest frames and takes objects through them once more.

    Args:
        length: frames kept.
        encode: makes an image's features.
        motion: makes the optical flow between images.
        step: takes objects through a frame, as `ObjectStep.run`.
    """

    def __init__(
        self,
        length: int,
        encode: Callable[[torch.Tensor], ImageFeatures],
        motion: Motion,
        step: Callable[..., tuple[Decoded, Callable[[], None]]],
    ) -> None:
        self._frames: deque[PastFrame] = deque(maxlen=length)
        self._encode = encode
        self._motion = motion
        self._step = step

    @property
    def regions(self) -> dict[int, Region]:
        """What the network saw of each frame that is kept, by its index, oldest first."""
        return {frame.index: frame.region for frame in self._frames}

    def region_of(self, index: int, prompts: Sequence[Prompt]) -> Region:
        """Return what the network saw of a frame that prompts name.

        Raises:
            PromptError: when it is not kept.
        """
        if index not in self.regions:
            raise not_kept(index, self.regions, prompts, self._frames.maxlen)
        return self.regions[index]

    def keep(self, frame: PastFrame) -> int:
        """Keep the newest frame; returns the index of the oldest one that can be replayed."""
        self._frames.append(frame)
        return self._frames[0].index if self._frames else frame.index + 1

    def clear(self) -> None:
        """Forget all frames."""
        self._frames.clear()

    def run(self, objects: Iterable[TrackedObject]) -> None:
        """Condition past frames by the prompts that wait for them, and roll forward to now.

        An object forgets the tracked frames from its earliest prompt on and goes through all of
        them again; frames that it was prompted in before stay as they are. Objects without such a
        prompt are left alone.
        """
        starts = {
            tracked: tracked.replay_from for tracked in objects if tracked.replay_from is not None
        }
        if not starts:
            return
        before = before_region = None
        for frame in self._frames:
            affected = []
            for tracked, start in starts.items():
                if start == frame.index:
                    tracked.memory.rewind(start)
                stays = frame.index in tracked.memory.prompted
                if start <= frame.index and (not stays or tracked.prompts_for(frame.index)):
                    affected.append(tracked)
            if affected:
                features = self._encode(frame.image)
                same_region = frame.region == before_region
                flow = self._motion.flow(frame.image, before, same_region=same_region)
                _, remember = self._step(
                    features, frame.index, affected, flow, waiting_for=frame.index
                )
                remember()
            before, before_region = frame.image, frame.region
