# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A long laparoscopic scene: robotic instruments at work, crossing, leaving and coming back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from surgsam2_ros.synthesis.blobs import random_pool
from surgsam2_ros.synthesis.breathing import random_breathing
from surgsam2_ros.synthesis.designs import WRISTED_KINDS, lifelike_design, wristed_design
from surgsam2_ros.synthesis.glints import random_glints
from surgsam2_ros.synthesis.instruments import KINDS, Design, Instrument, Motion
from surgsam2_ros.synthesis.noise import GRAIN_OFFSETS, value_noise
from surgsam2_ros.synthesis.optics import Optics, gamma_table, lamp_falloff
from surgsam2_ros.synthesis.parts import Material
from surgsam2_ros.synthesis.scene import CameraPath, Scene, Shadows
from surgsam2_ros.synthesis.tissue import add_organ, lit_relief
from surgsam2_ros.synthesis.trajectories import minimum_jerk, wander
from surgsam2_ros.synthesis.troubles import OPTICAL_KINDS, troubled
from surgsam2_ros.synthesis.vessels import add_vessels

MOST_INSTRUMENTS = 4
SCENE_KINDS = (*OPTICAL_KINDS, 'breathing', 'black_shafts', 'wet_tissue')
"""Troubles that a long scene may be given, see `kinds.py`; it has its own plan of motion."""

_ROUND_S = 10.0  # after that long, everything happens again, though never in the same way
_MEETING_S = 3.0

_CASTS = ('needle_driver', 'grasper', 'scissors', 'grasper')
_SHAFTS = (
    Material((58, 60, 64), ambient=0.35, gloss=0.35, sharpness=9, metal=0.1, grain=0.03),
    Material((176, 172, 160), ambient=0.35, gloss=0.3, sharpness=10, metal=0.25, grain=0.04),
    Material((40, 52, 74), ambient=0.4, gloss=0.45, sharpness=14, metal=0.1, grain=0.03),
    Material((108, 100, 92), ambient=0.35, gloss=0.3, sharpness=8, metal=0.3, grain=0.04),
)
_BLACK = (14.0, 14.0, 16.0)
_STEEL = Material((196, 198, 204), ambient=0.35, gloss=0.8, sharpness=16, metal=0.75, grain=0.03)


@dataclass(frozen=True)
class _Seat:
    """Where an instrument comes from and works, in fractions of the picture's width and height."""

    pivot: tuple[float, float]
    home: tuple[float, float]
    meeting: tuple[float, float]


_SEATS = (
    _Seat((-0.28, 0.22), (0.33, 0.52), (0.58, 0.60)),
    _Seat((1.26, 0.30), (0.68, 0.50), (0.42, 0.55)),
    _Seat((0.40, 1.45), (0.50, 0.74), (0.52, 0.58)),
    _Seat((0.62, -0.50), (0.56, 0.28), (0.50, 0.45)),
)


def render_scene(
    seed: int,
    frames: int,
    size: tuple[int, int] = (512, 640),
    instruments: int | Sequence[str] = 2,
    rate_hz: float = 15.0,
    kinds: Sequence[str] = (),
) -> Scene:
    """Compose a laparoscopic scene in which robotic instruments work over liver and fat.

    All instruments are in the picture at first. In each ten seconds the first two reach across each
    other once, and the second is drawn out of the picture for a moment.

    Args:
        seed: equal seeds give equal scenes.
        frames: length of the scene.
        size: (height, width) in pixels.
        instruments: how many, 1 to MOST_INSTRUMENTS, or which, as that many kinds of instrument;
            instrument i has label i.
        rate_hz: frames a second; sets how far things move from frame to frame.
        kinds: troubles put upon the clean scene, out of SCENE_KINDS; the scene stays the same.

    Returns:
        Scene of (picture uint8 [H, W, 3] RGB, labels uint8 [H, W]), rendered frame by frame.

    Raises:
        ValueError: for instruments, a size, a length, a rate or kinds out of range.
    """
    cast = _CASTS[:instruments] if isinstance(instruments, int) else tuple(instruments)
    count = instruments if isinstance(instruments, int) else len(cast)
    _check(frames, size, count, rate_hz)
    _check_names(cast, kinds)
    rng = np.random.default_rng(seed)
    unit = min(size) / 256
    camera = _breathing_camera(rng, frames, rate_hz, unit)
    background = _abdomen(rng, camera.reach(size), unit)
    mirrored = rng.random() < 0.5
    bodies = []
    order = rng.permutation(count)
    for index, kind in enumerate(cast):
        design = _design(rng, index, kind, size, black='black_shafts' in kinds)
        motion = _motion(rng, index, design, frames, size, rate_hz, mirrored)
        bodies.append(Instrument(design, motion, label=index + 1))
    optics = _clean_optics(rng, frames, size)
    shadows = Shadows(0.5, (rng.uniform(-8, 8) * unit, rng.uniform(5, 11) * unit), 18 * unit)
    extra = np.random.default_rng([seed, 1])  # so that troubles change nothing else
    pools = [random_pool(extra, frames, min(size)) for _ in range(3)] if 'blood' in kinds else []
    return Scene(
        background,
        [*pools, *(bodies[index] for index in order)],
        camera,
        troubled(extra, optics, kinds, frames, size),
        shape=size,
        frames=frames,
        shadows=shadows,
        rate_hz=rate_hz,
        class_names={body.label: body.design.kind for body in bodies},
        breathing=random_breathing(extra, frames, unit) if 'breathing' in kinds else None,
        glints=random_glints(extra, size, wet=True) if 'wet_tissue' in kinds else None,
        kinds=kinds,
    )


