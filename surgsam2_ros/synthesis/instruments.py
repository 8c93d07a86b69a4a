# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Articulated instruments: what they consist of, how they move and where their parts lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from surgsam2_ros.synthesis.sprites import Placement, Sprite
from surgsam2_ros.synthesis.trajectories import value_at

KINDS = (
    'needle_driver',
    'grasper',
    'scissors',
    'hook',
    'suction',
    'probe',
    'forceps',
    'clip_applier',
)


@dataclass(frozen=True, eq=False)
class Design:
    """The looks of one instrument; several instruments may share one.

    Attributes:
        kind: one of KINDS.
        width: shaft diameter in pixels.
        shaft, wrist: sprites; the shaft is anchored at its distal end.
        wrist_length: from the end of the shaft to the pivot of the jaws, in pixels.
        jaws: 0, 1 or 2 sprites anchored at their pivot.
        flexibility: share of the motion's bend and yaw that the wrist follows, 0 for rigid shafts.
    """

    kind: str
    width: float
    shaft: Sprite
    wrist: Sprite
    wrist_length: float
    jaws: tuple[Sprite, ...]
    flexibility: float = 1.0


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
    lies_on_ground: bool = False

    def gain(self, frame: float) -> float:
        """Brightness of the instrument in a frame."""
        return float(value_at(self.motion.gain, frame))

    def placements(self, frame: float) -> Iterator[Placement]:
        """Yield the parts in painting order, the topmost last."""
        design, motion = self.design, self.motion
        scale = max(0.5, float(value_at(motion.scale, frame)))
        angle = float(value_at(motion.angle, frame))
        end = value_at(motion.pivot, frame) + value_at(motion.depth, frame) * _direction(angle)
        yield Placement(design.shaft, *end, angle, scale)
        wrist_angle = angle + design.flexibility * float(value_at(motion.bend, frame))
        hinge = end - 0.2 * design.width * scale * _direction(angle)
        joint = hinge + (design.wrist_length * scale) * _direction(wrist_angle)
        jaw_angle = wrist_angle + design.flexibility * float(value_at(motion.yaw, frame))
        if len(design.jaws) == 2:
            spread = float(value_at(motion.opening, frame)) / 2
            yield Placement(design.jaws[0], *joint, jaw_angle + spread, scale)
            yield Placement(design.jaws[1], *joint, jaw_angle - spread, scale)
        elif design.jaws:
            yield Placement(design.jaws[0], *joint, jaw_angle, scale)
        yield Placement(design.wrist, *hinge, wrist_angle, scale)


def _direction(angle: float) -> np.ndarray:
    return np.array([np.cos(angle), np.sin(angle)])
