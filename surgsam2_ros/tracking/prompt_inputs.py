# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Prompts as the network takes them: tensors in its own pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch


class PromptInputs(NamedTuple):
    """A checked prompt as the network takes it: either points or a mask.

    Attributes:
        points: float32 [P, 2] in network pixels, box corners first; None with a mask.
        labels: int32 [P]: 1 on, 0 off the object, 2 and 3 the corners of a box; None with a mask.
        mask: float32 [1, 1, S, S] of zeros and ones, or None.
        adds_points: whether the points add to those given before on this frame.
    """

    points: torch.Tensor | None
    labels: torch.Tensor | None
    mask: torch.Tensor | None
    adds_points: bool


def merge_points(before: PromptInputs | None, given: PromptInputs) -> PromptInputs:
    """Put the points of an earlier prompt for the same frame in front, where `given` asks so."""
    if not given.adds_points or before is None or before.points is None:
        return given
    return given._replace(
        points=torch.cat([before.points, given.points]),
        labels=torch.cat([before.labels, given.labels]),
    )


def are_clicks(prompts: Sequence[PromptInputs]) -> bool:
    """Say whether all prompts are clicks, without a box or a mask among them."""
    return all(one.mask is None and bool((one.labels <= 1).all()) for one in prompts)
