# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Makes whole instruments of cut-outs: working end, wrist, shaft, in the light of a scene."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from surgsam2_ros.synthesis.composing.cutouts import (
    StraightTool,
    whole_tool,
    with_its_shaft,
    working_end,
)
from surgsam2_ros.synthesis.composing.material import Cutout
from surgsam2_ros.synthesis.composing.shafts import (
    Finish,
    draw_cylinder,
    random_finish,
    uneven_along,
)
from surgsam2_ros.synthesis.noise import value_noise


@dataclass(frozen=True, eq=False)
class Tool:
    """A flat picture of an instrument along the x axis, its tip on the right.

    Attributes:
        rgb: uint8 [h, w, 3].
        alpha: uint8 [h, w].
        tip: (x, y) of the working end in the picture.
        inserted: whether it has a shaft and comes in through the border.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    tip: tuple[float, float]
    inserted: bool


def shafted_tool(rng: np.random.Generator, cutout: Cutout, side: float, reach: float) -> Tool:
    """Put the working end of a cut-out on a shaft.

    Args:
        rng: source of all randomness.
        cutout: whole tool.
        side: of the picture in pixels; shafts are 3 to 15 % of it wide.
        reach: length of tool and shaft together in pixels.
    """
    width = side * float(np.clip(np.exp(rng.normal(np.log(0.07), 0.45)), 0.028, 0.16))
    if cutout.has_shaft:
        wide = min(1.3 * width, 0.16 * side)
        return continued(rng, with_its_shaft(cutout, wide, 0.9 * side), reach)
    end = working_end(rng, cutout, width * rng.uniform(0.65, 1.1), rng.uniform(0.2, 0.55) * side)
    if rng.random() < 0.2 and end.closed and end.neck > 0.4 * width:
        return continued(rng, end, reach)
    return _mounted(rng, end, width, reach, side)


def bare_shaft(rng: np.random.Generator, side: float, reach: float) -> Tool:
    """Draw a shaft alone, with a rounded or conical end: suction, trocar, sheath."""
    width = side * float(np.clip(np.exp(rng.normal(np.log(0.07), 0.45)), 0.028, 0.16))
    widths = _shaft_widths(rng, width, round(reach), side)
    blunt = max(2, round(width * rng.choice([0.15, 0.5, 1.5])))
    ramp = np.clip((np.arange(len(widths))[::-1] + 0.5) / blunt, 0, 1)
    widths = widths * (np.sqrt(1 - (1 - ramp) ** 2) * 0.75 + 0.25)
    height = int(np.ceil(widths.max())) + 6
    rgb, alpha = draw_cylinder(
        rng, random_finish(rng), widths, height / 2, height, rng.uniform(-1, 1)
    )
    return _finished(rgb, alpha, (len(widths) - 1.0, height / 2), inserted=True)


def free_tool(rng: np.random.Generator, cutout: Cutout, side: float) -> Tool:
    """Take a cut-out whole, as it is; its middle counts as its tip."""
    tool = whole_tool(cutout, side * rng.uniform(0.3, 1.1))
    rgb = tool.rgb.astype(np.float32)
    middle = (tool.alpha.shape[1] / 2, tool.alpha.shape[0] / 2)
    return _finished(rgb, tool.alpha.astype(np.float32) / 255, middle, inserted=False)


def _shaft_widths(rng: np.random.Generator, width: float, length: int, side: float) -> np.ndarray:
    """Width of each column [length], growing towards the left: the shaft comes from the camera."""
    growth = rng.uniform(0, 0.45) if rng.random() < 0.7 else 0.0
    away = np.minimum(np.arange(length)[::-1] / side, 1.5)
    return width * (1 + growth * away)


def _mounted(
    rng: np.random.Generator, end: StraightTool, width: float, reach: float, side: float
) -> Tool:
    """Let a drawn shaft, now and then with a metal wrist, hold the working end."""
    rows, columns = end.alpha.shape
    overlap = min(round(0.35 * width) + 2, columns // 3 + 1)
    length = max(round(reach) - columns + overlap, 8)
    widths = _shaft_widths(rng, width, length, side)
    light = rng.uniform(-1, 1)
    half = int(np.ceil(max(widths.max() / 2, end.axis, rows - end.axis))) + 3
    height = 2 * half
    canvas = np.zeros((height, length + columns - overlap, 4), np.float32)
    top = half - round(end.axis)
    place = (slice(top, top + rows), slice(length - overlap, None))
    alpha = end.alpha.astype(np.float32) / 255
    canvas[place] = np.dstack([end.rgb * alpha[..., None], alpha])
    _round_off(widths, rng.uniform(0.1, 0.5) * width, rng.uniform(0.55, 0.9))
    _lay(canvas[:, :length], *draw_cylinder(rng, random_finish(rng), widths, half, height, light))
    if rng.random() < 0.35:
        _add_wrist(rng, canvas, length, width, half, light)
    rgb, alpha = canvas[..., :3] / np.maximum(canvas[..., 3:], 1e-3), canvas[..., 3]
    return _finished(rgb, alpha, (canvas.shape[1] - 3.0, float(half)), inserted=True)


def _add_wrist(
    rng: np.random.Generator,
    canvas: np.ndarray,
    end: int,
    width: float,
    axis: int,
    light: float,
) -> None:
    """Lay a short metal joint over the end of the shaft at column `end`, in place."""
    long = round(width * rng.uniform(0.8, 2.2))
    start = end - round(0.6 * long)
    stop = min(start + long, canvas.shape[1])
    if start < 0 or stop - start < 3:
        return
    base = rng.uniform(0.25, 0.6)
    finish = Finish((base, base, base), rng.uniform(0.2, 0.8), rng.uniform(8, 25), 0.1)
    widths = np.full(stop - start, width * rng.uniform(0.75, 1.05))
    _round_off(widths, 0.3 * width, 0.6)
    rgb, alpha = draw_cylinder(rng, finish, widths, axis, len(canvas), light)
    pin = (round(16 * (stop - start) * rng.uniform(0.4, 0.8)), round(16 * axis))
    cv2.circle(rgb, pin, round(16 * width * 0.16), (30, 30, 32), -1, cv2.LINE_AA, 4)
    _lay(canvas[:, start:stop], rgb, alpha)


def continued(rng: np.random.Generator, end: StraightTool, reach: float) -> Tool:
    """Let a tool go on as it is at its left end, with the same cross-section all along.

    Args:
        rng: source of all randomness.
        end: what is there of the tool.
        reach: length wanted in pixels.
    """
    columns = end.alpha.shape[1]
    length = max(round(reach) - columns, 8)
    strip = slice(2, max(4, min(12, columns // 6)))
    rgb = end.rgb[:, strip].mean(axis=1, keepdims=True).astype(np.float32)  # [rows, 1, 3]
    alpha = end.alpha[:, strip].mean(axis=1, keepdims=True).astype(np.float32) / 255
    shading = 0.8 + 0.4 * uneven_along(rng, length)[..., None]
    rgb = np.hstack([rgb * shading, end.rgb[:, 2:].astype(np.float32)])
    alpha = np.hstack([np.repeat(alpha, length, axis=1), end.alpha[:, 2:].astype(np.float32) / 255])
    return _finished(rgb, alpha, (rgb.shape[1] - 3.0, end.axis), inserted=True)


def _round_off(widths: np.ndarray, length: float, least: float) -> None:
    """Narrow the right end of a cylinder to a share of its width, in place."""
    from_end = np.arange(len(widths))[::-1]
    widths *= least + (1 - least) * np.clip(from_end / max(length, 1), 0, 1) ** 0.5


def _lay(below: np.ndarray, rgb: np.ndarray, alpha: np.ndarray) -> None:
    """Composite a cylinder over premultiplied float32 [h, w, 4], in place."""
    below *= (1 - alpha)[..., None]
    below[..., :3] += rgb * alpha[..., None]
    below[..., 3] += alpha


def _finished(
    rgb: np.ndarray, alpha: np.ndarray, tip: tuple[float, float], *, inserted: bool
) -> Tool:
    rgb = np.clip(rgb, 0, 255).astype(np.uint8)
    return Tool(rgb, np.round(255 * alpha).astype(np.uint8), tip, inserted)


def lit(
    rng: np.random.Generator, tool: Tool, tissue: np.ndarray, *, softness: float, grey: bool
) -> np.ndarray:
    """Bring a tool into the light of a scene: its brightness, the tissue's reflection, blood.

    Args:
        rng: source of all randomness.
        tool: as it was photographed and drawn.
        tissue: mean RGB 0..255 of what is around it.
        softness: blur of its edges in pixels.
        grey: take its colour away.

    Returns:
        uint8 [h, w, 4], RGB premultiplied by alpha, and alpha.
    """
    gain, gamma = rng.uniform(0.6, 1.25), rng.uniform(0.8, 1.5)
    if rng.random() < 0.35:
        gain *= rng.uniform(0.2, 0.6)
    share, veil = rng.uniform(0.05, 0.45), rng.uniform(0, 0.06)
    warm = tissue / max(float(np.mean(tissue)), 1.0)
    levels = (
        gain * (np.arange(256)[:, None] / 255) ** gamma * (1 - share + share * warm)
    )  # [256, 3]
    table = np.clip(255 * levels + veil * tissue, 0, 255).astype(np.uint8)[:, None]
    rgb = cv2.LUT(tool.rgb, table).astype(np.float32)
    if rng.random() < 0.15:
        _stain(rng, rgb, tool.tip[0])
    if grey:
        rgb = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    along = 1.1 - rng.uniform(0, 0.55) * uneven_along(rng, rgb.shape[1])
    rgb *= cv2.merge([(tool.alpha * np.float32(1 / 255)) * along.astype(np.float32)] * 3)
    pixels = cv2.merge([cv2.convertScaleAbs(rgb), tool.alpha])
    return cv2.GaussianBlur(pixels, (0, 0), softness)


def _stain(rng: np.random.Generator, rgb: np.ndarray, tip: float) -> None:
    """Smear blood over the working end, float32 [h, w, 3], in place."""
    height, width = rgb.shape[:2]
    start = max(0, round(tip - rng.uniform(1, 5) * height))
    cells = max(3, round(rng.uniform(1.5, 3) * (width - start) / height))
    field = value_noise(rng, (height, width - start), (cells, 3 * cells))
    opacity = np.clip((field - rng.uniform(0.4, 0.65)) / 0.12, 0, 1) * rng.uniform(0.5, 0.9)
    blood = rng.uniform((80, 4, 5), (150, 25, 25)).astype(np.float32)
    rgb[:, start:] += opacity[..., None] * (blood - rgb[:, start:])
