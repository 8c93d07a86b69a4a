# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How instruments are found by themselves."""

from __future__ import annotations

from dataclasses import dataclass

OFF, EXTERNAL, OWN, BOTH = 'off', 'external', 'own', 'both'


@dataclass(frozen=True)
class DiscoverySettings:
    """`discovery.*`: how instruments are found by themselves, and found again.

    Attributes:
        source: who proposes instruments: off, external (a detector's topic), own (the network's
            detector) or both.
        min_score: proposals below are not looked at, 0 to 1.
        confirm_frames: of the newest `window_frames` images that a detector answered for, so many
            must show an instrument before it is started.
        window_frames: see above.
        retake_similarity: least likeness of looks for a LOST object to go on under its id, 0 to 1.
        reprompt_after_s: least time between two prompts for an UNCERTAIN object [s].
        end_after_s: an object that was not seen for so long is removed [s].
    """

    source: str = OFF
    min_score: float = 0.4
    confirm_frames: int = 3
    window_frames: int = 5
    retake_similarity: float = 0.9
    reprompt_after_s: float = 2.0
    end_after_s: float = 30.0

    def check(self) -> None:
        """Raise ValueError for what could never find anything."""
        if self.confirm_frames > self.window_frames:
            raise ValueError(
                f'discovery.confirm_frames is {self.confirm_frames}, more than '
                f'discovery.window_frames, which is {self.window_frames}; nothing would ever be '
                'found: lower the one or raise the other'
            )

    @property
    def takes_external(self) -> bool:
        """Whether the detections of a topic are wanted."""
        return self.source in (EXTERNAL, BOTH)

    @property
    def takes_own(self) -> bool:
        """Whether the proposals of the network's detector are wanted."""
        return self.source in (OWN, BOTH)
