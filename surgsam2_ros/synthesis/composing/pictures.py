# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Camera, lamp and window of composed clips, in the squeezed coordinates of the network's input."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from surgsam2_ros.synthesis.noise import GRAIN_OFFSETS
from surgsam2_ros.synthesis.optics import Optics, gamma_table, lamp_falloff
from surgsam2_ros.synthesis.troubles import troubled

_CHANCES = {
    'smoke': 0.12,
    'changing_light': 0.25,
    'blood': 0.04,
    'lens_dirt': 0.07,
    'glare': 0.06,
    'motion_blur': 0.12,
    'noise': 0.12,
    'interlacing': 0.04,
    'framed_view': 0.07,
}


def random_picture(
    rng: np.random.Generator,
    frames: int,
    size: int,
    aspect: float,
    brightness: float,
    *,
    grey: bool,
    mild: bool,
) -> Optics:
    """Draw what lamp, lens, sensor and coding do to a composed clip.

    Args:
        rng: source of all randomness.
        frames: T.
        size: S of the square picture.
        aspect: width by height of the picture before it was squeezed to a square.
        brightness: mean of the ground 0..255, from which the exposure follows.
        grey: without colour and low in contrast, as near infrared or an old system.
        mild: for pictures that have a view and light of their own.
    """
    shape, unit = (size, size), size / 256
    floor = rng.uniform(0.7, 1) if mild or rng.random() < 0.4 else rng.uniform(0.25, 0.7)
    lamp = lamp_falloff(
        shape,
        (size * rng.uniform(0.25, 0.75), size * rng.uniform(0.25, 0.75)),
        unit * rng.uniform(70, 250),
        floor=floor,
    )
    wanted = rng.uniform(50, 125) / max(brightness * float(lamp.mean()), 1.0)
    exposure = np.clip(wanted, 0.6, 1.4 if mild else 1.7) if rng.random() < 0.8 else 1.0
    optics = Optics(
        falloff=lamp,
        view=None,
        exposure=np.full(frames, float(exposure)),
        white_balance=(1 + rng.normal(0, 0.07, 3)).astype(np.float32),
        saturation=0.0 if grey else rng.uniform(0.65, 1.25),
        tone=_tone(rng, grey=grey),
        blur=rng.uniform(0.4, 1.4) * unit if rng.random() < 0.45 else 0.0,
        shake=np.zeros((frames, 2)),
        grain=0.0 if rng.random() < 0.3 else rng.uniform(0, 5),
        grain_softness=float(rng.choice([0.0, 0.6])),
        grain_offsets=rng.integers(0, GRAIN_OFFSETS, (frames, 2)),
        jpeg_quality=int(rng.integers(15, 96)) if rng.random() < 0.55 else 0,
    )
    if grey:
        optics = replace(optics, white_balance=np.ones(3, np.float32))
    left_out = ('framed_view', 'blood') if mild else ()
    kinds = [k for k, chance in _CHANCES.items() if rng.random() < chance and k not in left_out]
    optics = troubled(rng, optics, kinds, frames, shape)
    if not mild and rng.random() < 0.22:
        window = _round_window(rng, size, aspect)
        optics = replace(optics, falloff=optics.falloff * window, view=window >= 0.5)
    return optics


def in_harsh_light(rng: np.random.Generator, optics: Optics) -> Optics:
    """Expose brightly, up to pure white, and with full contrast."""
    return replace(
        optics,
        exposure=optics.exposure * rng.uniform(1.0, 1.4),
        tone=gamma_table(rng.uniform(0.8, 1.4), rng.uniform(0.9, 1.15), 0.0),
    )


def near_the_lamp(rng: np.random.Generator, optics: Optics) -> Optics:
    """Light the middle more than the corners, which drown in the noise of the sensor."""
    falloff = optics.falloff ** np.float32(rng.uniform(1.0, 3.0))
    brighter = float(optics.falloff.mean() / max(falloff.mean(), 1e-3))
    return replace(
        optics,
        falloff=falloff,
        exposure=optics.exposure * min(brighter, 1.6),
        grain=rng.uniform(1, 10),
        grain_softness=float(rng.choice([0.0, 0.6, 1.0])),
    )


def _tone(rng: np.random.Generator, *, grey: bool) -> np.ndarray:
    """Draw a curve of gamma and contrast, uint8 [256]."""
    gamma = rng.uniform(0.65, 1.35)
    contrast = rng.uniform(0.4, 1.0) if grey else rng.uniform(0.75, 1.1)
    lift = rng.uniform(0, 0.6) * (1 - contrast) if contrast < 1 else 0.0
    return gamma_table(gamma, contrast, lift)


def _round_window(rng: np.random.Generator, size: int, aspect: float) -> np.ndarray:
    """Draw a round view, squeezed with its picture: float32 [S, S] in 0..1."""
    radius = rng.uniform(0.46, 0.68)  # of the height
    across, down = size / aspect * radius * rng.uniform(0.98, 1.02), size * radius
    x, y = size / 2 + rng.normal(0, 0.03, 2) * size
    columns = (np.arange(size, dtype=np.float32) - np.float32(x)) / np.float32(across)
    rows = (np.arange(size, dtype=np.float32) - np.float32(y)) / np.float32(down)
    distance = np.hypot(columns[None], rows[:, None])
    return np.clip((1 - distance) * np.float32(min(across, down)) + np.float32(0.5), 0, 1)


def write_beside(rng: np.random.Generator, images: np.ndarray, view: np.ndarray | None) -> None:
    """Write some text into the dark surroundings of a view, the same in all frames, in place.

    Args:
        rng: source of all randomness.
        images: uint8 [T, S, S, 3].
        view: bool [S, S], or None for a picture without surroundings.
    """
    if view is None or rng.random() < 0.4:
        return
    size = view.shape[0]
    text = np.zeros((size, size), np.uint8)
    letters = np.array(list('ABCDEHMNRST0123456789:/-. '))
    for _ in range(rng.integers(1, 5)):
        line = ''.join(rng.choice(letters, rng.integers(3, 12)))
        corner = (int(rng.integers(0, size)), int(rng.integers(0.05 * size, size)))
        scale = rng.uniform(0.22, 0.45) * size / 256
        cv2.putText(text, line, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1, cv2.LINE_AA)
    text[view] = 0
    ink = np.float32(rng.uniform(90, 230)) * (text[..., None] / np.float32(255))
    images[:] = np.maximum(images, ink.astype(np.uint8))
