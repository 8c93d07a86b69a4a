# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks of instruments: wristed robotic ones after life, and others that chance puts together."""

from __future__ import annotations

import numpy as np

from surgsam2_ros.synthesis.instruments import KINDS, Design
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
from surgsam2_ros.synthesis.sprites import Sprite

WRISTED_KINDS = ('needle_driver', 'grasper', 'scissors')
_JAWS = {'needle_driver': 2, 'grasper': 2, 'scissors': 2, 'hook': 1, 'suction': 0, 'probe': 1}


def wristed_design(
    rng: np.random.Generator,
    kind: str,
    width: float,
    shaft_length: float,
    *,
    shaft_material: Material,
    tip_material: Material,
    resolution: float = 1.0,
) -> Design:
    """Draw a robotic instrument: shaft with a metal collar, forked wrist with pulley, two jaws.

    Args:
        rng: source of the small differences between two instruments of a kind.
        kind: one of WRISTED_KINDS.
        width: shaft diameter in scene pixels; all else is in proportion.
        shaft_length: drawn length of the shaft; longer than it ever reaches into the picture.
        shaft_material, tip_material: surfaces.
        resolution: sprite pixels per scene pixel.
    """
    taper = rng.uniform(0.9, 0.97)
    shaft = _collared_shaft(
        rng, shaft_length, width, taper, shaft_material, tip_material, resolution
    )
    wrist_length = width * rng.uniform(1.15, 1.5)
    wrist = _forked_wrist(rng, wrist_length, width * taper, tip_material, resolution)
    jaws = _paired_jaws(rng, kind, width, tip_material, resolution)
    return Design(kind, width, shaft, wrist, 0.85 * wrist_length, jaws)


def _collared_shaft(
    rng: np.random.Generator,
    length: float,
    width: float,
    taper: float,
    material: Material,
    collar_material: Material,
    resolution: float,
) -> Sprite:
    tube = shaded_part(
        rng,
        length,
        width,
        profile_through((0, 1), (1, taper)),
        material,
        resolution=resolution,
    )
    collar_length = width * rng.uniform(0.3, 0.6)
    collar = shaded_part(
        rng,
        collar_length,
        width * taper,
        profile_through((0, 1), (0.75, 1), (1, 0.88)),
        collar_material,
        resolution=resolution,
    )
    rows, columns = tube.pixels.shape[:2]
    collar_rows, collar_columns = collar.pixels.shape[:2]
    pixels = np.zeros((rows, columns + collar_columns - 6, 4), np.float32)
    pixels[:, :columns] = tube.pixels
    top = (rows - collar_rows) // 2
    end = pixels[top : top + collar_rows, -collar_columns:]
    end *= 1 - collar.pixels[..., 3:]
    end += collar.pixels
    shaft = Sprite(pixels, (pixels.shape[1] - 2.0, (rows - 1) / 2), resolution)
    seam = 1 - collar_columns / pixels.shape[1]
    scale_colour(shaft, seam, seam + 0.06 * width * resolution / pixels.shape[1], 0.35)
    return shaft


def _forked_wrist(
    rng: np.random.Generator, length: float, width: float, material: Material, resolution: float
) -> Sprite:
    profile = profile_through(
        (0, 0.86), (0.18, 0.9), (0.3, 0.78), (0.62, 0.74), (0.8, 0.7), (0.93, 0.56), (1, 0.32)
    )
    wrist = shaded_part(
        rng,
        length,
        width,
        profile,
        material,
        flatness=rng.uniform(0.15, 0.5),
        resolution=resolution,
    )
    bright = np.clip(np.array(material.colour) * 1.15 + 15, 0, 255)
    dark = np.array(material.colour) * 0.16
    # The fork: a slot between two prongs, with the drive cables running through it.
    paint_line(wrist, (0.34, 0.5), (0.78, 0.5), 0.3 * width, tuple(dark))
    for across in (0.42, 0.58):
        cable = (0.25, across), (0.85, 0.5 + 0.6 * (across - 0.5))
        paint_line(wrist, *cable, max(1 / resolution, 0.05 * width), tuple(0.75 * bright))
    scale_colour(wrist, 0.19, 0.24, 0.4)
    scale_colour(wrist, 0.24, 0.28, 1.35)
    for along, across, radius in ((0.1, 0.5, 0.13), (0.85, 0.5, 0.27)):
        paint_disc(wrist, along, across, radius * width, tuple(dark))
        paint_disc(wrist, along, across, radius * width * 0.82, tuple(0.8 * bright))
        paint_disc(wrist, along, across - 0.02, radius * width * 0.58, tuple(0.5 * bright))
        paint_disc(wrist, along, across, radius * width * 0.34, tuple(bright))
    return wrist


