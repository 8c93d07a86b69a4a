# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Materials of instruments and the sprites of their rigid parts: shafts, wrists and jaws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from surgsam2_ros.synthesis.noise import value_noise
from surgsam2_ros.synthesis.sprites import Sprite

Profile = Callable[[np.ndarray], np.ndarray]
"""Maps positions along a part, 0 (near the hand) to 1 (tip), to half-widths in (0, 1]."""

_MARGIN = 2  # transparent sprite border, so that interpolation fades out


@dataclass(frozen=True)
class Material:
    """How a surface answers light.

    Attributes:
        colour: RGB 0..255.
        ambient: brightness of faces turned away, 0..1.
        gloss: strength of the highlight, 0..1.
        sharpness: exponent of the highlight.
        metal: weight of mirrored light and dark bands, 0..1.
        grain: relative strength of the surface texture.
    """

    colour: tuple[float, float, float]
    ambient: float = 0.3
    gloss: float = 0.5
    sharpness: float = 12.0
    metal: float = 0.0
    grain: float = 0.05


def _grey(rng: np.random.Generator, low: float, high: float, tint: float) -> tuple[float, ...]:
    return tuple(np.clip(rng.uniform(low, high) + rng.normal(0, tint, 3), 4, 250))


def random_metal(rng: np.random.Generator) -> Material:
    """Steel from dull to mirror-like."""
    return Material(
        colour=_grey(rng, 100, 225, 6),
        ambient=rng.uniform(0.15, 0.5),
        gloss=rng.uniform(0.3, 1.1),
        sharpness=rng.uniform(5, 40),
        metal=rng.uniform(0.2, 1.0),
        grain=rng.uniform(0.02, 0.12),
    )


def random_shaft_material(rng: np.random.Generator) -> Material:
    """Draw what shafts are made of: mostly black or grey plastic, steel, or pale composite."""
    kind = rng.random()
    if kind < 0.36:
        colour = _grey(rng, 14, 75, 4)
    elif kind < 0.58:
        return random_metal(rng)
    elif kind < 0.70:
        colour = _grey(rng, 80, 190, 6)
    elif kind < 0.86:
        white = rng.uniform(165, 240)
        colour = (white, white * rng.uniform(0.9, 1), white * rng.uniform(0.74, 1))
    else:
        colour = tuple(rng.uniform(15, 235, 3))
    return Material(
        colour=colour,
        ambient=rng.uniform(0.15, 0.55),
        gloss=rng.uniform(0, 0.3) if rng.random() < 0.6 else rng.uniform(0.3, 1.0),
        sharpness=rng.uniform(3, 40),
        metal=rng.uniform(0, 0.25),
        grain=rng.uniform(0.02, 0.15),
    )


def random_black_material(rng: np.random.Generator) -> Material:
    """Coated laparoscopic shafts: black, at most with a narrow streak of light."""
    return Material(
        colour=_grey(rng, 5, 26, 2),
        ambient=rng.uniform(0.15, 0.5),
        gloss=rng.uniform(0, 0.35),
        sharpness=rng.uniform(12, 60),
        grain=rng.uniform(0.02, 0.15),
    )


def random_tip_material(rng: np.random.Generator) -> Material:
    """Draw what wrists and jaws are made of: nearly always steel."""
    kind = rng.random()
    if kind < 0.86:
        return random_metal(rng)
    colour = _grey(rng, 20, 80, 4) if kind < 0.95 else tuple(rng.uniform(20, 230, 3))
    return replace(random_metal(rng), colour=colour, metal=0.2)


def profile_through(*knots: tuple[float, float]) -> Profile:
    """Make a profile that runs straight from knot (position, half-width) to knot."""
    positions, widths = zip(*knots, strict=True)
    return lambda along: np.interp(along, positions, widths)


