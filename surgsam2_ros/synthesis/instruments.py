# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Articulated instruments: how a kind is built from parts, how it moves, where its parts lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from surgsam2_ros.synthesis.parts import (
    Material,
    mottle,
    paint_disc,
    paint_line,
    profile_through,
    random_shaft_material,
    random_tip_material,
    scale_colour,
    shaded_part,
)
from surgsam2_ros.synthesis.sprites import Placement, Sprite

KINDS = ('needle_driver', 'grasper', 'scissors', 'hook', 'suction', 'probe')
_JAWS = {'needle_driver': 2, 'grasper': 2, 'scissors': 2, 'hook': 1, 'suction': 0, 'probe': 1}


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


def random_design(
    rng: np.random.Generator,
    width: float,
    shaft_length: float,
    kind: str | None = None,
    resolution: float = 1.0,
) -> Design:
    """Draw an instrument of any kind in any material.

    Args:
        rng: source of all randomness.
        width: shaft diameter in scene pixels.
        shaft_length: drawn length of the shaft; longer than it ever reaches into the picture.
        kind: one of KINDS; drawn when None.
        resolution: sprite pixels per scene pixel.
    """
    kind = kind or str(rng.choice(KINDS, p=(0.3, 0.24, 0.18, 0.1, 0.08, 0.1)))
    taper = rng.uniform(0.8, 1.0)
    shaft = _random_shaft(rng, shaft_length, width, taper, resolution)
    tip_material = random_tip_material(rng)
    wrist_length = width * rng.uniform(0.7, 2.2)
    wrist = _random_wrist(rng, wrist_length, width * taper, tip_material, resolution)
    jaw_material = tip_material if rng.random() < 0.6 else random_tip_material(rng)
    jaws = _random_jaws(rng, kind, width, jaw_material, resolution)
    return Design(kind, width, shaft, wrist, 0.88 * wrist_length, jaws)


def _random_shaft(
    rng: np.random.Generator, length: float, width: float, taper: float, resolution: float
) -> Sprite:
    profile = profile_through((0, 1), (1, taper))
    shaft = shaded_part(
        rng, length, width, profile, random_shaft_material(rng), resolution=resolution
    )
    if rng.random() < 0.4:  # rings and markings, mostly near the wrist
        for _ in range(rng.integers(1, 4)):
            start = 1 - rng.uniform(0.02, 0.5) ** 1.5
            scale_colour(shaft, start, start + rng.uniform(0.004, 0.06), rng.uniform(0.3, 2.2))
    if rng.random() < 0.4:
        steps = np.linspace(rng.uniform(0.4, 1), 1, shaft.pixels.shape[1], dtype=np.float32)
        scale_colour(shaft, 0, 1, steps[None, :, None])
    if rng.random() < 0.25:
        mottle(rng, shaft, rng.uniform(0.1, 0.5))
    rows, columns = shaft.pixels.shape[:2]
    return Sprite(shaft.pixels, (columns - 2.0, rows / 2), resolution)


def _random_wrist(
    rng: np.random.Generator, length: float, width: float, material: Material, resolution: float
) -> Sprite:
    end = rng.uniform(0.42, 0.95)
    waist = rng.uniform(0.6, 1.0)
    shoulder = rng.uniform(0.25, 0.6)
    profile = profile_through(
        (0, rng.uniform(0.85, 1.0)),
        (shoulder, rng.uniform(0.75, 1.0)),
        (shoulder + 0.12, min(waist, end + 0.3)),
        (0.86, end),
        (1, end * rng.uniform(0.5, 1.0)),
    )
    wrist = shaded_part(
        rng,
        length,
        width,
        profile,
        material,
        flatness=rng.choice([0.0, rng.uniform(0, 1)]),
        resolution=resolution,
    )
    if rng.random() < 0.75:
        for _ in range(rng.integers(1, 6)):
            start = rng.random()
            scale_colour(wrist, start, start + rng.uniform(0.03, 0.2), rng.uniform(0.1, 1.6))
    for _ in range(rng.integers(0, 4)):  # cables and slots
        across = rng.uniform(0.25, 0.75)
        shade = rng.choice([rng.uniform(5, 50), rng.uniform(180, 250)])
        start = rng.uniform(0, 0.6)
        paint_line(
            wrist,
            (start, across),
            (start + rng.uniform(0.2, 0.5), across + rng.normal(0, 0.08)),
            width * rng.uniform(0.04, 0.12),
            (shade,) * 3,
        )
    for _ in range(rng.integers(0, 4)):  # pulleys and bolts
        centre = rng.uniform(0.1, 0.95), rng.uniform(0.25, 0.75)
        radius = width * rng.uniform(0.06, 0.24)
        for shrink in (1.0, 0.6)[: rng.integers(1, 3)]:
            shade = rng.choice([rng.uniform(5, 40), rng.uniform(150, 250)])
            paint_disc(wrist, *centre, radius * shrink, (shade,) * 3)
    if rng.random() < 0.3:
        mottle(rng, wrist, rng.uniform(0.2, 0.7))
    return wrist


def _random_jaws(
    rng: np.random.Generator, kind: str, width: float, material: Material, resolution: float
) -> tuple[Sprite, ...]:
    count = _JAWS[kind]
    if not count:
        return ()
    length_range = {
        'needle_driver': (0.8, 1.8),
        'grasper': (1.1, 2.8),
        'scissors': (0.9, 2.4),
        'hook': (0.8, 1.8),
        'probe': (0.8, 3.0),
    }[kind]
    length = width * rng.uniform(*length_range)
    thickness = width * rng.uniform(0.2, 0.48)
    tip = rng.uniform(0.08, 0.3) if kind == 'scissors' else rng.uniform(0.2, 0.7)
    belly = rng.uniform(0.5, 1.0)
    profile = profile_through(
        (0, rng.uniform(0.7, 1)), (0.25, 1), (0.6, max(belly, tip)), (0.95, tip), (1, 0.6 * tip)
    )
    curve = rng.uniform(-0.7, 0.7) if rng.random() < 0.45 else 0.0
    if kind == 'hook':
        curve = rng.uniform(0.8, 1.6) * rng.choice([-1, 1])
    jaw = shaded_part(
        rng,
        length,
        thickness,
        profile,
        material,
        curve=curve,
        flatness=rng.uniform(0, 0.8),
        resolution=resolution,
    )
    if kind == 'grasper' and rng.random() < 0.4 and not curve:
        paint_line(jaw, (0.35, 0.5), (0.75, 0.5), 0.35 * thickness, (rng.uniform(5, 60),) * 3)
    if rng.random() < 0.3:
        start = rng.random()
        scale_colour(jaw, start, start + rng.uniform(0.05, 0.4), rng.uniform(0.2, 1.6))
    if count == 1:
        return (jaw,)
    mirrored = Sprite(
        jaw.pixels[::-1].copy(),
        (jaw.anchor[0], jaw.pixels.shape[0] - jaw.anchor[1]),
        resolution,
    )
    scale_colour(mirrored, 0, 1, rng.uniform(0.6, 1.0))
    return (mirrored, jaw)
