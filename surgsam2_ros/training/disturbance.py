# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What training does to the memory of a clip, so that the network bears what happens to it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Disturbance:
    """What training does to the memory of a clip; by default, nothing that inference does not do.

    Attributes:
        corrupt_mask: probability that an object's mask is damaged before it is remembered.
        forget_frame: probability that a frame between the prompt and the last one is not attended
            to, as happens when memory is pruned.
        dictate_presence: probability that the true presence decides what is remembered.
        dropout: share of attention weights and activations of the memory attention that is
            dropped; 0.1 in the official training.
        clip_time: encode the age of object pointers as a fraction of the clip, and attend to no
            more of them than it has frames, as the official training does.
    """

    corrupt_mask: float = 0.0
    forget_frame: float = 0.0
    dictate_presence: float = 0.0
    dropout: float = 0.0
    clip_time: bool = False

    def __post_init__(self):
        """Check the values.

        Raises:
            ValueError: when a value is impossible.
        """
        for name in ('corrupt_mask', 'forget_frame', 'dictate_presence', 'dropout'):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f'disturbance: {name} is {value}; it must be 0 to 1')


UNDISTURBED = Disturbance()