def shaded_part(
    rng: np.random.Generator,
    length: float,
    width: float,
    profile: Profile,
    material: Material,
    *,
    centre: Profile | None = None,
    flatness: float = 0.0,
    resolution: float = 1.0,
) -> Sprite:
    """Draw a part along the x axis, lit as a solid of revolution by a lamp near the camera.

    Args:
        rng: source of all randomness (texture and the lamp's side).
        length, width: size in scene pixels.
        profile: half-width along the part as a fraction of `width` / 2.
        material: surface.
        centre: sideways shift of the centre line along the part as a fraction of `width` / 2, for
            curved and one-sided parts; straight when None.
        flatness: 0 shades a round part, 1 a flat one with bevelled edges.
        resolution: sprite pixels per scene pixel.

    Returns:
        Sprite anchored in the middle of its near end.
    """
    long_side = max(4, round(length * resolution))
    wide = max(3.0, width * resolution)
    along = (np.arange(long_side, dtype=np.float32) + 0.5) / long_side
    shift = np.zeros_like(along) if centre is None else centre(along).astype(np.float32)
    rows = int(np.ceil(wide * (1 + np.abs(shift).max())))
    across = (np.arange(rows, dtype=np.float32) + 0.5 - rows / 2) / (wide / 2)
    half = np.clip(profile(along), 0.02, 1.0).astype(np.float32)[None]
    offset = across[:, None] - shift[None]
    alpha = np.clip((half - np.abs(offset)) * (wide / 2) + 0.5, 0, 1)
    turn = np.clip(offset / half, -1, 1)  # -1 and 1 at the silhouette, 0 facing the camera
    if flatness:
        turn = np.sign(turn) * np.abs(turn) ** (1 + 5 * flatness)
    colour = _lit(rng, turn, material)
    colour *= _surface_texture(rng, rows, long_side, material.grain)[..., None]
    return _sprite(colour, alpha, (-0.5, (rows - 1) / 2), resolution)


def bent_part(
    rng: np.random.Generator,
    path: Sequence[tuple[float, float]] | np.ndarray,
    widths: Sequence[float] | np.ndarray,
    material: Material,
    resolution: float = 1.0,
    like: Sprite | None = None,
) -> Sprite:
    """Draw a rod that follows a broken line, with round joints and ends.

    Args:
        rng: source of all randomness (texture and the lamp's side).
        path: K points (x, y) in scene pixels; the origin becomes the anchor.
        widths: K diameters in scene pixels, straight between the points.
        material: surface.
        resolution: sprite pixels per scene pixel.
        like: sprite whose size and anchor to take over, to lay one over the other.

    Returns:
        Sprite anchored at the origin.
    """
    points = np.asarray(path, np.float32) * resolution
    halves = np.maximum(np.asarray(widths, np.float32) * resolution / 2, 0.7)
    if like is None:
        low = np.floor((points - halves[:, None]).min(axis=0).clip(None, 0)) - 1 - _MARGIN
        high = np.ceil((points + halves[:, None]).max(axis=0).clip(0, None)) + 2 + _MARGIN
        columns, rows = (high - low).astype(int)
        anchor = (float(-low[0]), float(-low[1]))
    else:
        rows, columns = like.pixels.shape[:2]
        anchor = like.anchor
    x = np.arange(columns, dtype=np.float32) - np.float32(anchor[0])
    y = np.arange(rows, dtype=np.float32)[:, None] - np.float32(anchor[1])
    depth = np.full((rows, columns), -np.inf, np.float32)
    turn = np.zeros((rows, columns), np.float32)
    for index in range(len(points) - 1):
        (x0, y0), (dx, dy) = points[index], points[index + 1] - points[index]
        length = max(float(np.hypot(dx, dy)), 1e-3)
        along = np.clip(((x - x0) * dx + (y - y0) * dy) / length**2, 0, 1)
        half = halves[index] + along * (halves[index + 1] - halves[index])
        away = np.hypot(x - x0 - along * dx, y - y0 - along * dy)
        side = np.sign(dx * (y - y0) - dy * (x - x0))
        nearer = half - away > depth
        depth = np.where(nearer, half - away, depth)
        turn = np.where(nearer, side * away / half, turn)
    colour = _lit(rng, np.clip(turn, -1, 1), material)
    colour *= _surface_texture(rng, rows, columns, material.grain)[..., None]
    alpha = np.clip(depth + 0.5, 0, 1)
    pixels = np.dstack([np.clip(colour, 0, 255) * alpha[..., None], alpha])
    return Sprite(pixels.astype(np.float32), anchor, resolution)


def _lit(rng: np.random.Generator, turn: np.ndarray, material: Material) -> np.ndarray:
    lamp = rng.uniform(-0.55, 0.55)
    facing = np.sqrt(np.clip(1 - turn * turn, 0, 1))
    diffuse = np.clip(turn * lamp + facing * np.sqrt(1 - lamp * lamp), 0, 1)
    light = material.ambient + (1 - material.ambient) * diffuse
    if material.metal:
        # Polished metal mirrors its surroundings: bands of light and dark across the part.
        bands = rng.uniform(0.45, 1.35, 9)
        bands[rng.integers(9)] = 0.25
        mirrored = np.interp(turn, np.linspace(-1, 1, 9), bands).astype(np.float32)
        light = light * (1 - 0.75 * material.metal) + 0.75 * material.metal * mirrored
    highlight = diffuse**material.sharpness * (material.gloss * rng.uniform(120, 255))
    colour = light[..., None] * np.float32(material.colour)
    if material.metal:  # the side away from the lamp mirrors the tissue below
        blush = np.clip(-turn * np.sign(lamp), 0, 1) * (material.metal * rng.uniform(0, 0.5))
        colour *= 1 - blush[..., None] * np.float32((0.1, 0.45, 0.5))
    return (colour + highlight[..., None]).astype(np.float32)