def _paired_jaws(
    rng: np.random.Generator, kind: str, width: float, material: Material, resolution: float
) -> tuple[Sprite, Sprite]:
    length, thickness, tip, curve = {
        'needle_driver': (rng.uniform(1.15, 1.5), rng.uniform(0.3, 0.38), 0.5, 0.0),
        'grasper': (rng.uniform(1.6, 2.2), rng.uniform(0.3, 0.38), 0.55, rng.uniform(0, 0.3)),
        'scissors': (rng.uniform(1.3, 1.8), rng.uniform(0.26, 0.34), 0.14, rng.uniform(0.3, 0.9)),
    }[kind]
    length, thickness = length * width, thickness * width
    half = profile_through((0, 0.75), (0.1, 1), (0.3, 0.92), (0.9, tip), (1, 0.6 * tip))
    jaw = shaded_part(
        rng,
        length,
        thickness,
        half,
        material,
        # The inner edge stays straight while the back tapers; then both bend.
        centre=lambda along: half(along) - 1 + curve * along**2,
        flatness=rng.uniform(0.3, 0.7),
        resolution=resolution,
    )
    rows = jaw.pixels.shape[0]
    inner = (rows / 2 - 0.5 * thickness * resolution) / rows  # row of the inner edge at the pivot
    dark = tuple(np.array(material.colour) * 0.22)
    across_jaw = 0.5 * thickness * resolution / rows
    if kind == 'needle_driver':  # a ribbed insert along the gripping edge
        for along in np.arange(0.36, 0.95, 0.075):
            rib = (along, inner + 0.05 * across_jaw), (along + 0.02, inner + 0.7 * across_jaw)
            paint_line(jaw, *rib, max(0.7 / resolution, 0.02 * width), dark)
    elif kind == 'grasper':  # a window
        middle = inner + 0.8 * across_jaw
        paint_line(jaw, (0.42, middle), (0.72, middle), 0.26 * thickness, dark)
    else:
        paint_disc(jaw, 0.12, inner + across_jaw, 0.2 * thickness, dark)
    anchor_y = inner * rows + 0.12 * thickness * resolution
    near = Sprite(jaw.pixels, (0.1 * length * resolution, anchor_y), resolution)
    far = Sprite(jaw.pixels[::-1].copy(), (near.anchor[0], rows - 1 - anchor_y), resolution)
    scale_colour(far, 0, 1, 0.8)
    return near, far


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
    if kind in WRISTED_KINDS and rng.random() < 0.4:
        return wristed_design(
            rng,
            kind,
            width,
            shaft_length,
            shaft_material=random_shaft_material(rng),
            tip_material=random_tip_material(rng),
            resolution=resolution,
        )
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
    return Sprite(shaft.pixels, (columns - 2.0, (rows - 1) / 2), resolution)


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
        centre=lambda along: 2 * curve * along**2,
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
        (jaw.anchor[0], jaw.pixels.shape[0] - 1 - jaw.anchor[1]),
        resolution,
    )
    scale_colour(mirrored, 0, 1, rng.uniform(0.6, 1.0))
    return (mirrored, jaw)
