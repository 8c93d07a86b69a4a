# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Jaws and other business ends: what tells one family of instruments from another."""

from __future__ import annotations

import numpy as np

from surgsam2_ros.synthesis.parts import (
    Material,
    bent_part,
    paint_disc,
    paint_line,
    profile_through,
    random_shaft_material,
    scale_colour,
    shaded_part,
)
from surgsam2_ros.synthesis.sprites import Sprite


def wristed_jaws(
    rng: np.random.Generator, kind: str, width: float, material: Material, resolution: float
) -> tuple[Sprite, Sprite]:
    """Draw the jaws of a robotic needle driver, grasper or pair of scissors, pivoted with play."""
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


def family_jaws(
    rng: np.random.Generator, kind: str, width: float, material: Material, resolution: float
) -> tuple[Sprite, ...]:
    """Draw the business end of a kind after life; none for suction, whose wrist is its end.

    Args:
        rng: source of the differences between two instruments of a kind.
        kind: one of KINDS.
        width: shaft diameter in scene pixels.
        material: surface of the metal.
        resolution: sprite pixels per scene pixel.

    Raises:
        ValueError: for another kind.
    """
    if kind == 'suction':
        return ()
    if kind in ('needle_driver', 'grasper', 'scissors'):
        return wristed_jaws(rng, kind, width, material, resolution)
    if kind == 'hook':
        return (_hook(rng, width, material, resolution),)
    if kind == 'probe':
        return (_probe(rng, width, material, resolution),)
    if kind == 'forceps':
        return _forceps_jaws(rng, width, material, resolution)
    if kind == 'clip_applier':
        return _clip_jaws(rng, width, material, resolution)
    raise ValueError(f'{kind!r} has no jaws; give it a branch here')


def _hook(rng: np.random.Generator, width: float, material: Material, resolution: float) -> Sprite:
    """Draw a wire bent to an L or a J, its near part insulated."""
    reach, drop = width * rng.uniform(1.2, 2.0), width * rng.uniform(0.45, 0.85)
    side = rng.choice([-1, 1])
    wire = width * rng.uniform(0.14, 0.22)
    path = [(0, 0), (0.45 * reach, 0), (0.9 * reach, 0), (reach, side * 0.3 * drop)]
    path.append((reach + rng.uniform(-0.25, 0.08) * width, side * drop))
    hook = bent_part(rng, path, [wire, wire, wire, wire, 0.8 * wire], material, resolution)
    sleeve = random_shaft_material(rng)
    bent = bent_part(
        rng,
        [(-0.1 * width, 0), (0.5 * reach, 0)],
        [2.0 * wire, 1.7 * wire],
        sleeve,
        resolution,
        like=hook,
    )
    hook.pixels[...] = bent.pixels + hook.pixels * (1 - bent.pixels[..., 3:])
    return hook


def _probe(rng: np.random.Generator, width: float, material: Material, resolution: float) -> Sprite:
    """Draw a straight or slightly bent rod with a blunt end or a ball."""
    reach = width * rng.uniform(1.2, 2.6)
    rod = width * rng.uniform(0.2, 0.42)
    end = rng.choice([0.7, 1.0, 1.5]) * rod
    path = [(0, 0), (0.6 * reach, 0), (reach, rng.normal(0, 0.12) * reach)]
    return bent_part(rng, path, [rod, rod, end], material, resolution)


