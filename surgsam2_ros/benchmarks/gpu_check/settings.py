# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is checked on which device, and how much of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from surgsam2_ros.benchmarks.cases import SURGSAM2_PRUNES, Case, network_of
from surgsam2_ros.benchmarks.gpu_check.weights import heat
from surgsam2_ros.engines import Arithmetic, DeviceDescription, EngineSettings, choose_arithmetic
from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.network.current_device import use_device
from surgsam2_ros.share import share_file

CPU = torch.device('cpu')


@dataclass(frozen=True)
class Scale:
    """How much is done.

    Attributes:
        size: side of the input for everything but the speed [pixels].
        parity_frames: frames over which results are compared.
        slots: numbers of objects that are captured.
        endurance_frames: frames over which memory has to stay flat, and how many settle it first.
        models, sizes, objects: all combinations of which are timed, the most wanted first.
        rounds: timed frames of each.
        image_size, rate_hz, duration_s: of the camera in front of the node.
    """

    size: int
    parity_frames: int
    slots: tuple[int, ...]
    endurance_frames: tuple[int, int]
    models: tuple[str, ...]
    sizes: tuple[int, ...]
    objects: tuple[int, ...]
    rounds: int
    image_size: tuple[int, int]
    rate_hz: float
    duration_s: float


FULL = Scale(
    size=512,
    parity_frames=20,
    slots=(1, 2, 4, 8),
    endurance_frames=(2000, 100),
    models=('sam2.1_hiera_s', 'sam2.1_hiera_t', 'sam2.1_hiera_b+', 'sam2.1_hiera_l'),
    sizes=(512, 1024),
    objects=(1, 4, 8),
    rounds=100,
    image_size=(1280, 1024),
    rate_hz=60.0,
    duration_s=10.0,
)
QUICK = Scale(
    size=64,
    parity_frames=10,
    slots=(1, 2),
    endurance_frames=(40, 20),
    models=('sam2.1_hiera_t',),
    sizes=(64,),
    objects=(1,),
    rounds=2,
    image_size=(320, 256),
    rate_hz=5.0,
    duration_s=2.0,
)


@dataclass(frozen=True)
class CheckSettings:
    """What is checked.

    Attributes:
        device: torch's name of it.
        model: YAML of the network of all parts but the table of speeds, which has others too.
        checkpoint: its weights; random ones of a fixed seed when None.
        quick: do as little as reaches every line.
    """

    device: str
    model: Path
    checkpoint: Path | None = None
    quick: bool = False

    @property
    def scale(self) -> Scale:
        """How much is done."""
        return QUICK if self.quick else FULL

    @property
    def torch_device(self) -> torch.device:
        """The device, with an index if it is a GPU: the current one where none is named."""
        device = torch.device(self.device)
        if device.type == 'cuda' and device.index is None:
            return torch.device('cuda', torch.cuda.current_device())
        return device

    @property
    def precision(self) -> str:
        """What the node takes on this device by itself."""
        return self._arithmetic().precision

    def engine(self, profile: str = 'exact') -> EngineSettings:
        """Return how the node runs the network on this device."""
        return EngineSettings(profile=profile, compile=self._arithmetic(profile).compile)

    def _arithmetic(self, profile: str = 'exact') -> Arithmetic:
        use_device(self.torch_device)
        return choose_arithmetic(DeviceDescription.of(self.torch_device), profile=profile)

    def network(
        self,
        device: torch.device,
        precision: str = 'fp32',
        prune: int = SURGSAM2_PRUNES,
        mutate: Callable[[SurgSAM2], None] = lambda network: None,
    ) -> SurgSAM2:
        """Build the network of `model`; random weights have sizes at which mistakes show.

        Args:
            device: where it will be.
            precision: of it.
            prune: memories that frame pruning leaves out.
            mutate: a deliberate mistake.
        """

        def change(network: SurgSAM2, weights: str) -> None:
            with torch.no_grad():
                if weights == 'random':
                    heat(network)
                    network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(200.0)
                mutate(network)

        case = Case(
            self.model,
            self.scale.size,
            objects=1,
            prune=prune,
            precision=precision,
            checkpoint=self.checkpoint,
        )
        return network_of(case, device, change)[0]

    def speed_case(self, model: str, size: int, objects: int, precision: str) -> Case:
        """Return one cell of the table of speeds; the checkpoint is that of `model` alone."""
        path = share_file(f'models/{model}.yaml')
        checkpoint = self.checkpoint if path.name == self.model.name else None
        return Case(path, size, objects, precision=precision, checkpoint=checkpoint)
