# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Articulated instruments: what they consist of, how they move and where their parts lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from surgsam2_ros.synthesis.sprites import Placement, Sprite

KINDS = ('needle_driver', 'grasper', 'scissors', 'hook', 'suction', 'probe')


@dataclass(frozen=True, eq=False)
class Design:
    """The looks of one instrument; several instruments may share one.

    Attributes:
        kind: one of KINDS.
        width: shaft diameter in pixels.
        shaft, wrist: sprites; the shaft is anchored at its distal end.
        wrist_length: from the end of the shaft to the pivot of the jaws, in pixels.
        jaws: 0, 1 or 2 sprites anchored at their pivot.
    """

    kind: str
    width: float
    shaft: Sprite
    wrist: Sprite
    wrist_length: float
    jaws: tuple[Sprite, ...]


@dataclass(frozen=True, eq=False)
class Motion:
    """Pose of an instrument in every frame; arrays of length T.

    Attributes:
        pivot: float [T, 2], point (x, y) outside the picture that the shaft passes through.
        angle: direction of the shaft in radians.
        depth: pixels from the pivot to the distal end of the shaft.
        bend: wrist angle relative to the shaft, radians.
        yaw: jaw angle relative to the wrist, radians.
        opening: angle between the jaws, radians.
        scale: size relative to the design.
        gain: brightness.
    """

    pivot: np.ndarray
    angle: np.ndarray
    depth: np.ndarray
    bend: np.ndarray
    yaw: np.ndarray
    opening: np.ndarray
    scale: np.ndarray
    gain: np.ndarray


@dataclass(frozen=True, eq=False)
class Instrument:
    """An instrument in a scene.

    Attributes:
        design: looks.
        motion: pose over time.
        label: value in the label image, 0 for an unlabelled distractor.
    """

    design: Design
    motion: Motion
    label: int
    casts_shadow: bool = True

    def gain(self, frame: int) -> float:
        """Brightness of the instrument in a frame."""
        return float(self.motion.gain[frame])

    def placements(self, frame: int) -> Iterator[Placement]:
        """Yield the parts in painting order, the topmost last."""
        design, motion = self.design, self.motion
        scale = max(0.5, float(motion.scale[frame]))
        angle = float(motion.angle[frame])
        end = motion.pivot[frame] + motion.depth[frame] * _direction(angle)
        yield Placement(design.shaft, *end, angle, scale)
        wrist_angle = angle + float(motion.bend[frame])
        hinge = end - 0.2 * design.width * scale * _direction(angle)
        joint = hinge + (design.wrist_length * scale) * _direction(wrist_angle)
        jaw_angle = wrist_angle + float(motion.yaw[frame])
        if len(design.jaws) == 2:
            spread = float(motion.opening[frame]) / 2
            yield Placement(design.jaws[0], *joint, jaw_angle + spread, scale)
            yield Placement(design.jaws[1], *joint, jaw_angle - spread, scale)
        elif design.jaws:
            yield Placement(design.jaws[0], *joint, jaw_angle, scale)
        yield Placement(design.wrist, *hinge, wrist_angle, scale)


def _direction(angle: float) -> np.ndarray:
    return np.array([np.cos(angle), np.sin(angle)])
