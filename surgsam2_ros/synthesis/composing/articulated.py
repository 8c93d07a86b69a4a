# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Large instruments with a wrist and two jaws that bend, open and change their reflexes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from surgsam2_ros.synthesis.composing.cutouts import working_end
from surgsam2_ros.synthesis.composing.machined import machined_faces, sparkles, window
from surgsam2_ros.synthesis.composing.material import Cutout
from surgsam2_ros.synthesis.composing.paths import ToolPath, walk, within
from surgsam2_ros.synthesis.composing.scene import Body
from surgsam2_ros.synthesis.composing.shafts import Finish, draw_cylinder, random_finish
from surgsam2_ros.synthesis.composing.tools import Tool, lit
from surgsam2_ros.synthesis.noise import value_noise

_MARGIN = 3


@dataclass(frozen=True)
class _Light:
    """What a scene does to the looks of its tools, see `lit`, and whether metal has faces."""

    tissue: np.ndarray
    softness: float
    grey: bool
    machined: bool = False


@dataclass(frozen=True, eq=False)
class _Part:
    """A rigid part along the x axis that turns about its left end, in two lights.

    Attributes:
        pixels, other: uint8 [h, w, 4], premultiplied, of equal alpha.
        pivot: (x, y) of its left end.
        length: from there to where the next part begins, in pixels.
    """

    pixels: np.ndarray
    other: np.ndarray
    pivot: tuple[float, float]
    length: float


def articulated_tool(
    rng: np.random.Generator,
    path: ToolPath,
    cutouts: Sequence[Cutout],
    shape: tuple[float, float],
    label: int,
    *,
    tissue: np.ndarray,
    softness: float,
    grey: bool,
    machined: float = 0.0,
) -> list[Body]:
    """Draw an instrument whose wrist bends and whose jaws open while it moves.

    Shaft and metal are drawn; the jaws are drawn or the working end of a real tool.

    Args:
        rng: source of all randomness.
        path: of the working end, T frames.
        cutouts: real tools.
        shape: (height, width) of the scene; shafts are 5 to 30 % of its side wide.
        label: of all of its parts.
        tissue, softness, grey: light of the scene, see `lit`.
        machined: chance that its metal has many small faces, sparkles and open jaws, see
            `machined_faces`; otherwise it is smooth.

    Returns:
        its parts, from far to near.
    """
    frames, side = len(path.angle), float(np.sqrt(shape[0] * shape[1]))
    width = side * float(np.clip(np.exp(rng.normal(np.log(0.13), 0.45)), 0.05, 0.3))
    has_faces = machined > 0 and rng.random() < machined
    light = _Light(tissue, softness, grey, has_faces)
    wrist = _metal(rng, light, width * rng.uniform(0.6, 1.8), width * rng.uniform(0.6, 1.0))
    if rng.random() < 0.35:
        cutout = cutouts[int(rng.integers(len(cutouts)))]
        jaws = [_photographed(rng, light, cutout, width * rng.uniform(0.5, 0.9), 0.5 * side)]
    else:
        jaws = _drawn_jaws(rng, light, width)
    reach = wrist.length + 0.5 * jaws[0].length
    towards = np.stack([np.cos(path.angle), np.sin(path.angle)], axis=1)
    shaft_end = ToolPath(path.tip - reach * path.scale[:, None] * towards, path.angle, path.scale)

    quick = float(np.exp(rng.uniform(np.log(0.005), np.log(0.3))))  # radians a frame
    bend = within(-0.9, 0.9, rng.uniform(0.15, 0.85), walk(rng, frames, quick))
    turn = within(-0.9, 0.9, rng.uniform(0.15, 0.85), walk(rng, frames, quick))
    opening = within(0, rng.uniform(0.2, 1.1), rng.random(), walk(rng, frames, quick))
    wrist_path = ToolPath(shaft_end.tip, path.angle + bend, path.scale)
    joint = _end_of(wrist_path, wrist.length)

    def body(part: _Part, path: ToolPath) -> Body:
        """Let the reflexes of a part come and go, from frame to frame or slowly."""
        mix = within(0, 1, rng.random(), walk(rng, frames, float(rng.choice([0.02, 0.1, 0.5]))))
        return Body(part.pixels, part.pivot, path, label, np.ones(frames), part.other, mix)

    bodies = [body(_shaft(rng, light, width, 1.6 * float(np.hypot(*shape))), shaft_end)]
    ends = []
    for jaw, sign in zip(jaws, (-0.5, 0.5), strict=False):
        angle = wrist_path.angle + turn + sign * opening * (len(jaws) > 1)
        ends.append(body(jaw, ToolPath(joint, angle, path.scale)))
    middle = body(wrist, wrist_path)
    return [*bodies, *ends, middle] if rng.random() < 0.5 else [*bodies, middle, *ends]


