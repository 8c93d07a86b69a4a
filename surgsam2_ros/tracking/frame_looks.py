# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the looks of objects say in one frame, and what they say when a click adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from surgsam2_ros.network.device_transfer import upload_indices

if TYPE_CHECKING:
    from surgsam2_ros.network.appearance_model import Appearance, AppearanceModel


class FrameLooks:
    """What is known of the looks of N objects, before an image.

    Args:
        model: that learned it.
        described: [D, S/8, S/8] of the image, see `AppearanceModel.describe`.
        known: of each object.
        evidence: where they are, if that was asked before.

    Attributes:
        evidence: float32 [N, 1, S/4, S/4], see `AppearanceModel.look`.
    """

    def __init__(
        self,
        model: AppearanceModel,
        described: Tensor,
        known: Sequence[Appearance | None],
        evidence: Tensor | None = None,
    ) -> None:
        self._model = model
        self._described = described
        self._known = known
        self.evidence = model.look(described, known) if evidence is None else evidence

    def select(self, rows: Sequence[int]) -> FrameLooks:
        """Return those of some objects."""
        known = [self._known[row] for row in rows]
        evidence = self.evidence
        if len(rows) < len(self._known):
            evidence = evidence.index_select(0, upload_indices(rows, evidence.device))
        return FrameLooks(self._model, self._described, known, evidence)

    def of_object(self, row: int) -> FrameLooks | None:
        """Return those of one object; None where nothing is known of it."""
        if self._known[row] is None:
            return None
        evidence = self.evidence[row : row + 1]
        return FrameLooks(self._model, self._described, self._known[row : row + 1], evidence)

    def look_again(self, click: tuple[float, float]) -> Tensor:
        """Return the evidence [1, 1, S/4, S/4] of one object when a click on it is known.

        Args:
            click: x and y in pixels of the network's input, 0 to S.
        """
        return self._model.look_again(self._described, self._known[0], click)
