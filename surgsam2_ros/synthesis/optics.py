# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What camera, lamp and smoke do to a rendered picture, from light fall-off to JPEG blocks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from surgsam2_ros.synthesis.lens import Dirt, Glare
from surgsam2_ros.synthesis.noise import GRAIN_OFFSETS, sensor_grain, value_noise
from surgsam2_ros.synthesis.sprites import spread
from surgsam2_ros.synthesis.trajectories import wander


@dataclass(frozen=True, eq=False)
class Smoke:
    """Drifting haze in front of everything.

    Attributes:
        density: float32 [2H, 2W], opacity 0..1, periodic by mirroring.
        drift: pixels (x, y) a frame.
        brightness: grey level 0..255.
        strength: float [T], factor on the density in each frame.
    """

    density: np.ndarray
    drift: tuple[float, float]
    brightness: float
    strength: np.ndarray

    def apply(self, image: np.ndarray, frame: int) -> None:
        """Veil a float32 [H, W, 3] image, in place."""
        height, width = image.shape[:2]
        rows = _mirrored_offset(self.drift[1] * frame, height)
        columns = _mirrored_offset(self.drift[0] * frame, width)
        veil = self.density[rows : rows + height, columns : columns + width, None]
        veil = veil * np.float32(self.strength[frame])
        image += veil * (np.float32(self.brightness) - image)


def _mirrored_offset(distance: float, span: int) -> int:
    """Walk to and fro between 0 and span, so that the drift never jumps."""
    phase = abs(distance) % (2 * span)
    return int(phase if phase <= span else 2 * span - phase)


@dataclass(frozen=True, eq=False)
class Optics:
    """Camera and lamp of one clip; arrays run over its T frames.

    Attributes:
        falloff: float32 [H, W], light reaching each pixel, times the field of view (0 outside).
        view: bool [H, W], pixels that show the scene, or None for all.
        exposure: float [T].
        white_balance: float32 [3].
        saturation: 1 leaves colours as they are, 0 makes all channels equal.
        tone: uint8 [256] look-up table (gamma).
        blur: standard deviation of the lens blur in pixels, 0 for none.
        shake: float [T, 2], motion blur (x, y) in pixels, zero for none.
        grain: standard deviation of the sensor noise, 0..255.
        grain_softness: its blur in pixels.
        grain_offsets: int [T, 2].
        jpeg_quality: 1..100, or 0 for no compression.
        smoke: haze, or None.
        glare: too much light, or None.
        dirt: what sits on the window, nearest to the camera last.
        field_delay: frames by which the odd rows are older than the even ones, 0 for none; an
            interlacing camera reads them half a frame apart. Scene renders both.
    """

    falloff: np.ndarray
    view: np.ndarray | None
    exposure: np.ndarray
    white_balance: np.ndarray
    saturation: float
    tone: np.ndarray
    blur: float
    shake: np.ndarray
    grain: float
    grain_softness: float
    grain_offsets: np.ndarray
    jpeg_quality: int = 0
    smoke: Smoke | None = None
    glare: Glare | None = None
    dirt: tuple[Dirt, ...] = ()
    field_delay: float = 0.0

    def _colour_matrix(self) -> np.ndarray:
        """White balance, then saturation, as one 3x3 matrix."""
        grey = np.full((3, 3), 1 / 3)
        mix = grey + (np.eye(3) - grey) * self.saturation
        return mix * self.white_balance

    def expose(self, image: np.ndarray, frame: int) -> np.ndarray:
        """Turn a scene into a camera picture.

        Args:
            image: float32 [H, W, 3] RGB 0..255; used as scratch space.
            frame: index into the clip.

        Returns:
            uint8 [H, W, 3] RGB.
        """
        if self.smoke is not None:
            self.smoke.apply(image, frame)
        if self.glare is not None:
            self.glare.apply(image, frame)
        for dirt in self.dirt:
            dirt.apply(image, frame)
        image *= spread(self.falloff, 3)
        image = cv2.transform(image, self._colour_matrix() * self.exposure[frame])
        if self.blur:
            image = cv2.GaussianBlur(image, (0, 0), self.blur)
        if np.any(self.shake[frame]):
            image = cv2.filter2D(image, -1, motion_kernel(*self.shake[frame]))
        if self.grain:
            offset = self.grain_offsets[frame]
            grain = sensor_grain(image.shape[:2], offset, self.grain_softness)
            if not self.saturation:
                grain = grain[..., :1]
            image += np.float32(self.grain) * grain
        picture = cv2.LUT(np.clip(image, 0, 255).astype(np.uint8), self.tone)
        if self.jpeg_quality:
            coded = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg_quality])[1]
            picture = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        return picture


