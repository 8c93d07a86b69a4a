# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the tracker asks of an engine, which runs the network for frames without prompts.

Plain PyTorch is here, since that is what the tracker runs on unless it is told otherwise; the
faster ones are in the room above, `engines`. Prompts always run in plain PyTorch: they are rare,
and each kind has its own shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from surgsam2_ros.network import Decoded, ImageFeatures, MaskHint, SurgSAM2
from surgsam2_ros.network.device_transfer import upload
from surgsam2_ros.tracking.tracking_step import EncodingStep, TrackingStep

if TYPE_CHECKING:
    import torch

    from surgsam2_ros.tracking.memory_bank import MemoryBank, NewMemory
    from surgsam2_ros.tracking.memory_selection import ObjectMemory


class EngineError(RuntimeError):
    """An engine that cannot run here; the message says why and what to do."""


class Encoder(Protocol):
    """Runs the image encoder.

    Attributes:
        name: what users know it by.
        batches: whether it takes several images at once; not, where it does not say so.
    """

    name: str

    def encode(self, image: torch.Tensor) -> ImageFeatures:
        """Encode an image, uint8 [1, 3, S, S] on the CPU.

        Called from another thread than the step where images are encoded ahead.
        """


class Stepper(Protocol):
    """Runs all that comes after the image encoder.

    Attributes:
        name: what users know it by.
    """

    name: str

    def track(
        self,
        features: ImageFeatures,
        bank: MemoryBank,
        memories: Sequence[ObjectMemory],
        frame: int,
        hint: MaskHint | None = None,
    ) -> tuple[Decoded, NewMemory]:
        """Track N objects by what they remember, without any effect on the bank.

        Args:
            features: of the frame, batch 1.
            bank: where their memories lie.
            memories: one per object.
            frame: index of the frame.
            hint: where the objects probably are; given in every frame or in none.

        Returns:
            The masks without their candidates, and the frame's spatial memories.
        """


@dataclass(frozen=True)
class Engine:
    """The two halves of what runs the network."""

    encoder: Encoder
    stepper: Stepper

    @staticmethod
    def eager(network: SurgSAM2) -> Engine:
        """Return the one that is plain PyTorch."""
        return Engine(EagerEncoder(network), EagerStepper(network, lazy=True))

    @property
    def name(self) -> str:
        """Names of both, or the one that they share."""
        names = (self.encoder.name, self.stepper.name)
        return names[0] if names[0] == names[1] else ' + '.join(names)

    def warm_up(
        self, image: torch.Tensor, bank: MemoryBank, hints: bool, progress: Callable[[str], None]
    ) -> None:
        """Make ready what any later frame may need, in the halves that have something to do.

        Args:
            image: uint8 [1, 3, S, S] on the CPU.
            bank: has a free slot.
            hints: whether frames come with hints.
            progress: called with a sentence for people when a part of it is done.
        """
        if getattr(self.encoder, 'needs_warm_up', False):
            self.encoder.warm_up(image)
        if getattr(self.stepper, 'needs_warm_up', False):
            slot = bank.add_object()
            self.stepper.warm_up(self.encoder.encode(image), bank, hints, progress)
            bank.remove_object(slot)


class EagerEncoder:
    """Plain PyTorch, exact."""

    name = 'torch'
    batches = True

    def __init__(self, network: SurgSAM2) -> None:
        self._device = network.device
        self._step = EncodingStep(network)

    def encode(self, image: torch.Tensor) -> ImageFeatures:
        """Encode an image."""
        return ImageFeatures(*self._step(upload(image, self._device)))


class EagerStepper:
    """Plain PyTorch, exact; takes any number of memories.

    Args:
        network: in evaluation mode.
        lazy: encode the memories of a frame when they are wanted, after its masks are shown.
    """

    name = 'torch'

    def __init__(self, network: SurgSAM2, *, lazy: bool = False) -> None:
        self._network = network
        self._lazy = lazy

    def track(
        self,
        features: ImageFeatures,
        bank: MemoryBank,
        memories: Sequence[ObjectMemory],
        frame: int,
        hint: MaskHint | None = None,
    ) -> tuple[Decoded, NewMemory]:
        """Track N objects."""
        plan, prunes = bank.plan(memories, frame)
        step = TrackingStep(
            self._network,
            survivors=plan.survivors,
            prunes=prunes,
            masked=plan.masked,
            leaves_memories=True,
        )
        read = (*bank.gather(plan), *plan.table, bank.gather_cells(plan))
        decoded = Decoded(*step(*features, *read, *(hint or ())))
        remember = partial(
            step.memories, features.stride16, decoded.mask_logits, decoded.presence_logits
        )
        return decoded, remember if self._lazy else remember()


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message that says anything."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else 'without a message'
