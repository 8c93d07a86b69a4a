# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The network captured whole by `torch.compile`: static shapes, no graph break, no waiting.

With as few kernel launches as a graph has, a GPU is not kept waiting by Python. `warm_up` makes all
captures; after it a frame that none fits runs in plain PyTorch and is counted, without it captures
are made as frames need them.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F

from surgsam2_ros.network import Decoded, ImageFeatures, MaskHint, SurgSAM2
from surgsam2_ros.network.device_transfer import upload
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
_CALLS_UNTIL_WARM = 3  # the first compiles, the second records a CUDA graph, the third runs it
_FAIL = 'fail_on_recompile'


class Bucket(NamedTuple):
    """What a capture is for.

    Attributes:
        slots: rows, of which some may be nobody's.
        prompted: most prompted frames of an object.
        masked: whether objects may read fewer memories than that; without a mask attention has
            faster kernels on a GPU.
    """

    slots: int
    prompted: int
    masked: bool

    def __str__(self) -> str:
        """Say it in words."""
        rings = 'rings that fill' if self.masked else 'full rings'
        return f'{self.slots} objects, {self.prompted} prompted frames, {rings}'


def buckets(max_objects: int, max_prompted: int) -> list[Bucket]:
    """Return all that a tracker needs, largest first, so that the others find their memory.

    For 1, 2, 4, 8 … objects and prompted frames. Without a mask there are those for objects that
    were prompted once, as nearly all are.
    """
    return [
        Bucket(slots, prompted, masked)
        for slots in reversed(_powers(max_objects))
        for prompted in reversed(_powers(max_prompted))
        for masked in ((True, False) if prompted == 1 else (True,))
    ]


def _powers(most: int) -> list[int]:
    """Return 1, 2, 4, 8 … below `most`, and `most`."""
    return [1 << n for n in range(most.bit_length()) if 1 << n < most] + [most]


def _least(sizes: Sequence[int], wanted: int) -> int:
    """Return the least size that is enough, else the largest."""
    return next((size for size in sizes if size >= wanted), sizes[-1])


def capture(step: torch.nn.Module, how: str | dict[str, Any]) -> Any:
    """Return the step captured as one graph; the first call makes it.

    Args:
        step: module whose inputs keep their shapes.
        how: a key of `CAPTURES`, or arguments of `torch.compile`.
    """

    def run(*inputs):
        return step(*inputs)

    # PyTorch keeps captures with the code, looks through all of them at each call, and makes no
    # more than eight: so each has code of its own.
    code = run.__code__.replace()
    own = types.FunctionType(code, globals(), 'run', None, run.__closure__)
    arguments = CAPTURES[how] if isinstance(how, str) else how
    return torch.compile(own, fullgraph=True, dynamic=False, **arguments)


class LateError(Exception):
    """A call for which something would have to be compiled."""


class Captured:
    """A captured step; once it is `warm` it compiles nothing any more."""

    def __init__(self, step: torch.nn.Module, how: str | dict[str, Any]) -> None:
        self._run = capture(step, how)
        self.warm = False

    def warm_up(self, *inputs: Any) -> None:
        """Compile and record for inputs of these shapes."""
        for _ in range(_CALLS_UNTIL_WARM):
            self(*inputs)
        self.warm = True

    def __call__(self, *inputs: Any) -> tuple:
        """Run; raises LateError when it is warm and these inputs are of another kind."""
        _mark_step()
        if not self.warm:
            return self._run(*inputs)
        try:
            with torch.compiler.set_stance(_FAIL):
                return self._run(*inputs)
        except RuntimeError as error:
            if _FAIL not in str(error):
                raise
            raise LateError(str(error)) from error


