# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The network captured whole by `torch.compile`: static shapes, no graph break, no waiting.

With as few kernel launches as a graph has, a GPU is not kept waiting by Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from surgsam2_ros.network import Decoded, ImageFeatures, MaskHint, SurgSAM2
from surgsam2_ros.tracking.device_transfer import upload
from surgsam2_ros.tracking.engines import EagerStepper
from surgsam2_ros.tracking.memory_bank import MemoryBank
from surgsam2_ros.tracking.memory_selection import ObjectMemory
from surgsam2_ros.tracking.tracking_step import EncodingStep, TrackingStep

CAPTURES: dict[str, dict[str, Any]] = {
    'cuda_graphs': {'backend': 'cudagraphs'},
    'inductor': {'backend': 'inductor'},
    'inductor_cuda_graphs': {'backend': 'inductor', 'mode': 'reduce-overhead'},
}
"""Ways to capture, and what `torch.compile` is told for each."""


def capture(step: torch.nn.Module, how: str | dict[str, Any]) -> Any:
    """Return the step captured as one graph; the first call with each shape makes it.

    Args:
        step: module whose inputs keep their shapes.
        how: a key of `CAPTURES`, or arguments of `torch.compile`.
    """
    arguments = CAPTURES[how] if isinstance(how, str) else how
    return torch.compile(step, fullgraph=True, dynamic=False, **arguments)


class CapturedEncoder:
    """The image encoder as one graph.

    Args:
        network: on the device where it runs.
        how: see `capture`.
    """

    def __init__(self, network: SurgSAM2, how: str | dict[str, Any]) -> None:
        self._device = network.device
        self._step = capture(EncodingStep(network), how)
        self.name = _name(how)

    def encode(self, image: torch.Tensor) -> ImageFeatures:
        """Encode an image."""
        _mark_step()
        # What a CUDA graph returns is overwritten when it runs again.
        return ImageFeatures(*(x.clone() for x in self._step(upload(image, self._device))))


class CapturedStepper:
    """All that comes after the image encoder as one graph for 1, 2, 4, 8 … objects.

    Frames that need larger shapes (many protected prompted frames) run in plain PyTorch.

    Args:
        network: on the device where it runs.
        how: see `capture`.
    """

    def __init__(self, network: SurgSAM2, how: str | dict[str, Any]) -> None:
        self._network = network
        self._how = how
        self._eager = EagerStepper(network)
        self._captured: dict[tuple[int, bool], Any] = {}
        self.name = _name(how)

    def track(
        self,
        features: ImageFeatures,
        bank: MemoryBank,
        memories: Sequence[ObjectMemory],
        frame: int,
        hint: MaskHint | None = None,
    ) -> tuple[Decoded, torch.Tensor]:
        """Track N objects in as many slots as the next power of two."""
        slots = 1 << (len(memories) - 1).bit_length()
        size = bank.fixed_size(slots)
        plan, _ = bank.plan(memories, frame, size)
        if plan.survivors > size.survivors or plan.places.shape[1] > size.memories:
            return self._eager.track(features, bank, memories, frame, hint)
        key = (size.survivors, bank.prunes)
        if key not in self._captured:
            step = TrackingStep(self._network, survivors=size.survivors, prunes=bank.prunes)
            self._captured[key] = capture(step, self._how)
        _mark_step()
        read = (*bank.gather(plan), *plan.table, bank.gather_cells(plan))
        if hint is not None:
            empty = slots - len(memories)
            read += tuple(F.pad(part, (0, 0) * (part.dim() - 1) + (0, empty)) for part in hint)
        found = self._captured[key](*features, *read)
        *decoded, memory = (x[: len(memories)].clone() for x in found)
        return Decoded(*decoded), memory


def _mark_step() -> None:
    """Tell CUDA graphs that their outputs of before are no longer needed."""
    torch.compiler.cudagraph_mark_step_begin()


def _name(how: str | dict[str, Any]) -> str:
    return f'torch ({how if isinstance(how, str) else how["backend"]})'