def _surface_texture(rng: np.random.Generator, rows: int, columns: int, grain: float) -> np.ndarray:
    coarse = (max(2, rows // 2), max(2, columns // int(rng.integers(2, 14))))
    texture = rng.standard_normal(coarse, dtype=np.float32)
    return 1 + np.float32(grain) * cv2.resize(texture, (columns, rows))


def _sprite(
    colour: np.ndarray, alpha: np.ndarray, anchor: tuple[float, float], resolution: float
) -> Sprite:
    rows, columns = alpha.shape
    pixels = np.zeros((rows + 2 * _MARGIN, columns + 2 * _MARGIN, 4), np.float32)
    inner = pixels[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    inner[..., :3] = np.clip(colour, 0, 255) * alpha[..., None]
    inner[..., 3] = alpha
    return Sprite(pixels, (anchor[0] + _MARGIN, anchor[1] + _MARGIN), resolution)


def scale_colour(sprite: Sprite, start: float, stop: float, factor: float | np.ndarray) -> None:
    """Multiply the colour of the stretch start..stop (fractions of the length), in place."""
    columns = sprite.pixels.shape[1]
    first = round(start * columns)
    last = max(round(stop * columns), first + 1)
    stretch = sprite.pixels[:, first:last]
    stretch[..., :3] = np.minimum(stretch[..., :3] * factor, 255 * stretch[..., 3:])


def paint_disc(
    sprite: Sprite, along: float, across: float, radius: float, colour: tuple[float, float, float]
) -> None:
    """Paint a round feature (bolt, pulley, hole) onto a sprite, in place, within its silhouette.

    Args:
        sprite: to paint on.
        along, across: centre as fractions of the sprite's length and width.
        radius: in scene pixels.
        colour: RGB 0..255.
    """
    rows, columns = sprite.pixels.shape[:2]
    centre = round(along * columns * 16), round(across * rows * 16)
    cover = np.zeros((rows, columns), np.uint8)
    size = max(1, round(radius * sprite.resolution * 16))
    cv2.circle(cover, centre, size, 255, -1, cv2.LINE_AA, 4)
    _paint(sprite, cover, colour)


def paint_line(
    sprite: Sprite,
    start: tuple[float, float],
    stop: tuple[float, float],
    thickness: float,
    colour: tuple[float, float, float],
) -> None:
    """Paint a straight feature (slot, cable, serration), in place, within the silhouette.

    Args:
        sprite: to paint on.
        start, stop: (along, across) as fractions of the sprite's length and width.
        thickness: in scene pixels.
        colour: RGB 0..255.
    """
    rows, columns = sprite.pixels.shape[:2]
    ends = [(round(x * columns * 16), round(y * rows * 16)) for x, y in (start, stop)]
    cover = np.zeros((rows, columns), np.uint8)
    wide = max(1, round(thickness * sprite.resolution))
    cv2.line(cover, *ends, 255, wide, cv2.LINE_AA, 4)
    _paint(sprite, cover, colour)


def _paint(sprite: Sprite, cover: np.ndarray, colour: tuple[float, float, float]) -> None:
    weight = (cover.astype(np.float32) / 255)[..., None]
    pixels = sprite.pixels
    painted = np.float32(colour) * pixels[..., 3:]
    pixels[..., :3] += weight * (painted - pixels[..., :3])


def mottle(rng: np.random.Generator, sprite: Sprite, strength: float) -> None:
    """Lay uneven light and stains over a sprite, in place."""
    rows, columns = sprite.pixels.shape[:2]
    field = value_noise(rng, (rows, columns), (6, 12))[..., None]
    factor = 1 + strength * (2 * field - 1)
    sprite.pixels[..., :3] = np.minimum(
        sprite.pixels[..., :3] * factor, 255 * sprite.pixels[..., 3:]
    )


def stain(rng: np.random.Generator, sprite: Sprite) -> None:
    """Smear blood over a sprite, in place, denser towards its tip."""
    rows, columns = sprite.pixels.shape[:2]
    field = value_noise(rng, (rows, columns), (3, 6))
    field += np.linspace(-0.2, 0.25, columns, dtype=np.float32)
    cover = np.clip((field - rng.uniform(0.45, 0.8)) / 0.15, 0, 1) * rng.uniform(0.5, 0.9)
    colour = rng.uniform((90, 2, 4), (150, 18, 20))
    _paint(sprite, (255 * cover).astype(np.uint8), tuple(colour))
