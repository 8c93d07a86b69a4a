# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the objects of clips look like, learned while they are tracked, as the tracker learns it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from surgsam2_ros.network import Decoded, ImageFeatures, SurgSAM2
from surgsam2_ros.network.appearance_model import Appearance, AppearanceModel, add_to_mask


class ClipLooks:
    """The appearance models of the objects of clips; no gradient goes through what they learn.

    Args:
        network: its configuration has an appearance model.
        view: returns the features of a clip, batch 1, in a frame.
        owner: int64 [N], the clip of each object.
    """

    def __init__(
        self, network: SurgSAM2, view: Callable[[int, int], ImageFeatures], owner: Tensor
    ) -> None:
        self._model = AppearanceModel(network, wanted=True)
        self._view = view
        self._owner = owner.tolist()
        self._device = owner.device.type
        self._known: list[Appearance | None] = [None] * len(self._owner)

    @torch.no_grad()
    def evidence(self, frame: int) -> Tensor:
        """Return where the objects are by their looks alone, [N, 1, S/4, S/4]."""
        parts = []
        with self._exactly():
            for clip, rows in self._clips():
                known = [self._known[row] for row in rows]
                parts.append(self._model.look(self._describe(clip, frame), known))
        return torch.cat(parts)

    @torch.no_grad()
    def learn(self, frame: int, decoded: Decoded, *, prompted: bool, masks_given: bool) -> None:
        """Learn from a frame in which all objects were, or were not, prompted or corrected."""
        with self._exactly():
            for clip, rows in self._clips():
                first, last = rows[0], rows[-1] + 1
                self._known[first:last] = self._model.learn(
                    self._describe(clip, frame),
                    self._known[first:last],
                    Decoded(*(tensor[first:last] for tensor in decoded[:4])),
                    [prompted] * len(rows),
                    [masks_given] * len(rows),
                )

    def _exactly(self) -> AbstractContextManager:
        """Return the context in which it computes: float32, as the tracker does."""
        return torch.autocast(self._device, enabled=False)

    def _clips(self) -> list[tuple[int, list[int]]]:
        """Return the clips that have objects, with the rows of those; they lie side by side."""
        rows: dict[int, list[int]] = {}
        for row, clip in enumerate(self._owner):
            rows.setdefault(clip, []).append(row)
        return sorted(rows.items())

    def _describe(self, clip: int, frame: int) -> Tensor:
        return self._model.describe(self._view(clip, frame))


def correct(decoded: Decoded, evidence: Tensor, moved: Tensor | None) -> Decoded:
    """Correct the chosen masks and all their candidates by what the objects look like.

    Args:
        decoded: of N objects, with M candidates each.
        evidence: [N, 1, S/4, S/4].
        moved: [N, 1, S/4, S/4] logits of the masks of the frame before; None where unknown.
    """
    candidates = decoded.candidates
    each = candidates.mask_logits.shape[1]

    def repeat(tensor: Tensor) -> Tensor:
        return tensor.repeat_interleave(each, dim=0)

    every = Decoded(
        candidates.mask_logits.flatten(0, 1)[:, None],
        candidates.iou.flatten(),
        repeat(candidates.presence_logits),
        repeat(decoded.pointer),
    )
    every = add_to_mask(every, repeat(evidence), None if moved is None else repeat(moved))
    logits = every.mask_logits.view_as(candidates.mask_logits)
    return add_to_mask(decoded, evidence, moved)._replace(
        candidates=candidates._replace(mask_logits=logits)
    )