def motion_kernel(x: float, y: float) -> np.ndarray:
    """Average along a line of (x, y) pixels: float32 [n, n], its sum 1."""
    side = 2 * int(np.ceil(max(abs(x), abs(y)) / 2)) + 1
    kernel = np.zeros((side, side), np.float32)
    centre = side // 2
    ends = [
        (round(16 * (centre + sign * x / 2)), round(16 * (centre + sign * y / 2)))
        for sign in (-1, 1)
    ]
    cv2.line(kernel, *ends, 1.0, 1, cv2.LINE_8, 4)
    kernel[centre, centre] = 1.0
    return kernel / kernel.sum()


def gamma_table(gamma: float, contrast: float = 1.0, lift: float = 0.0) -> np.ndarray:
    """Look-up table uint8 [256] of lift + contrast * value ** gamma, values from 0 to 1."""
    levels = lift + contrast * (np.arange(256) / 255) ** gamma
    return np.clip(np.round(255 * levels), 0, 255).astype(np.uint8)


def lamp_falloff(
    shape: tuple[int, int], centre: tuple[float, float], radius: float, floor: float
) -> np.ndarray:
    """Light that decreases from a centre (x, y) outwards, float32 [H, W] in [floor, 1]."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    squared = (x - centre[0]) ** 2 + (y - centre[1]) ** 2
    return np.float32(floor) + np.float32(1 - floor) * np.exp(-squared / (2 * radius * radius))


def disc_view(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    """Round field of view with a soft rim, float32 [H, W] in [0, 1]."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.clip(radius - np.hypot(x - centre[0], y - centre[1]), 0, 1)


def random_optics(rng: np.random.Generator, frames: int, shape: tuple[int, int]) -> Optics:
    """Draw a camera and a lamp, good or mediocre, without any of the troubles of `troubles.py`."""
    height, width = shape
    unit = min(shape) / 256
    return Optics(
        falloff=lamp_falloff(
            shape,
            (width * rng.uniform(0.2, 0.8), height * rng.uniform(0.2, 0.8)),
            unit * rng.uniform(100, 330),
            floor=rng.uniform(0.15, 0.4),
        ),
        view=None,
        exposure=rng.uniform(0.7, 1.35) * np.ones(frames),
        white_balance=(1 + rng.normal(0, 0.06, 3)).astype(np.float32),
        saturation=rng.uniform(0.75, 1.2),
        tone=gamma_table(rng.uniform(0.75, 1.2)),
        blur=rng.uniform(0.4, 1.3) * unit if rng.random() < 0.4 else 0.0,
        shake=np.zeros((frames, 2)),
        grain=0.0 if rng.random() < 0.25 else rng.uniform(0, 5),
        grain_softness=float(rng.choice([0.0, 0.6])),
        grain_offsets=rng.integers(0, GRAIN_OFFSETS, (frames, 2)),
    )


def random_smoke(
    rng: np.random.Generator,
    frames: int,
    shape: tuple[int, int],
    thinnest: float = 0.2,
    thickest: float = 0.75,
) -> Smoke:
    """Draw a drifting haze that thickens and thins."""
    height, width = shape
    density = value_noise(rng, (2 * height + 1, 2 * width + 1), (3, 6, 12))
    density = density ** rng.uniform(1, 3) * rng.uniform(thinnest, thickest)
    unit = min(shape) / 256
    strength = np.clip(1 + wander(rng, frames, rng.uniform(0, 0.5)), 0, 1.3)
    return Smoke(
        density=np.clip(density, 0, thickest).astype(np.float32),
        drift=tuple(rng.normal(0, 5, 2) * unit),
        brightness=rng.uniform(150, 220),
        strength=strength,
    )