def _end_of(path: ToolPath, length: float) -> np.ndarray:
    towards = np.stack([np.cos(path.angle), np.sin(path.angle)], axis=1)
    return path.tip + length * path.scale[:, None] * towards


def _shaft(rng: np.random.Generator, light: _Light, width: float, reach: float) -> _Part:
    """Draw a shaft whose right end, rounded, is where the wrist turns."""
    widths = np.full(max(round(reach), 8), width)
    rounding = np.arange(len(widths))[::-1] / max(0.5 * width * rng.uniform(0.3, 1.0), 1)
    widths *= 0.5 + 0.5 * np.sqrt(np.clip(rounding, 0, 1))
    finish = random_finish(rng)
    pixels, other = _in_two_lights(rng, light, finish, widths, _bands(rng, widths, width))
    return _Part(pixels, other, (len(widths) - 0.4 * width, pixels.shape[0] / 2), 0.0)


def _metal(rng: np.random.Generator, light: _Light, length: float, width: float) -> _Part:
    """Draw a link of a wrist: metal with pins, slots and edges, rounded at both ends."""
    columns = max(round(length + 0.8 * width), 6)
    x = np.arange(columns)
    near = np.minimum(x, x[::-1]) / max(0.4 * width, 1)
    widths = width * (0.4 + 0.6 * np.sqrt(np.clip(near, 0, 1)))
    details = _bands(rng, widths, width) * _holes(rng, widths, width)
    pixels, other = _in_two_lights(rng, light, _metal_finish(rng), widths, details, metal=True)
    return _Part(pixels, other, (0.4 * width, pixels.shape[0] / 2), float(length))


def _drawn_jaws(rng: np.random.Generator, light: _Light, width: float) -> list[_Part]:
    """Draw two jaws of one kind: tapering, straight-edged or bellied, now and then toothed."""
    columns = max(round(width * rng.uniform(0.8, 2.8)), 8)
    base, tip = width * rng.uniform(0.3, 0.6), rng.uniform(0.15, 0.8)
    if light.machined:
        base *= rng.uniform(0.8, 1.7)
    x = np.linspace(0, 1, columns)
    belly = rng.uniform(0, 0.5) * np.sin(np.pi * x)
    widths = base * (1 - (1 - tip) * x ** rng.uniform(0.6, 2.5) + belly)
    widths *= np.sqrt(np.clip((columns - np.arange(columns)) / max(0.4 * base, 1), 0.05, 1))
    details = _bands(rng, widths, width) * _holes(rng, widths, base)
    if rng.random() < 0.4:
        teeth = np.sin(np.arange(columns) * rng.uniform(0.5, 1.6))
        details = details * (1 + rng.uniform(0.1, 0.5) * np.sign(teeth)).astype(np.float32)
    finish, jaws = _metal_finish(rng), []
    opened = light.machined and rng.random() < 0.4
    for _ in 'ab':
        cut = window(rng, widths, details.shape[0]) if opened else None
        pixels, other = _in_two_lights(rng, light, finish, widths, details, metal=True, cut=cut)
        jaws.append(_Part(pixels, other, (0.2 * base, pixels.shape[0] / 2), float(columns)))
    return jaws


def _photographed(
    rng: np.random.Generator, light: _Light, cutout: Cutout, neck: float, longest: float
) -> _Part:
    """Take the working end of a real tool, in two lights."""
    end = working_end(rng, cutout, neck, longest)
    width = end.alpha.shape[1]
    tool = Tool(end.rgb, end.alpha, (width - 3.0, end.axis), inserted=True)
    pixels, other = (
        lit(rng, tool, light.tissue, softness=light.softness, grey=light.grey) for _ in 'ab'
    )
    return _Part(pixels, other, (0.3 * neck, end.axis), float(width))


