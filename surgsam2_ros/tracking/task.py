# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""An object's part in a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from surgsam2_ros.network.appearance_model import Appearance
    from surgsam2_ros.tracking.memory_selection import ObjectMemory
    from surgsam2_ros.tracking.prompt_inputs import PromptInputs


@dataclass(frozen=True)
class Task:
    """One object's part in a frame.

    Attributes:
        memory: where its memories lie.
        prompts: for this frame, in the order given; empty when it is only tracked.
        init_cond_frame: decode from the prompts alone although there may be memories of other
            frames.
        prompted: store this frame as a prompted one (only with prompts).
        before: mask logits [1, S/4, S/4] and presence logit [] of the frame before; None when it
            was not tracked there.
        appearance: what it looked like up to the frame before; None where nothing is known.
    """

    memory: ObjectMemory
    prompts: tuple[PromptInputs, ...] = ()
    init_cond_frame: bool = False
    prompted: bool = False
    before: tuple[torch.Tensor, torch.Tensor] | None = None
    appearance: Appearance | None = None