class LateFrames:
    """Counts frames that no capture fitted, and says so, once for each reason.

    Args:
        tell: called with a sentence for people.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.number = 0
        self._tell, self._told = tell, set()

    def add(self, what: str) -> None:
        """Count a frame."""
        self.number += 1
        if what not in self._told:
            self._told.add(what)
            self._tell(f'no capture fits {what}, plain PyTorch takes such frames')


class CapturedEncoder:
    """The image encoder as one graph, and one more for each size of batches.

    Args:
        network: on the device where it runs.
        how: see `capture`.
        late: counts images that do not fit what was captured in `warm_up`.
    """

    needs_warm_up = True
    batches = True

    def __init__(self, network: SurgSAM2, how: str | dict[str, Any], late: LateFrames) -> None:
        self._device = network.device
        self._how = how
        self._eager = EncodingStep(network)
        self._steps = {1: Captured(self._eager, how)}
        self._late = late
        self.name = name_of(how)

    def warm_up(self, image: torch.Tensor) -> None:
        """Capture, for images like this one, or so many of them; once."""
        step = self._steps.setdefault(len(image), Captured(self._eager, self._how))
        if not step.warm:
            step.warm_up(upload(image, self._device))

    def encode(self, image: torch.Tensor) -> ImageFeatures:
        """Encode an image."""
        image = upload(image, self._device)
        try:
            if (step := self._steps.get(len(image))) is None:
                raise LateError
            # What a CUDA graph returns is overwritten when it runs again.
            return ImageFeatures(*(x.clone() for x in step(image)))
        except LateError:
            self._late.add('the image encoder')
            return ImageFeatures(*self._eager(image))


class CapturedStepper:
    """All that comes after the image encoder as one graph for each of `buckets`.

    Args:
        network: on the device where it runs.
        how: see `capture`.
        late: counts frames that no capture fits.
    """

    needs_warm_up = True

    def __init__(self, network: SurgSAM2, how: str | dict[str, Any], late: LateFrames) -> None:
        self._network = network
        self._how = how
        self._eager = EagerStepper(network)
        self._late = late
        self._captured: dict[Bucket, Captured] = {}
        self._warm = False
        self.name = name_of(how)

    def warm_up(
        self,
        features: ImageFeatures,
        bank: MemoryBank,
        hints: bool,
        progress: Callable[[str], None],
    ) -> None:
        """Make all captures that frames may ask for.

        Args:
            features: of an image.
            bank: with at least one slot; it is only read.
            hints: whether frames come with hints.
            progress: called with a sentence for people after each.
        """
        wanted = buckets(bank.max_objects, bank.shape.prompted)
        for number, bucket in enumerate(wanted, start=1):
            size = bank.fixed_size(bucket.slots, bucket.prompted)
            plan = bank.rehearsal(size, full=not bucket.masked)
            hint = self._hint(bucket.slots) if hints else None
            captured = self._capture(bank, bucket)
            captured.warm_up(*_inputs(features, bank, plan, bucket.slots, hint))
            progress(f'captured {number} of {len(wanted)}: {bucket}')
        self._warm = True
        self.needs_warm_up = False

    def track(
        self,
        features: ImageFeatures,
        bank: MemoryBank,
        memories: Sequence[ObjectMemory],
        frame: int,
        hint: MaskHint | None = None,
    ) -> tuple[Decoded, torch.Tensor]:
        """Track N objects in as many slots as the next capture has."""
        number, prompted = len(memories), max(len(memory.prompted) for memory in memories)
        bucket = Bucket(
            _least(_powers(bank.max_objects), number),
            _least(_powers(bank.shape.prompted), prompted),
            masked=True,
        )
        size = bank.fixed_size(bucket.slots, bucket.prompted)
        plan, _ = bank.plan(memories, frame, size)
        fits = plan.survivors == size.survivors
        fits &= plan.places.shape == (bucket.slots, size.memories)
        if bucket.prompted == 1:
            bucket = bucket._replace(masked=plan.masked)
        captured = self._captured.get(bucket)
        if captured is None and not self._warm:
            captured = self._capture(bank, bucket)
        try:
            if captured is None or not fits:
                raise LateError
            found = captured(*_inputs(features, bank, plan, bucket.slots, hint))
        except LateError:
            self._late.add(f'{number} objects with up to {prompted} prompted frames')
            return self._eager.track(features, bank, memories, frame, hint)
        *decoded, memory = (x[:number].clone() for x in found)
        return Decoded(*decoded), memory

    def _capture(self, bank: MemoryBank, bucket: Bucket) -> Captured:
        survivors = bank.fixed_size(bucket.slots, bucket.prompted).survivors
        step = TrackingStep(
            self._network, survivors=survivors, prunes=bank.prunes, masked=bucket.masked
        )
        self._captured[bucket] = Captured(step.eval(), self._how)
        return self._captured[bucket]

    def _hint(self, objects: int) -> MaskHint:
        side, device = 4 * self._network.feature_size, self._network.device
        return MaskHint(
            torch.zeros((objects, 1, side, side), device=device),
            torch.zeros(objects, dtype=torch.int64, device=device),
        )


def _inputs(
    features: ImageFeatures, bank: MemoryBank, plan: Any, slots: int, hint: MaskHint | None
) -> tuple[torch.Tensor | None, ...]:
    """Return the inputs of a `TrackingStep` with so many rows."""
    read = (*features, *bank.gather(plan), *plan.table, bank.gather_cells(plan))
    if hint is not None:
        empty = slots - len(hint.given)
        read += tuple(F.pad(part, (0, 0) * (part.dim() - 1) + (0, empty)) for part in hint)
    return read


def _mark_step() -> None:
    """Tell CUDA graphs that their outputs of before are no longer needed."""
    torch.compiler.cudagraph_mark_step_begin()


def name_of(how: str | dict[str, Any]) -> str:
    """Return what users know a way to capture by."""
    return f'torch ({how if isinstance(how, str) else how["backend"]})'
