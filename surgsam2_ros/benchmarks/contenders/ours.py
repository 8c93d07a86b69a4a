# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""This project's tracker."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from surgsam2_ros.benchmarks.contenders.contender import (
    AFTER_ENCODER,
    STAGES,
    Box,
    Contender,
    ContenderError,
)
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.network.checkpoint import CheckpointError
from surgsam2_ros.network.instrument_detector import detector_beside, load_detector
from surgsam2_ros.tracking import Detector, Engine, StreamingTracker, TrackerConfig


class SwitchableEngine:
    """An engine that can be made plain PyTorch for a frame.

    Args:
        engine: that is measured.
        plain: the same in PyTorch.
    """

    def __init__(self, engine: Engine, plain: Engine) -> None:
        self._encoder = _Switch(engine.encoder, plain.encoder)
        self._stepper = _Switch(engine.stepper, plain.stepper)
        self.engine = Engine(self._encoder, self._stepper)

    @contextlib.contextmanager
    def switched_off(self) -> Iterator[None]:
        """Run in plain PyTorch meanwhile."""
        switches = (self._encoder, self._stepper)
        for switch in switches:
            switch.on = False
        try:
            yield
        finally:
            for switch in switches:
                switch.on = True


class _Switch:
    """An encoder or stepper in front of two."""

    def __init__(self, fast: Any, plain: Any) -> None:
        self._fast, self._plain = fast, plain
        self.on = True

    @property
    def name(self) -> str:
        return self._fast.name

    def encode(self, *arguments: Any) -> Any:
        return (self._fast if self.on else self._plain).encode(*arguments)

    def track(self, *arguments: Any) -> Any:
        return (self._fast if self.on else self._plain).track(*arguments)

    @property
    def needs_warm_up(self) -> bool:
        return getattr(self._fast, 'needs_warm_up', False)

    def warm_up(self, *arguments: Any) -> None:
        self._fast.warm_up(*arguments)


class Ours(Contender):
    """This project's tracker.

    Args:
        network: in evaluation mode.
        clip: uint8 [T, H, W, 3].
        boxes: of the objects in frame 0, (x0, y0, x1, y1).
        config: of the tracker; its default when None.
        engine: what runs the network; plain PyTorch when None.
        detector: that looks at every frame too; none when None.
    """

    def __init__(
        self,
        network: SurgSAM2,
        clip: np.ndarray,
        boxes: Sequence[Box],
        config: TrackerConfig | None = None,
        engine: SwitchableEngine | None = None,
        detector: Detector | None = None,
    ) -> None:
        self._frames = iter(clip)
        self._engine = engine
        self._tracker = StreamingTracker(
            network, config, engine and engine.engine, detector=detector
        )
        self._tracker.warm_up()
        for number, box in enumerate(boxes):
            self._tracker.add_object(str(number), box=box)
        functions = ('encode_image', 'condition', 'decode', 'encode_memory')
        self.stages = dict(zip(STAGES, ((network, f) for f in functions), strict=True))
        if engine is not None:
            self.stages = {
                STAGES[0]: (engine.engine.encoder, 'encode'),
                AFTER_ENCODER: (engine.engine.stepper, 'track'),
            }

    def plain_step(self) -> None:
        """Take the next frame in plain PyTorch, whose operations can be counted."""
        with contextlib.nullcontext() if self._engine is None else self._engine.switched_off():
            self.step()

    def step(self) -> None:
        """Take the next frame."""
        self._result = self._tracker.track(next(self._frames))

    def logits(self) -> torch.Tensor:
        """Mask logits of the newest frame."""
        return torch.stack([track.logits for track in self._result.tracks]).float().cpu()


class OursDetecting(Ours):
    """This project's tracker in plain PyTorch, looking for instruments in every frame besides.

    Args:
        network, clip, boxes: as of `Ours`.

    Raises:
        ContenderError: when the network has no detector, or not with these weights.
    """

    def __init__(self, network: SurgSAM2, clip: np.ndarray, boxes: Sequence[Box]) -> None:
        config = network.config
        path = detector_beside(config.directory / f'{config.name}.yaml')
        try:
            detector = Detector(load_detector(path, network))
        except CheckpointError as error:
            raise ContenderError(str(error)) from error
        super().__init__(network, clip, boxes, detector=detector)
        self.pruned = config.num_frame_to_prune
