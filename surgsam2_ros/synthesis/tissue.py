# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Procedural tissue: organs, fat and membranes with vessels, relief and wet highlights."""

from __future__ import annotations

import math

import cv2
import numpy as np

from surgsam2_ros.synthesis.noise import value_noise
from surgsam2_ros.synthesis.sprites import spread
from surgsam2_ros.synthesis.vessels import add_vessels

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


_PALETTES = (
    ((118, 38, 36), (128, 46, 40), (214, 160, 84), (152, 124, 106), (176, 84, 74)),  # liver bed
    ((206, 112, 98), (224, 150, 132), (230, 186, 104), (186, 78, 68)),  # bowel and mesentery
    ((188, 84, 74), (204, 134, 128), (236, 202, 182), (222, 162, 112)),  # pelvis, fascia
    ((222, 172, 92), (232, 190, 120), (150, 48, 40), (206, 120, 84)),  # fat around a kidney
    ((214, 150, 140), (192, 116, 112), (150, 60, 58), (232, 196, 184)),  # lung, chest wall
    ((150, 40, 36), (120, 30, 30), (92, 24, 24), (170, 62, 60)),  # muscle, oozing
    ((140, 92, 62), (96, 60, 50), (186, 96, 78), (62, 34, 30)),  # burnt
    ((206, 176, 168), (186, 170, 174), (224, 204, 186), (178, 110, 106)),  # pale membranes
)
"""RGB of what lies side by side in one region of the body."""


def random_palette(rng: np.random.Generator) -> np.ndarray:
    """Draw the colours of one region of the body, float32 [K, 3]; now and then of all at once."""
    if rng.random() < 0.22:
        return TISSUE_COLOURS
    return np.array(_PALETTES[rng.integers(len(_PALETTES))], np.float32)


def random_colour(
    rng: np.random.Generator, spread: float = 12.0, palette: np.ndarray = TISSUE_COLOURS
) -> np.ndarray:
    """Draw a colour near one of a palette [K, 3], float32 RGB [3]."""
    colour = palette[rng.integers(len(palette))] * np.exp(rng.normal(0, spread / 100))
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
    palette = random_palette(rng)
    spread = 12.0 if palette is TISSUE_COLOURS else 6.0
    albedo, height = blended_ground(rng, size, palette, spread)
    if rng.random() < 0.35:
        add_fibres(rng, albedo, height)
    if rng.random() < 0.65:
        for _ in range(rng.integers(1, 5)):
            organ = add_organ(
                rng, albedo, height, colour=random_colour(rng, spread, palette), unit=unit
            )
            if rng.random() < 0.4:  # a net of fine vessels, as on gall bladders and bowels
                count, fine = int(rng.integers(6, 16)), rng.uniform(0.2, 0.6)
                add_vessels(
                    rng,
                    albedo,
                    count=count,
                    unit=unit,
                    within=organ,
                    strength=fine,
                    widest=1.4,
                    tapering=True,
                )
    if rng.random() < 0.75:
        add_vessels(rng, albedo, count=int(rng.integers(3, 16)), unit=unit, tapering=True)
    if rng.random() < 0.2:
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
        grain=rng.uniform(0, 0.1),
        unit=unit,
    )


def blended_ground(
    rng: np.random.Generator, size: int, palette: np.ndarray = TISSUE_COLOURS, spread: float = 12.0
) -> tuple[np.ndarray, np.ndarray]:
    """Blend one to four colours of a palette, softly or with borders, over a folded relief.

    Returns:
        colour float32 [N, N, 3] in 0..255 and height float32 [N, N] of about 0..1.
    """
    colours = [random_colour(rng, spread, palette) for _ in range(rng.integers(1, 5))]
    albedo = np.zeros((size, size, 3), np.float32)
    total = np.zeros((size, size, 1), np.float32)
    hardness = rng.uniform(3, 14) if rng.random() < 0.85 else rng.uniform(20, 80)
    for colour in colours:
        cells = (int(rng.integers(2, 6)), int(rng.integers(7, 20)))
        weight = np.exp(value_noise(rng, (size, size), cells) * hardness)[..., None]
        albedo += weight * colour
        total += weight
    albedo /= total
    mottling = value_noise(rng, (size, size), (14, 40))[..., None] - 0.5
    albedo *= 1 + mottling * rng.uniform((0.1, 0.1, 0.1), (0.3, 0.5, 0.5)).astype(np.float32)
    height = value_noise(rng, (size, size), (3, 6, 12))
    if rng.random() < 0.6:
        folds = np.abs(value_noise(rng, (size, size), (3, 7)) - 0.5)
        height = height - rng.uniform(0.4, 2) * folds
    if rng.random() < 0.25:  # lobes of fat
        cells = int(rng.integers(7, 18))
        lobes = np.abs(value_noise(rng, (size, size), (cells, 2 * cells)) - 0.5)
        height = height + rng.uniform(0.3, 1.0) * np.sqrt(lobes)
    return albedo, height


def add_fibres(rng: np.random.Generator, albedo: np.ndarray, height: np.ndarray) -> None:
    """Streak the ground as muscle and stretched membranes are, here and there, in place."""
    size = len(height)
    streaks = value_noise(rng, (max(8, size // 8), size), (int(rng.integers(24, 60)), 120))
    long = cv2.resize(streaks, (round(1.5 * size),) * 2, interpolation=cv2.INTER_LINEAR)
    middle = 0.75 * size
    turn = cv2.getRotationMatrix2D((middle, middle), rng.uniform(0, 360), 1.0)
    turn[:, 2] += size / 2 - middle
    streaks = cv2.warpAffine(long, turn, (size, size), borderMode=cv2.BORDER_REFLECT) - 0.5
    where = value_noise(rng, (size, size), (2, 5))
    streaks *= np.clip((where - 0.35) * 4, 0, 1)
    light = streaks[..., None] * rng.uniform(0.2, 0.7)
    albedo *= 1 + light * rng.uniform((0.6, 0.8, 0.8), (1.0, 1.2, 1.2)).astype(np.float32)
    height += rng.uniform(0, 0.12) * streaks


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
    unit: float | None = None,
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
        unit: pixels per pixel of a 256-pixel wide picture, to blur the outline at random; it is
            sharp when None.

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
    softness = 1.5 if unit is None else unit * np.exp(rng.uniform(np.log(1.5), np.log(16)))
    cover = np.clip((1 - distance) * narrow / softness, 0, 1)
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
