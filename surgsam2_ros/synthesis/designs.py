# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks of instruments: wristed robotic ones after life, and others that chance puts together."""

from __future__ import annotations

import numpy as np

from surgsam2_ros.synthesis.instruments import KINDS, Design
from surgsam2_ros.synthesis.jaws import family_jaws, loose_jaws, wristed_jaws
from surgsam2_ros.synthesis.parts import (
    Material,
    mottle,
    paint_disc,
    paint_line,
    profile_through,
    random_metal,
    random_shaft_material,
    random_tip_material,
    scale_colour,
    shaded_part,
)
from surgsam2_ros.synthesis.sprites import Sprite

WRISTED_KINDS = ('needle_driver', 'grasper', 'scissors')
_SHARES = {
    'needle_driver': 0.2,
    'grasper': 0.17,
    'scissors': 0.14,
    'forceps': 0.16,
    'hook': 0.1,
    'suction': 0.08,
    'clip_applier': 0.08,
    'probe': 0.07,
}


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
    jaws = wristed_jaws(rng, kind, width, tip_material, resolution)
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


def random_design(
    rng: np.random.Generator,
    width: float,
    shaft_length: float,
    kind: str | None = None,
    resolution: float = 1.0,
    shaft_material: Material | None = None,
) -> Design:
    """Draw an instrument of any kind in any material.

    Args:
        rng: source of all randomness.
        width: shaft diameter in scene pixels.
        shaft_length: drawn length of the shaft; longer than it ever reaches into the picture.
        kind: one of KINDS; drawn when None.
        resolution: sprite pixels per scene pixel.
        shaft_material: surface of the shaft; drawn when None.
    """
    kind = kind or str(rng.choice(KINDS, p=[_SHARES[name] for name in KINDS]))
    if kind in WRISTED_KINDS and rng.random() < 0.3:
        return wristed_design(
            rng,
            kind,
            width,
            shaft_length,
            shaft_material=shaft_material or random_shaft_material(rng),
            tip_material=random_tip_material(rng),
            resolution=resolution,
        )
    if rng.random() < 0.6:
        return lifelike_design(
            rng, kind, width, shaft_length, shaft_material=shaft_material, resolution=resolution
        )
    taper = rng.uniform(0.8, 1.0)
    shaft = _random_shaft(rng, shaft_length, width, taper, shaft_material, resolution)
    tip_material = random_tip_material(rng)
    wrist_length = width * rng.uniform(0.7, 2.2)
    wrist = _random_wrist(rng, wrist_length, width * taper, tip_material, resolution)
    jaw_material = tip_material if rng.random() < 0.6 else random_tip_material(rng)
    jaws = loose_jaws(rng, kind, width, jaw_material, resolution) if kind != 'suction' else ()
    return Design(kind, width, shaft, wrist, 0.88 * wrist_length, jaws)


def lifelike_design(
    rng: np.random.Generator,
    kind: str,
    width: float,
    shaft_length: float,
    *,
    shaft_material: Material | None = None,
    tip_material: Material | None = None,
    resolution: float = 1.0,
) -> Design:
    """Draw an instrument of a family after life: robotic with a wrist, or rigid and hand-held.

    Args:
        rng: source of the differences between two instruments of a kind.
        kind: one of KINDS.
        width: shaft diameter in scene pixels.
        shaft_length: drawn length of the shaft; longer than it ever reaches into the picture.
        shaft_material, tip_material: surfaces; drawn when None.
        resolution: sprite pixels per scene pixel.
    """
    shaft_material = shaft_material or random_shaft_material(rng)
    tip_material = tip_material or random_metal(rng)
    taper = rng.uniform(0.9, 1.0)
    shaft = _collared_shaft(
        rng, shaft_length, width, taper, shaft_material, tip_material, resolution
    )
    narrow = width * taper
    if kind == 'suction':
        length = width * rng.uniform(2.0, 3.6)
        tube = _suction_tube(rng, length, narrow, tip_material, resolution)
        return Design(kind, width, shaft, tube, length, (), flexibility=0.25)
    jaws = family_jaws(rng, kind, width, tip_material, resolution)
    if rng.random() < 0.5:
        length = width * rng.uniform(1.1, 1.5)
        wrist = _forked_wrist(rng, length, narrow, tip_material, resolution)
        return Design(kind, width, shaft, wrist, 0.85 * length, jaws)
    length = width * rng.uniform(0.7, 1.1)
    clevis = _clevis(rng, length, narrow, tip_material, resolution)
    return Design(kind, width, shaft, clevis, 0.8 * length, jaws, flexibility=rng.uniform(0, 0.3))


def _clevis(
    rng: np.random.Generator, length: float, width: float, material: Material, resolution: float
) -> Sprite:
    """Draw the hinge of a rigid instrument: two cheeks with a pin."""
    profile = profile_through((0, 1), (0.3, 0.96), (0.75, 0.8), (1, 0.5))
    clevis = shaded_part(
        rng, length, width, profile, material, flatness=rng.uniform(0, 0.6), resolution=resolution
    )
    dark = tuple(np.array(material.colour) * 0.2)
    paint_line(clevis, (0.45, 0.5), (0.98, 0.5), 0.14 * width, dark)
    paint_disc(clevis, 0.78, 0.5, 0.2 * width, dark)
    paint_disc(clevis, 0.78, 0.49, 0.15 * width, tuple(np.array(material.colour) * 0.9))
    return clevis


def _suction_tube(
    rng: np.random.Generator, length: float, width: float, material: Material, resolution: float
) -> Sprite:
    """Draw a tube that is thinner than the shaft, with side holes and an open end."""
    thin = rng.uniform(0.42, 0.75)
    profile = profile_through((0, 1), (0.1, thin), (0.94, thin), (1, 0.8 * thin))
    tube = shaded_part(rng, length, width, profile, material, resolution=resolution)
    dark = tuple(np.array(material.colour) * 0.12)
    for along in np.arange(0.55, 0.9, rng.uniform(0.08, 0.14)):
        for across in rng.choice([0.36, 0.5, 0.64], rng.integers(1, 3), replace=False):
            paint_disc(tube, along, across, 0.06 * width, dark)
    paint_line(tube, (0.985, 0.3), (0.985, 0.7), 0.12 * width, dark)
    return tube


def _random_shaft(
    rng: np.random.Generator,
    length: float,
    width: float,
    taper: float,
    material: Material | None,
    resolution: float,
) -> Sprite:
    profile = profile_through((0, 1), (1, taper))
    material = material or random_shaft_material(rng)
    shaft = shaded_part(rng, length, width, profile, material, resolution=resolution)
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
