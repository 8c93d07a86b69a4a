# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the looks of objects say in one frame, and what they say when a click adds to it."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from surgsam2_ros.network.appearance_model import Appearance, AppearanceModel
from surgsam2_ros.tracking.click_repair import LookAgain
from surgsam2_ros.tracking.device_transfer import upload_indices


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

    def look_again(self, row: int) -> LookAgain | None:
        """Return what says where an object is when a click is known; None where nothing is."""
        known, before = self._known[row], self.evidence[row : row + 1]
        if known is None:
            return None

        def look(click: tuple[float, float] | None) -> Tensor:
            if click is None:
                return before
            return self._model.look_again(self._described, known, click)

        return look