def _check(frames: int, size: tuple[int, int], instruments: int, rate_hz: float) -> None:
    if not 1 <= instruments <= MOST_INSTRUMENTS:
        raise ValueError(f'{instruments} instruments asked for; give 1 to {MOST_INSTRUMENTS}')
    if len(size) != 2 or min(size) < 64 or max(size) > 4096:
        raise ValueError(f'size {size} is not usable; give (height, width), each 64 to 4096 pixels')
    if frames < 1:
        raise ValueError(f'{frames} frames asked for; give at least 1')
    if not rate_hz > 0:
        raise ValueError(f'rate {rate_hz} Hz is not usable; give a positive frame rate')


def _check_names(cast: Sequence[str], kinds: Sequence[str]) -> None:
    strangers = sorted(set(cast) - set(KINDS))
    if strangers:
        raise ValueError(f'unknown instruments {strangers}; choose of {", ".join(KINDS)}')
    strangers = sorted(set(kinds) - set(SCENE_KINDS))
    if strangers:
        raise ValueError(
            f'unknown kinds of trouble {strangers}; choose of {", ".join(SCENE_KINDS)}'
        )


def _design(
    rng: np.random.Generator, index: int, kind: str, size: tuple[int, int], *, black: bool
) -> Design:
    diagonal = float(np.hypot(*size))
    draw = wristed_design if kind in WRISTED_KINDS else lifelike_design
    return draw(
        rng,
        kind,
        width=rng.uniform(0.125, 0.145) * min(size),
        shaft_length=1.5 * diagonal,
        shaft_material=replace(_SHAFTS[index], colour=_BLACK) if black else _SHAFTS[index],
        tip_material=_STEEL,
        resolution=2.0,
    )


def _motion(
    rng: np.random.Generator,
    index: int,
    design: Design,
    frames: int,
    size: tuple[int, int],
    rate_hz: float,
    mirrored: bool,
) -> Motion:
    """Plan where the jaws' pivot goes, and derive the pose of the shaft from it."""
    seat = _SEATS[index]
    side = -1 if mirrored else 1

    def pixels(points: np.ndarray) -> np.ndarray:
        x = 1 - points[..., 0] if mirrored else points[..., 0]
        return np.stack([x * size[1], points[..., 1] * size[0]], axis=-1)

    keys = _plan(rng, index, seat, frames / rate_hz)
    x, y, opening, bend, yaw = (
        minimum_jerk(frames, keys[:, 0] * rate_hz, values) for values in keys.T[1:]
    )
    pace = 15 / rate_hz
    tremor = [wander(rng, frames, 0.012 * min(size), 1.5 * pace) for _ in 'xy']
    target = pixels(np.stack([x, y], axis=1)) + np.stack(tremor, axis=1)
    pivot = pixels(np.array(seat.pivot)) + np.zeros((frames, 2))
    reach = target - pivot
    return Motion(
        pivot=pivot,
        angle=np.arctan2(reach[:, 1], reach[:, 0]),
        depth=np.hypot(reach[:, 0], reach[:, 1]) - design.wrist_length,
        bend=side * bend + wander(rng, frames, 0.06, pace),
        yaw=yaw + wander(rng, frames, 0.06, pace),
        opening=opening,
        scale=1 + wander(rng, frames, 0.03, pace),
        gain=1 + wander(rng, frames, 0.03, pace),
    )


def _plan(rng: np.random.Generator, index: int, seat: _Seat, seconds: float) -> np.ndarray:
    """Plan what an instrument does, in rounds of _ROUND_S: work, reach across, leave, work.

    Returns:
        float [K, 6], a row for each key: time in seconds, place of the jaws' pivot (x, y) in
        fractions of the picture, opening, bend and yaw in radians.
    """
    home, pivot = np.array(seat.home), np.array(seat.pivot)
    curl = rng.uniform(0.15, 0.4) * (-1 if index % 2 else 1)
    keys = [[0.0, *(home + rng.normal(0, 0.02, 2)), rng.uniform(0.4, 0.6), curl, 0.0]]

    def move_to(place: np.ndarray, stay: float, earliest: float = 0.0) -> None:
        now, x, y, *held = keys[-1]
        start = max(now + rng.uniform(0.2, 0.4), earliest)
        arrival = start + rng.uniform(0.5, 0.8) + 1.5 * float(np.hypot(*(place - (x, y))))
        opening = rng.uniform(0.3, 0.75) if rng.random() < 0.6 else 0.04
        pose = [*place, opening, curl + rng.normal(0, 0.2), rng.normal(0, 0.25)]
        keys.extend([[start, x, y, *held], [arrival, *pose], [arrival + stay, *pose]])

    def work_until(end: float) -> None:
        while keys[-1][0] < end - 1.0:
            move_to(home + rng.uniform(-1, 1, 2) * (0.11, 0.13), stay=0.3)

    for begin in np.arange(0, seconds, _ROUND_S):
        work_until(begin + _MEETING_S)
        if index < 2:
            move_to(np.array(seat.meeting), stay=0.7, earliest=begin + _MEETING_S)
        if index == 1:
            move_to(pivot + 0.13 * (home - pivot), stay=0.05)
        work_until(begin + _ROUND_S)
    return np.array(keys)


