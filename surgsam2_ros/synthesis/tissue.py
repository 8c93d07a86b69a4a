# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Procedural tissue: organs, fat and membranes with vessels, relief and wet highlights."""

from __future__ import annotations

import math

import cv2
import numpy as np

from surgsam2_ros.synthesis.noise import value_noise
from surgsam2_ros.synthesis.sprites import spread

TISSUE_COLOURS = np.array(
    [
        [150, 40, 35],
        [120, 30, 30],
        [185, 75, 65],
        [205, 110, 95],
        [225, 160, 110],
        [230, 185, 100],
        [200, 130, 130],
        [90, 25, 25],
        [170, 60, 80],
        [235, 200, 180],
        [110, 50, 45],
        [140, 90, 60],
        [90, 70, 80],
        [60, 25, 25],
        [185, 170, 175],
        [215, 150, 60],
    ],
    np.float32,
)
"""RGB of liver, muscle, bowel, fat, membranes, spleen, clots and burnt tissue."""


def random_colour(rng: np.random.Generator, spread: float = 12.0) -> np.ndarray:
    """Draw a tissue colour, float32 RGB [3]."""
    colour = TISSUE_COLOURS[rng.integers(len(TISSUE_COLOURS))]
    return np.clip(colour + rng.normal(0, spread, 3), 5, 250).astype(np.float32)


def random_tissue(rng: np.random.Generator, size: int, unit: float = 1.0) -> np.ndarray:
    """Render a square of tissue, larger than the picture so that the camera can move over it.

    Args:
        rng: source of all randomness.
        size: side N in pixels.
        unit: pixels per pixel of a 256-pixel wide picture; scales vessels and blurs.

    Returns:
        float32 [N, N, 3], RGB 0..255.
    """
    albedo, height = blended_ground(rng, size)
    if rng.random() < 0.6:
        for _ in range(rng.integers(1, 5)):
            add_organ(rng, albedo, height)
    if rng.random() < 0.75:
        add_vessels(rng, albedo, count=int(rng.integers(3, 16)), unit=unit)
    if rng.random() < 0.3:
        add_stains(rng, albedo)
    fine = [rng.random() * 0.2, rng.random() * 0.12]
    for cells, gain in zip((25, 50), fine, strict=True):
        height += gain * 0.25 * value_noise(rng, (size, size), (cells,))
    return lit_relief(
        rng,
        albedo,
        height,
        steepness=rng.uniform(0.3, 1.6) * size / 8,
        wetness=rng.uniform(0.2, 1) if rng.random() < 0.8 else 0.0,
        grain=rng.uniform(0, 0.12),
        unit=unit,
    )


