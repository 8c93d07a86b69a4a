# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""All that is trained, as one module whose forward pass is the loss."""

from __future__ import annotations

from torch import Tensor, nn

from surgsam2_ros.network import SurgSAM2
from surgsam2_ros.training.batches import Group
from surgsam2_ros.training.config import TrainingConfig
from surgsam2_ros.training.foreground import ForegroundHead
from surgsam2_ros.training.objective import Objective


class TrainedModules(nn.Module):
    """The network, and the auxiliary head where the loss has a weight for it.

    Args:
        network: in training mode.
        config: settings.
    """

    def __init__(self, network: SurgSAM2, config: TrainingConfig):
        super().__init__()
        self.network = network
        wanted = config.loss.foreground > 0
        self.foreground = ForegroundHead(network.config.hidden_dim) if wanted else None
        self._objective = Objective(
            network,
            self.foreground,
            prompts=config.prompts,
            loss=config.loss,
            disturbance=config.disturbance,
            hints=config.hints,
            dictate_presence_until=config.dictate_presence_until,
            appearance_model=config.appearance_model,
        )

    def forward(self, group: Group, progress: float, num_objects: float) -> dict[str, Tensor]:
        """Compute the loss terms of a group; see Objective.loss."""
        return self._objective.loss(group.clips, group.generator(), progress, num_objects)