def _breathing_camera(
    rng: np.random.Generator, frames: int, rate_hz: float, unit: float
) -> CameraPath:
    breath = np.sin(2 * np.pi * (np.arange(frames) / rate_hz / 4.0 + rng.random()))
    pace = 15 / rate_hz
    drift = [wander(rng, frames, 6 * unit, pace) for _ in 'xy']
    offset = np.stack([drift[0], drift[1] + 2.5 * unit * breath], axis=1)
    return CameraPath(
        offset=offset,
        roll=wander(rng, frames, 0.02, pace),
        zoom=1.04 + 0.008 * breath + wander(rng, frames, 0.012, pace),
        parallax=0.2,
    )


def _clean_optics(rng: np.random.Generator, frames: int, size: tuple[int, int]) -> Optics:
    height, width = size
    unit = min(size) / 256
    centre = width * rng.uniform(0.44, 0.56), height * rng.uniform(0.44, 0.56)
    return Optics(
        falloff=1.05 * lamp_falloff(size, centre, 0.52 * width, floor=0.2),
        view=None,
        exposure=1 + wander(rng, frames, 0.03),
        white_balance=np.float32((1.03, 1.0, 0.97)),
        saturation=1.08,
        tone=gamma_table(0.92),
        blur=0.3 * unit,
        shake=np.zeros((frames, 2)),
        grain=3.0,
        grain_softness=0.6,
        grain_offsets=rng.integers(0, GRAIN_OFFSETS, (frames, 2)),
    )


def _abdomen(rng: np.random.Generator, size: int, unit: float) -> np.ndarray:
    """Lay out abdominal wall, liver, gall bladder, bowel and fat; float32 [N, N, 3]."""
    field = value_noise(rng, (size, size), (3, 8))[..., None]
    albedo = np.float32((96, 42, 40)) + field * np.float32((70, 40, 34))
    height = value_noise(rng, (size, size), (3, 6, 12))
    add_vessels(rng, albedo, count=6, unit=unit, strength=0.4)
    flip = -1 if rng.random() < 0.5 else 1

    def across(x: float) -> float:
        return 0.5 + flip * (x - 0.5) + rng.normal(0, 0.02)

    def organ(colour: tuple[float, ...], **shape: object) -> np.ndarray:
        jittered = np.array(colour) * rng.normal(1, 0.035, 3)
        return add_organ(rng, albedo, height, colour=jittered, **shape)

    bowel = organ(
        (186, 104, 94),
        centre=(across(0.92), 0.36 + rng.normal(0, 0.03)),
        radii=(0.3, 0.2),
        angle=flip * 0.7,
        roughness=0.25,
        lobules=0.0,
    )
    add_vessels(rng, albedo, count=14, unit=unit, within=bowel, strength=0.45, widest=1.6)
    gall_bladder = organ(
        (150, 124, 104),
        centre=(across(0.43), 0.64 + rng.normal(0, 0.02)),
        radii=(0.21, 0.12),
        angle=-flip * 0.75,
        roughness=0.14,
        lobules=0.0,
    )
    add_vessels(rng, albedo, count=16, unit=unit, within=gall_bladder, strength=0.5, widest=1.2)
    liver = organ(
        (118, 38, 36),
        centre=(across(0.28), 0.30 + rng.normal(0, 0.03)),
        radii=(0.56, 0.3),
        angle=flip * 0.3,
        roughness=0.2,
        lobules=0.0,
    )
    add_vessels(
        rng, albedo, count=9, unit=unit, within=liver, colour=(80, 16, 20), strength=0.2, widest=1.3
    )
    fat = organ(
        (212, 146, 70),
        centre=(across(0.7), 0.97),
        radii=(0.6, 0.28),
        angle=flip * -0.15,
        roughness=0.35,
        lobules=0.14,
    )
    add_vessels(
        rng, albedo, count=14, unit=unit, within=fat, colour=(150, 40, 30), strength=0.5, widest=1.5
    )
    height += 0.03 * value_noise(rng, (size, size), (24, 48))
    height += 0.012 * value_noise(rng, (size, size), (90,))
    return lit_relief(rng, albedo, height, steepness=size / 9, wetness=0.9, grain=0.05, unit=unit)
