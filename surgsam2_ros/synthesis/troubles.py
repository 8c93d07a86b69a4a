# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Named troubles of camera, lamp and window, put upon any optics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from surgsam2_ros.synthesis.lens import random_dirt, random_glare
from surgsam2_ros.synthesis.noise import value_noise
from surgsam2_ros.synthesis.optics import Optics, Smoke, disc_view, gamma_table, random_smoke
from surgsam2_ros.synthesis.trajectories import wander

_Shape = tuple[int, int]


def troubled(
    rng: np.random.Generator, optics: Optics, kinds: Iterable[str], frames: int, shape: _Shape
) -> Optics:
    """Put those of `kinds` that concern the optics (OPTICAL_KINDS) upon a camera.

    Args:
        rng: source of all randomness.
        optics: camera and lamp of T frames; stays as it is.
        kinds: names of `kinds.py`; others than OPTICAL_KINDS are passed over.
        frames: T.
        shape: (height, width) of the picture.
    """
    for kind in kinds:
        if kind in _TROUBLES:
            optics = _TROUBLES[kind](rng, optics, frames, shape)
    return optics


def _smoke(rng: np.random.Generator, optics: Optics, frames: int, shape: _Shape) -> Optics:
    return replace(optics, smoke=random_smoke(rng, frames, shape))


def _thick_smoke(rng: np.random.Generator, optics: Optics, frames: int, shape: _Shape) -> Optics:
    """Let a cloud roll in, hide nearly everything, and thin out."""
    height, width = shape
    clouds = value_noise(rng, (2 * height + 1, 2 * width + 1), (3, 6, 12))
    peak = rng.uniform(0.25, 0.8) * frames
    span = rng.uniform(0.25, 0.6) * frames + 1
    time = (np.arange(frames) - peak) / span
    density = rng.uniform(0.5, 0.65) + rng.uniform(0.2, 0.4) * clouds
    return replace(
        optics,
        smoke=Smoke(
            density=np.clip(density, 0, 0.85).astype(np.float32),
            drift=tuple(rng.normal(0, 6, 2) * min(shape) / 256),
            brightness=rng.uniform(150, 225),
            strength=rng.uniform(0.05, 0.25) + rng.uniform(0.7, 0.75) * np.exp(-time * time),
        ),
    )


def _changing_light(rng: np.random.Generator, optics: Optics, frames: int, shape: _Shape) -> Optics:
    change = 1 + wander(rng, frames, rng.uniform(0.05, 0.25))
    return replace(optics, exposure=np.clip(optics.exposure * change, 0.3, 2.2))


def _failing_light(rng: np.random.Generator, optics: Optics, frames: int, shape: _Shape) -> Optics:
    """Let the lamp go down to a fraction while the camera's gain brings up the noise."""
    start = rng.uniform(0.1, 0.5) * frames
    fall = np.clip((np.arange(frames) - start) / (rng.uniform(0.05, 0.4) * frames + 1), 0, 1)
    if rng.random() < 0.5:  # it comes back
        back = (np.arange(frames) - start - rng.uniform(0.3, 0.6) * frames) / (0.1 * frames + 1)
        fall = fall * (1 - np.clip(back, 0, 1))
    flicker = 1 + rng.uniform(0, 0.35) * rng.uniform(-1, 1, frames) * fall
    exposure = np.maximum(optics.exposure, 0.9) * (1 - rng.uniform(0.65, 0.85) * fall) * flicker
    return replace(
        optics,
        exposure=np.clip(exposure, 0.16, 2.0),
        white_balance=optics.white_balance * np.float32((1.06, 1.0, rng.uniform(0.75, 1.0))),
        grain=max(optics.grain, rng.uniform(3, 9)),
    )


def _blood(rng: np.random.Generator, optics: Optics, frames: int, shape: _Shape) -> Optics:
    """Splash the window with blood, now and then; most blood lies in the scene itself."""
    if rng.random() > 0.35:
        return optics
    return replace(optics, dirt=(*optics.dirt, random_dirt(rng, frames, shape, blood=True)))


def _lens_dirt(rng: np.random.Generator, optics: Optics, frames: int, shape: _Shape) -> Optics:
    return replace(optics, dirt=(*optics.dirt, random_dirt(rng, frames, shape)))