def _metal_finish(rng: np.random.Generator) -> Finish:
    base = rng.uniform(0.08, 0.65)
    tint = 1 + rng.normal(0, 0.03, 3)
    colour = tuple(float(value) for value in base * tint)
    return Finish(colour, rng.uniform(0.1, 0.9), rng.uniform(3, 25), rng.uniform(0, 0.3))


def _in_two_lights(
    rng: np.random.Generator,
    light: _Light,
    finish: Finish,
    widths: np.ndarray,
    details: np.ndarray,
    *,
    metal: bool = False,
    cut: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a cylinder twice, the lamp and its reflexes elsewhere, its form and details the same.

    Args:
        rng, light, finish, widths: see `draw_cylinder` and `lit`.
        details: float32 [h, w], factors of the brightness in both lights.
        metal: with faces, where the light's metal has them.
        cut: float32 [h, w], factor of the alpha, or None.
    """
    height = details.shape[0]
    faces = (1.0, 1.0)
    if metal and light.machined:
        faces = tuple(f[..., None] for f in machined_faces(rng, details.shape, widths.max()))
    looks = []
    for face in faces:
        rgb, alpha = draw_cylinder(rng, finish, widths, height / 2, height, rng.uniform(-1.2, 1.2))
        rgb *= details[..., None] * face
        rgb += _reflexes(rng, alpha.shape, finish)[..., None]
        if light.machined:
            rgb += sparkles(rng, alpha.shape, widths.max())[..., None]
        rgb = np.clip(rgb, 0, 255).astype(np.uint8)
        if cut is not None:
            alpha = alpha * cut
            rgb[cut < 1] = 0
        alpha = np.round(255 * alpha).astype(np.uint8)
        tool = Tool(rgb, alpha, (len(widths) - 1.0, height / 2), inserted=True)
        looks.append(lit(rng, tool, light.tissue, softness=light.softness, grey=light.grey))
    return looks[0], looks[1]


def _reflexes(rng: np.random.Generator, shape: tuple[int, int], finish: Finish) -> np.ndarray:
    """Draw bright patches where facets mirror the lamp, float32 [h, w]; glossy parts have more."""
    cells = (2, max(2, min(round(2 * shape[1] / shape[0]), 24)))
    field = value_noise(rng, shape, cells)
    threshold = 1.0 - 0.55 * finish.gloss * rng.random()
    return 255 * finish.gloss * np.clip((field - threshold) / 0.1, 0, 1).astype(np.float32)


def _height(widths: np.ndarray) -> int:
    return 2 * (int(np.ceil(widths.max() / 2)) + _MARGIN)


def _bands(rng: np.random.Generator, widths: np.ndarray, width: float) -> np.ndarray:
    """Draw rings and steps around a part as factors of its brightness: float32 [h, w]."""
    factors = np.ones((_height(widths), len(widths)), np.float32)
    for _ in range(rng.integers(0, 4)):
        start = rng.uniform(max(len(widths) - 4 * width, 0), len(widths))
        stop = start + width * rng.uniform(0.05, 0.7)
        factors[:, round(start) : round(stop)] *= np.float32(rng.uniform(0.3, 1.8))
    return factors


def _holes(rng: np.random.Generator, widths: np.ndarray, width: float) -> np.ndarray:
    """Draw pins, slots and windows as factors of the brightness: float32 [h, w]."""
    height = _height(widths)
    factors = np.ones((height, len(widths)), np.float32)
    for _ in range(rng.integers(0, 4)):
        aside = rng.normal(0, 0.2) * width
        centre = (round(rng.uniform(0, len(widths))), round(height / 2 + aside))
        axes = tuple(round(width * rng.uniform(0.06, most)) + 1 for most in (0.5, 0.2))
        angle = float(rng.choice([0, 90, rng.uniform(0, 180)]))
        value = float(rng.choice([rng.uniform(0.05, 0.4), rng.uniform(1.2, 2.2)]))
        cv2.ellipse(factors, centre, axes, angle, 0, 360, value, -1)
    return factors