def _forceps_jaws(
    rng: np.random.Generator, width: float, material: Material, resolution: float
) -> tuple[Sprite, Sprite]:
    """Draw fine curved dissecting jaws, long atraumatic ones, or insulated bipolar blades."""
    style = rng.choice(['maryland', 'atraumatic', 'bipolar'])
    reach = width * {'maryland': 1.9, 'atraumatic': 2.9, 'bipolar': 2.1}[style]
    reach *= rng.uniform(0.85, 1.2)
    root = width * rng.uniform(0.24, 0.32)
    curve = rng.choice([-1, 1]) * rng.uniform(0.12, 0.3) if style == 'maryland' else 0.0
    tip = root * {'maryland': 0.35, 'atraumatic': 0.8, 'bipolar': 0.55}[style]
    coating = _insulation(rng)
    jaws = []
    steps = np.linspace(0, 1, 5)
    for side in (1, -1):
        bow = side * rng.uniform(0.06, 0.11) * width
        rise = bow * np.sin(np.pi * steps) + side * 0.3 * root + curve * reach * steps**2
        path = np.stack([reach * steps, rise], axis=1)
        widths = np.interp(steps, (0, 0.3, 1), (root, 1.1 * root, tip))
        jaw = bent_part(rng, path, widths, material, resolution)
        if style == 'bipolar':  # the insulation ends a little before the tip
            near = path[:4]
            coat = bent_part(rng, near, 1.25 * widths[:4], coating, resolution, like=jaw)
            jaw.pixels[...] = coat.pixels + jaw.pixels * (1 - coat.pixels[..., 3:])
        jaws.append(jaw)
    if style == 'atraumatic':
        for jaw in jaws:
            _serrate(jaw, reach, root, material)
    scale_colour(jaws[1], 0, 1, rng.uniform(0.7, 0.95))
    return jaws[0], jaws[1]


def _insulation(rng: np.random.Generator) -> Material:
    colour = [(40, 42, 46), (40, 70, 130), (225, 222, 214)][rng.choice(3, p=[0.5, 0.2, 0.3])]
    return Material(colour, ambient=0.35, gloss=0.4, sharpness=14, grain=0.04)


def _serrate(jaw: Sprite, reach: float, thickness: float, material: Material) -> None:
    """Paint fine teeth across the far half of a jaw."""
    rows, columns = jaw.pixels.shape[:2]
    dark = tuple(np.array(material.colour) * 0.45)
    middle = jaw.anchor[1] / rows
    half = thickness * jaw.resolution / rows
    for along in np.arange(0.4, 0.97, 0.07):
        at = (jaw.anchor[0] + along * reach * jaw.resolution) / columns
        paint_line(jaw, (at, middle - half), (at, middle + half), 0.02 * reach, dark)


def _clip_jaws(
    rng: np.random.Generator, width: float, material: Material, resolution: float
) -> tuple[Sprite, Sprite]:
    """Draw stout C-shaped jaws with broad ends, mostly with a clip of metal or polymer."""
    reach = width * rng.uniform(1.4, 1.9)
    root, end = width * rng.uniform(0.22, 0.3), width * rng.uniform(0.2, 0.27)
    gape = width * rng.uniform(0.28, 0.4)
    loaded = rng.random() < 0.75
    colours = ((214, 216, 222), (236, 232, 226), (120, 60, 150), (60, 150, 90))
    clip = Material(
        colours[rng.choice(4, p=[0.5, 0.25, 0.15, 0.1])], ambient=0.45, gloss=0.6, metal=0.3
    )
    jaws = []
    for side in (1, -1):
        along = np.array([0, 0.28, 0.6, 0.93, 1]) * reach
        path = np.stack([along, np.array([0, 1, 1, 0.78, 0.6]) * side * gape], axis=1)
        widths = np.array([root, root, 1.1 * end, 1.25 * end, end])
        jaw = bent_part(rng, path, widths, material, resolution)
        if loaded:
            inner = path[1:] - (0, side * 0.52 * end)
            held = bent_part(rng, inner, [0.5 * end] * 4, clip, resolution, like=jaw)
            jaw.pixels[...] = held.pixels + jaw.pixels * (1 - held.pixels[..., 3:])
        jaws.append(jaw)
    scale_colour(jaws[1], 0, 1, rng.uniform(0.75, 0.95))
    return jaws[0], jaws[1]


def loose_jaws(
    rng: np.random.Generator, kind: str, width: float, material: Material, resolution: float
) -> tuple[Sprite, ...]:
    """Draw one or two jaws that chance puts together, only roughly after the kind."""
    count = 1 if kind in ('hook', 'probe') else 2
    length_range = {
        'needle_driver': (0.8, 1.8),
        'grasper': (1.1, 2.8),
        'scissors': (0.9, 2.4),
        'hook': (0.8, 1.8),
        'forceps': (1.0, 2.6),
        'clip_applier': (0.8, 1.6),
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