def _glare(rng: np.random.Generator, optics: Optics, frames: int, shape: _Shape) -> Optics:
    brighter = optics.exposure * rng.uniform(1.0, 1.35)
    return replace(optics, glare=random_glare(rng, frames, shape), exposure=brighter)


def _motion_blur(rng: np.random.Generator, optics: Optics, frames: int, shape: _Shape) -> Optics:
    unit = min(shape) / 256
    angle = rng.uniform(0, 2 * np.pi) + wander(rng, frames, rng.uniform(0, 3))
    length = (
        rng.uniform(3, 9) * unit * np.clip(rng.uniform(0.3, 1) + wander(rng, frames, 0.6), 0, 1)
    )
    shake = np.stack([length * np.cos(angle), length * np.sin(angle)], axis=1)
    return replace(optics, shake=shake)


def _noise(rng: np.random.Generator, optics: Optics, frames: int, shape: _Shape) -> Optics:
    return replace(optics, grain=rng.uniform(6, 16))


def _low_contrast(rng: np.random.Generator, optics: Optics, frames: int, shape: _Shape) -> Optics:
    """Squeeze black and white together, as haze, an old lens or a cheap grabber does."""
    contrast = rng.uniform(0.35, 0.65)
    lift = rng.uniform(0, 0.7) * (1 - contrast)
    return replace(optics, tone=gamma_table(rng.uniform(0.75, 1.2), contrast, lift))


def _grey(rng: np.random.Generator, optics: Optics, frames: int, shape: _Shape) -> Optics:
    return replace(optics, saturation=0.0)


def _compression(rng: np.random.Generator, optics: Optics, frames: int, shape: _Shape) -> Optics:
    return replace(optics, jpeg_quality=int(rng.integers(15, 85)))


def _interlacing(rng: np.random.Generator, optics: Optics, frames: int, shape: _Shape) -> Optics:
    sharp = min(optics.blur, 0.3)  # the lens blurs before the sensor reads two fields
    return replace(optics, field_delay=rng.uniform(0.35, 0.65), blur=sharp)


def _round_view(rng: np.random.Generator, optics: Optics, frames: int, shape: _Shape) -> Optics:
    height, width = shape
    unit = min(shape) / 256
    centre = width / 2 + rng.normal(0, 6) * unit, height / 2 + rng.normal(0, 6) * unit
    return _seen_through(optics, disc_view(shape, centre, unit * rng.uniform(102, 150)))


def _framed_view(rng: np.random.Generator, optics: Optics, frames: int, shape: _Shape) -> Optics:
    """Leave black borders around a rectangle with straight or rounded corners."""
    height, width = shape
    unit = min(shape) / 256
    bars = rng.uniform(6, 44, 2) * unit * rng.permutation([1, rng.choice([0, 1], p=[0.7, 0.3])])
    corner = rng.uniform(1, 40) * unit
    x = np.abs(np.arange(width) + 0.5 - width / 2)[None] - (width / 2 - bars[0] - corner)
    y = np.abs(np.arange(height) + 0.5 - height / 2)[:, None] - (height / 2 - bars[1] - corner)
    outside = np.hypot(np.maximum(x, 0), np.maximum(y, 0))
    return _seen_through(optics, np.clip(corner - outside + 0.5, 0, 1).astype(np.float32))


def _seen_through(optics: Optics, window: np.ndarray) -> Optics:
    view = window >= 0.5
    if optics.view is not None:
        view &= optics.view
    return replace(optics, falloff=optics.falloff * window, view=view)


_TROUBLES: dict[str, Callable[[np.random.Generator, Optics, int, _Shape], Optics]] = {
    'smoke': _smoke,
    'thick_smoke': _thick_smoke,
    'changing_light': _changing_light,
    'failing_light': _failing_light,
    'blood': _blood,
    'lens_dirt': _lens_dirt,
    'glare': _glare,
    'motion_blur': _motion_blur,
    'noise': _noise,
    'low_contrast': _low_contrast,
    'grey': _grey,
    'compression': _compression,
    'interlacing': _interlacing,
    'round_view': _round_view,
    'framed_view': _framed_view,
}
OPTICAL_KINDS = tuple(_TROUBLES)
