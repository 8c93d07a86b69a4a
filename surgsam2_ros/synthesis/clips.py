# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Random short clips for training: as many kinds of scene, trouble and object as possible."""

from __future__ import annotations

import numpy as np

from surgsam2_ros.synthesis.blobs import random_blob, random_cover
from surgsam2_ros.synthesis.designs import random_design
from surgsam2_ros.synthesis.instruments import Design, Instrument, Motion
from surgsam2_ros.synthesis.optics import random_optics
from surgsam2_ros.synthesis.parts import random_shaft_material
from surgsam2_ros.synthesis.scene import Body, CameraPath, Scene, Shadows
from surgsam2_ros.synthesis.tissue import random_colour, random_tissue
from surgsam2_ros.synthesis.trajectories import wander, withdrawal

_SMALLEST = 0.002  # share of the picture that the first object must cover in the first frame


def render_clip(
    rng: np.random.Generator, frames: int, size: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    """Render a random clip.

    Args:
        rng: source of all randomness; equal states give equal clips.
        frames: length T.
        size: side S in pixels.

    Returns:
        images uint8 [T, S, S, 3] RGB and labels uint8 [T, S, S]: 0 background, 1..4 objects,
        visible pixels only. At least one object is visible in the first frame; others may come,
        go and return.
    """
    while True:
        scene = random_scene(rng, frames, size)
        first = scene[0]
        areas = np.bincount(first[1].ravel(), minlength=2)[1:]
        if areas.max() >= _SMALLEST * size * size:
            break
    pictures = [first] + [scene[index] for index in range(1, frames)]
    return np.stack([rgb for rgb, _ in pictures]), np.stack([labels for _, labels in pictures])


def random_scene(rng: np.random.Generator, frames: int, size: int = 256) -> Scene:
    """Draw a scene of `frames` square pictures without rendering it."""
    unit = size / 256
    camera = _random_camera(rng, frames, size)
    background = random_tissue(rng, camera.reach((size, size)), unit)
    bodies = _random_bodies(rng, frames, size)
    if rng.random() < 0.2:
        bodies.insert(0, random_blob(rng, frames, size, random_colour(rng, 25), label=0))
    if rng.random() < 0.15:
        bodies.append(random_cover(rng, frames, size, background))
    return Scene(
        background,
        bodies,
        camera,
        random_optics(rng, frames, (size, size)),
        shape=(size, size),
        frames=frames,
        shadows=Shadows(
            strength=rng.uniform(0, 0.6) if rng.random() < 0.6 else 0.0,
            offset=tuple(rng.normal(0, 10, 2) * unit),
            softness=rng.uniform(8, 30) * unit,
        ),
        class_names={
            body.label: body.design.kind for body in bodies if isinstance(body, Instrument)
        },
    )


def _random_bodies(rng: np.random.Generator, frames: int, size: int) -> list[Body]:
    bodies: list[Body] = []
    designs: list[Design] = []
    for label in range(1, 1 + rng.choice([1, 2, 3], p=[0.3, 0.45, 0.25])):
        if rng.random() < 0.12:
            bodies.append(random_blob(rng, frames, size, _any_colour(rng), label))
            continue
        if designs and rng.random() < 0.4:  # a look-alike
            design = designs[-1]
        else:
            width = float(np.clip(np.exp(rng.normal(3.25, 0.42)), 9, 70)) * size / 256
            design = random_design(rng, width, shaft_length=rng.uniform(290, 350) * size / 256)
        designs.append(design)
        bodies.append(Instrument(design, _random_motion(rng, frames, size), label))
    if rng.random() < 0.15:
        bodies.append(random_blob(rng, frames, size, _any_colour(rng), len(bodies) + 1))
    return bodies


def _any_colour(rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.5:
        return np.array(random_shaft_material(rng).colour)
    return random_colour(rng, 20)


def _random_motion(rng: np.random.Generator, frames: int, size: int) -> Motion:
    unit = size / 256
    speed = np.exp(rng.normal(0.1, 0.5))
    side = rng.uniform(0, 2 * np.pi)
    radius = rng.uniform(165, 230) * unit
    centre = size / 2 + rng.normal(0, 25, 2) * unit
    entry = centre + radius * np.array([np.cos(side), np.sin(side)])
    sway = [wander(rng, frames, rng.uniform(0, 12) * unit) for _ in 'xy']
    sweep = rng.uniform(0.02, 0.3) if rng.random() < 0.75 else rng.uniform(0.3, 0.6)
    depth = radius * rng.uniform(0.6, 1.1) - 30 * unit
    depth = depth + wander(rng, frames, rng.uniform(3, 40) * unit, speed)
    if rng.random() < 0.3:
        start = rng.uniform(-2, frames)
        stop = start + rng.exponential(0.3 * frames)
        depth -= 300 * unit * withdrawal(frames, start, stop, ramp=rng.uniform(1, 6))
    return Motion(
        pivot=entry + np.stack(sway, axis=1),
        angle=side + np.pi + rng.normal(0, 0.25) + wander(rng, frames, sweep, speed),
        depth=depth,
        bend=np.clip(rng.normal(0, 0.4) + wander(rng, frames, rng.uniform(0, 0.4), speed), -1, 1),
        yaw=np.clip(rng.normal(0, 0.3) + wander(rng, frames, rng.uniform(0, 0.3)), -1, 1),
        opening=np.clip(
            rng.uniform(-0.2, 0.7) + wander(rng, frames, rng.uniform(0, 0.5), speed), 0, 1.2
        ),
        scale=1 + wander(rng, frames, rng.uniform(0, 0.12)),
        gain=1 + wander(rng, frames, rng.uniform(0, 0.15)),
    )


def _random_camera(rng: np.random.Generator, frames: int, size: int) -> CameraPath:
    unit = size / 256
    amplitude = rng.choice([0, rng.uniform(0, 4), rng.uniform(4, 30)], p=[0.3, 0.4, 0.3]) * unit
    still = amplitude == 0
    offset = [wander(rng, frames, amplitude) for _ in 'xy']
    return CameraPath(
        offset=np.stack(offset, axis=1),
        roll=wander(rng, frames, 0 if still else rng.uniform(0, 0.12)),
        zoom=rng.uniform(0.85, 1.25)
        * (1 + wander(rng, frames, 0 if still else rng.uniform(0, 0.06))),
    )
