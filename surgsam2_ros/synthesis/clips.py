# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Random short clips for training: as many kinds of scene, trouble and object as possible."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from surgsam2_ros.synthesis.blobs import random_blob, random_cover, random_pool
from surgsam2_ros.synthesis.breathing import random_breathing
from surgsam2_ros.synthesis.designs import random_design
from surgsam2_ros.synthesis.glints import random_glints
from surgsam2_ros.synthesis.instruments import Design, Instrument
from surgsam2_ros.synthesis.kinds import EVERYDAY_KINDS, HARD_KINDS, draw_kinds
from surgsam2_ros.synthesis.motions import crossing_motions, random_motion, returning_motion
from surgsam2_ros.synthesis.optics import random_optics
from surgsam2_ros.synthesis.parts import random_black_material, random_shaft_material, stain
from surgsam2_ros.synthesis.scene import Body, CameraPath, Scene, Shadows
from surgsam2_ros.synthesis.tissue import random_colour, random_tissue
from surgsam2_ros.synthesis.trajectories import minimum_jerk, wander
from surgsam2_ros.synthesis.troubles import troubled

_SMALLEST = 0.002  # share of the picture that an object must cover in the first frame


def render_clip(
    rng: np.random.Generator,
    frames: int,
    size: int = 256,
    kinds: Sequence[str] = EVERYDAY_KINDS,
) -> tuple[np.ndarray, np.ndarray]:
    """Render a random clip.

    Args:
        rng: source of all randomness; equal states give equal clips.
        frames: length T.
        size: side S in pixels.
        kinds: what may make the clip difficult, names out of ALL_KINDS. One of them leads and is
            shown for certain, everyday ones may join it; what is not named does not occur. Without
            HARD_KINDS these stay unseen in training and can measure what it is worth.

    Returns:
        images uint8 [T, S, S, 3] RGB and labels uint8 [T, S, S]: 0 background, 1..4 objects,
        visible pixels only. At least one object is visible in the first frame, and all instruments
        of a hard kind; others may come, go and return.

    Raises:
        ValueError: for an unknown kind.
    """
    while True:
        scene = random_scene(rng, frames, size, kinds)
        first = scene[0]
        if _shows_enough(scene, first[1]):
            break
    pictures = [first] + [scene[index] for index in range(1, frames)]
    return np.stack([rgb for rgb, _ in pictures]), np.stack([labels for _, labels in pictures])


def _shows_enough(scene: Scene, labels: np.ndarray) -> bool:
    areas = np.bincount(labels.ravel(), minlength=256)
    tracked = [body.label for body in scene.bodies if body.label]
    visible = areas[tracked] >= _SMALLEST * labels.size
    return visible.all() if scene.kinds[0] in HARD_KINDS else visible.any()


def random_scene(
    rng: np.random.Generator,
    frames: int,
    size: int = 256,
    kinds: Sequence[str] = EVERYDAY_KINDS,
) -> Scene:
    """Draw a scene of `frames` square pictures without rendering it; see `render_clip`."""
    shown = draw_kinds(rng, kinds)
    unit = size / 256
    camera = _random_camera(rng, frames, size, moving='moving_camera' in shown)
    background = random_tissue(rng, camera.reach((size, size)), unit)
    bodies = _random_bodies(rng, frames, size, shown)
    if 'blood' in shown:
        pools = [random_pool(rng, frames, size) for _ in range(rng.integers(1, 4))]
        bodies = [*pools, *bodies]
    if rng.random() < 0.1:
        bodies.insert(0, random_blob(rng, frames, size, random_colour(rng, 25), label=0))
    if 'tissue_in_front' in shown:
        bodies.append(random_cover(rng, frames, size, background))
    return Scene(
        background,
        bodies,
        camera,
        troubled(rng, random_optics(rng, frames, (size, size)), shown, frames, (size, size)),
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
        breathing=random_breathing(rng, frames, unit) if 'breathing' in shown else None,
        glints=random_glints(rng, (size, size), wet=True) if 'wet_tissue' in shown else None,
        kinds=shown,
    )


def _random_bodies(
    rng: np.random.Generator, frames: int, size: int, shown: Sequence[str]
) -> list[Body]:
    if 'crossing_look_alikes' in shown:
        design = _random_design(rng, size, shown, widest=30)
        motions = crossing_motions(rng, frames, size, 3, reach=design.wrist_length)
        return [Instrument(design, motion, i + 1) for i, motion in enumerate(motions)]
    bodies: list[Body] = []
    designs: list[Design] = []
    only_instruments = shown[0] in (*HARD_KINDS, 'look_alikes', 'leaving', 'black_shafts')
    count = int(rng.choice([1, 2, 3], p=[0.3, 0.45, 0.25]))
    for label in range(1, 1 + (max(2, count) if shown[0] == 'look_alikes' else count)):
        if rng.random() < 0.08 and not only_instruments:
            bodies.append(random_blob(rng, frames, size, _any_colour(rng), label))
            continue
        if designs and 'look_alikes' in shown:
            design = designs[-1]
        else:
            design = _random_design(rng, size, shown)
        designs.append(design)
        if label == 1 and 'leave_and_return' in shown:
            motion = returning_motion(rng, frames, size, reach=design.wrist_length)
        else:
            surely = label == 1 and shown[0] == 'leaving'
            leaves = surely or ('leaving' in shown and rng.random() < 0.5)
            motion = random_motion(rng, frames, size, leaves=leaves)
        bodies.append(Instrument(design, motion, label))
    if rng.random() < 0.08 and not only_instruments:
        bodies.append(random_blob(rng, frames, size, _any_colour(rng), len(bodies) + 1))
    return bodies


def _random_design(
    rng: np.random.Generator, size: int, shown: Sequence[str], widest: float = 70
) -> Design:
    width = float(np.clip(np.exp(rng.normal(3.25, 0.42)), 9, widest)) * size / 256
    design = random_design(
        rng,
        width,
        shaft_length=rng.uniform(290, 350) * size / 256,
        shaft_material=random_black_material(rng) if 'black_shafts' in shown else None,
    )
    if 'blood' in shown and rng.random() < 0.6:
        for part in (design.wrist, *design.jaws):
            stain(rng, part)
    return design


def _any_colour(rng: np.random.Generator) -> np.ndarray:
    if rng.random() < 0.5:
        return np.array(random_shaft_material(rng).colour)
    return random_colour(rng, 20)


def _random_camera(rng: np.random.Generator, frames: int, size: int, *, moving: bool) -> CameraPath:
    unit = size / 256
    zoom = rng.uniform(0.85, 1.25)
    if not moving:
        return CameraPath(np.zeros((frames, 2)), np.zeros(frames), np.full(frames, zoom))
    amplitude = (rng.uniform(0.5, 5) if rng.random() < 0.5 else rng.uniform(5, 32)) * unit
    path = zoom * (1 + wander(rng, frames, rng.uniform(0, 0.06)))
    if rng.random() < 0.3:  # the endoscope is brought closer or drawn back
        start = rng.uniform(0, 0.6) * frames
        stop = start + rng.uniform(0.3, 1.0) * frames + 1
        path *= minimum_jerk(frames, (start, stop), (1, np.exp(rng.uniform(-0.3, 0.4))))
    return CameraPath(
        offset=np.stack([wander(rng, frames, amplitude) for _ in 'xy'], axis=1),
        roll=wander(rng, frames, rng.uniform(0, 0.12)),
        zoom=path,
        parallax=rng.uniform(0.1, 1.0),
        turns_objects=True,
    )