def blended_ground(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Blend two to four tissue colours, softly or with borders, over a folded relief.

    Returns:
        colour float32 [N, N, 3] in 0..255 and height float32 [N, N] of about 0..1.
    """
    colours = [random_colour(rng) for _ in range(rng.integers(2, 5))]
    albedo = np.zeros((size, size, 3), np.float32)
    total = np.zeros((size, size, 1), np.float32)
    hardness = rng.uniform(4, 16) if rng.random() < 0.7 else rng.uniform(20, 80)
    for colour in colours:
        cells = (int(rng.integers(2, 7)), int(rng.integers(7, 20)))
        weight = np.exp(value_noise(rng, (size, size), cells) * hardness)[..., None]
        albedo += weight * colour
        total += weight
    albedo /= total
    height = value_noise(rng, (size, size), (3, 6, 12))
    if rng.random() < 0.6:
        folds = np.abs(value_noise(rng, (size, size), (3, 7)) - 0.5)
        height = height - rng.uniform(0.4, 2) * folds
    return albedo, height


def add_organ(
    rng: np.random.Generator,
    albedo: np.ndarray,
    height: np.ndarray,
    *,
    colour: np.ndarray | None = None,
    centre: tuple[float, float] | None = None,
    radii: tuple[float, float] | None = None,
    angle: float | None = None,
    lobules: float | None = None,
    roughness: float | None = None,
) -> np.ndarray:
    """Put a domed organ with a shaded crease around it on the ground, in place.

    Args:
        rng: source of all randomness.
        albedo: float32 [N, N, 3].
        height: float32 [N, N].
        colour: RGB; a tissue colour when None.
        centre, radii: fractions of N. angle: radians. Drawn when None.
        lobules: height of fat-like lobes on the dome, 0 for a smooth one.
        roughness: irregularity of the outline.

    Returns:
        float32 [N, N], coverage 0..1 of the organ.
    """
    size = len(height)
    colour = random_colour(rng) if colour is None else np.asarray(colour, np.float32)
    centre = rng.uniform(0.1, 0.9, 2).tolist() if centre is None else centre
    radii = rng.uniform(0.12, 0.5, 2).tolist() if radii is None else radii
    angle = rng.uniform(0, np.pi) if angle is None else angle
    roughness = rng.uniform(0.1, 0.5) if roughness is None else roughness
    if lobules is None:
        lobules = rng.uniform(0.05, 0.3) if rng.random() < 0.4 else 0.0
    axis = np.linspace(0, 1, size, dtype=np.float32)
    x, y = axis[None] - centre[0], axis[:, None] - centre[1]
    cos, sin = math.cos(angle), math.sin(angle)
    along, across = (x * cos + y * sin) / radii[0], (y * cos - x * sin) / radii[1]
    outline = value_noise(rng, (size, size), (4, 9)) - 0.5
    distance = np.sqrt(along * along + across * across) + roughness * outline  # 1 on the outline
    narrow = min(radii) * size
    cover = np.clip((1 - distance) * narrow / 1.5, 0, 1)
    _darken_around(rng, albedo, cover)
    mottling = spread(value_noise(rng, (size, size), (8, 30)) - 0.5, 3)
    tint = rng.uniform(0.1, 0.5) * rng.uniform(0.5, 1, 3)  # blotches differ in hue a little
    paint = colour * (1 + mottling * tint.astype(np.float32))
    albedo += spread(cover, 3) * (paint - albedo)
    dome = 0.9 * min(radii) * np.sqrt(np.clip(1 - np.minimum(distance, 1) ** 2, 0, 1)) * 4
    if lobules:
        cells = int(rng.integers(8, 20))
        lobes = np.abs(value_noise(rng, (size, size), (cells, 2 * cells)) - 0.5)
        dome += lobules * 2 * np.sqrt(np.clip(lobes, 0, 0.5))
    dome += 0.15 * value_noise(rng, (size, size), (4, 9))
    height += cover * (dome - height + height.mean())
    return cover


def _darken_around(rng: np.random.Generator, albedo: np.ndarray, cover: np.ndarray) -> None:
    """Shade the ground where an organ keeps the light from it, mostly on one side."""
    size = len(cover)
    side = 2 * round(rng.uniform(0.012, 0.05) * size) + 1
    soft = cv2.blur(cv2.blur(cover, (side, side)), (side, side))
    x, y = rng.integers(-side // 2, side // 2 + 1, 2)
    shadow = cv2.warpAffine(
        soft, np.float64([[1, 0, x], [0, 1, y]]), (size, size), borderMode=cv2.BORDER_REPLICATE
    )
    albedo *= spread(1 - np.float32(rng.uniform(0.3, 0.8)) * shadow, 3)


def add_vessels(
    rng: np.random.Generator,
    albedo: np.ndarray,
    *,
    count: int,
    unit: float = 1.0,
    within: np.ndarray | None = None,
    colour: tuple[float, float, float] | None = None,
    strength: float | None = None,
    widest: float = 4.0,
) -> None:
    """Draw branching vessels into a colour map, in place.

    Args:
        rng: source of all randomness.
        albedo: float32 [N, N, 3].
        count: number of trees.
        unit: pixels per pixel of a 256-pixel wide picture.
        within: float32 [N, N] coverage to keep to, or None.
        colour: RGB; a blood colour when None.
        strength: opacity 0..1; drawn when None.
        widest: width of the thickest trunk, in units.
    """
    size = len(albedo)
    cover = np.zeros((size, size), np.uint8)
    for _ in range(count):
        start = rng.uniform(0, size, 2)
        if within is not None:
            inside = np.argwhere(within[::4, ::4] > 0.5) * 4
            if len(inside):
                start = inside[rng.integers(len(inside))][::-1].astype(float)
        _grow_vessel(rng, cover, start, rng.uniform(0, 2 * np.pi), rng.uniform(1, widest), unit, 2)
    soft = cv2.GaussianBlur(cover, (0, 0), rng.uniform(0.5, 1.6) * unit)
    strength = rng.uniform(0.3, 0.9) if strength is None else strength
    weight = soft.astype(np.float32)[..., None] * np.float32(strength / 255)
    if within is not None:
        weight *= within[..., None]
    if colour is None:
        colour = (rng.uniform(60, 150), rng.uniform(5, 40), rng.uniform(10, 60))
    albedo += weight * (np.float32(colour) - albedo)


def _grow_vessel(
    rng: np.random.Generator,
    cover: np.ndarray,
    start: np.ndarray,
    angle: float,
    width: float,
    unit: float,
    generations: int,
) -> None:
    path, angles = [start], [angle]
    for _ in range(rng.integers(5, 18)):
        angle += rng.normal(0, 0.33)
        step = np.array([np.cos(angle), np.sin(angle)]) * rng.uniform(4, 13) * unit
        path.append(path[-1] + step)
        angles.append(angle)
    shade = int(rng.integers(90, 255))
    points = np.round(np.array(path) * 16).astype(np.int32)
    cv2.polylines(cover, [points], False, shade, max(1, round(width * unit)), cv2.LINE_AA, 4)
    if generations and width > 1.2:
        for _ in range(rng.integers(0, 4)):
            at = rng.integers(1, len(path))
            turn = rng.choice([-1, 1]) * rng.uniform(0.4, 1.1)
            _grow_vessel(
                rng, cover, path[at], angles[at] + turn, 0.6 * width, unit, generations - 1
            )


def add_stains(rng: np.random.Generator, albedo: np.ndarray) -> None:
    """Add pools of blood or burnt patches to a colour map, in place."""
    field = value_noise(rng, albedo.shape[:2], (int(rng.integers(3, 9)), 20, 40))
    level = float(np.quantile(field[::4, ::4], rng.uniform(0.8, 0.97)))
    weight = np.clip((field - level) / rng.uniform(0.02, 0.15), 0, 1) * rng.uniform(0.4, 0.95)
    colour = (
        rng.uniform((60, 0, 0), (150, 20, 20)) if rng.random() < 0.7 else rng.uniform(15, 60, 3)
    )
    albedo += weight[..., None] * (colour.astype(np.float32) - albedo)


def lit_relief(
    rng: np.random.Generator,
    albedo: np.ndarray,
    height: np.ndarray,
    *,
    steepness: float,
    wetness: float,
    grain: float,
    unit: float = 1.0,
    lamp: tuple[float, float] | None = None,
    ambient: float | None = None,
) -> np.ndarray:
    """Light a colour map over a height map from beside the camera.

    Args:
        rng: source of all randomness (side of the lamp, ripples of the wet film, grain).
        albedo: float32 [N, N, 3], RGB 0..255.
        height: float32 [N, N].
        steepness: pixels of height per unit of `height`.
        wetness: strength of mirrored glints, 0..1.
        grain: strength of fine texture, relative.
        unit: pixels per pixel of a 256-pixel wide picture.
        lamp: (x, y) direction that light comes from, longer for lower light; drawn when None.
        ambient: brightness of faces turned away, 0..1; drawn when None.

    Returns:
        float32 [N, N, 3], RGB 0..255.
    """
    size = len(height)
    smooth = cv2.GaussianBlur(height, (0, 0), 1.0 * unit)
    slope_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=steepness / 8)
    slope_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=steepness / 8)
    if lamp is None:
        side, tilt = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.8)
        lamp = tilt * math.cos(side), tilt * math.sin(side)
    toward = (1 - lamp[0] * slope_x - lamp[1] * slope_y) / np.sqrt(
        (1 + slope_x**2 + slope_y**2) * (1 + lamp[0] ** 2 + lamp[1] ** 2)
    )
    ambient = rng.uniform(0.15, 0.4) if ambient is None else ambient
    light = ambient + (1 - ambient) * np.clip(toward, 0, None)
    half = size // 2
    speckle = rng.standard_normal((half, half), dtype=np.float32)
    light *= 1 + np.float32(grain) * cv2.resize(speckle, (size, size))
    image = albedo * spread(light * np.float32(rng.uniform(1.0, 1.25)), 3)
    if wetness:
        glint = spread(np.float32(wetness) * _glints(rng, toward), 3)
        image += glint * (np.float32(rng.uniform(200, 255)) - image)
        sheen = np.clip(toward, 0, 1) ** np.float32(rng.uniform(12, 40))
        image += spread(sheen * np.float32(wetness * rng.uniform(0, 60)), 3)
    return np.clip(image, 0, 255, out=image)


def _glints(rng: np.random.Generator, toward: np.ndarray) -> np.ndarray:
    """Draw what the wet film mirrors of the lamp, pools or glitter: float32 [N, N] in [0, 1]."""
    if rng.random() < 0.5:
        cells = (int(rng.integers(8, 20)), int(rng.integers(25, 70)))
        film = value_noise(rng, toward.shape, cells)
    else:
        cells = (int(rng.integers(30, 60)), int(rng.integers(60, 120)))
        film = value_noise(rng, toward.shape, cells, gain=0.8)
        film *= 0.3 + 0.7 * value_noise(rng, toward.shape, (int(rng.integers(5, 12)),))
    film *= np.clip(toward, 0.4, 1.0) ** 2
    level = float(np.quantile(film[::4, ::4], rng.uniform(0.97, 0.998)))
    return np.clip((film - level) / np.float32(rng.uniform(0.02, 0.12)), 0, 1)
