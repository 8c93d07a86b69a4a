# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Straightens a cut-out tool and keeps its working end: jaws without finger rings."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from surgsam2_ros.synthesis.composing.material import Cutout

_COLUMNS = 96
_ERODED = 0.12  # outlines take along some of the ground they were cut from


@dataclass(frozen=True, eq=False)
class StraightTool:
    """A tool along the x axis, its working end on the right.

    Attributes:
        rgb: uint8 [h, w, 3].
        alpha: uint8 [h, w].
        axis: y of its middle on the left, where a shaft may go on.
        neck: its width there in pixels.
        closed: whether it is one piece there, not two legs.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    axis: float
    neck: float
    closed: bool


@dataclass(frozen=True, eq=False)
class _Lie:
    """How a cut-out lies in its picture: x along the tool towards the working end."""

    middle: np.ndarray
    along: np.ndarray
    start: float
    length: float
    half: float  # largest distance from the axis
    width: np.ndarray  # [_COLUMNS] from outer edge to outer edge, left to right
    centre: np.ndarray  # [_COLUMNS]
    gap: np.ndarray  # [_COLUMNS] what of the width is open

    def matrix(self, left: float, scale: float, margin: float) -> np.ndarray:
        """Affine 2x3 from the picture to the tool, its column at `left` becoming x = 0."""
        across = np.array([-self.along[1], self.along[0]])
        turn = np.stack([self.along, across]) * scale
        shift = -turn @ self.middle + [-(self.start + left) * scale, self.half * scale + margin]
        return np.column_stack([turn, shift])


def working_end(
    rng: np.random.Generator, cutout: Cutout, neck: float, longest: float
) -> StraightTool:
    """Cut off handle and finger rings and bring the rest to the size that fits a shaft.

    The cut lies where the tool is narrow and closed, so that a shaft can go on there.

    Args:
        rng: source of all randomness.
        cutout: whole tool.
        neck: width wanted at the cut in pixels.
        longest: length of the rest that is not exceeded where the tool allows it.
    """
    lie = _lie(cutout.alpha)
    share = np.arange(_COLUMNS, 0, -1) / _COLUMNS  # what is kept when cut before this column
    width = np.maximum(lie.width + 2 * lie.gap, 1e-3)
    length = share * lie.length * neck / width
    possible = (share > 0.15) & (share < 0.8) & (lie.width > 0)
    fitting = possible & (length < longest) & (length > 1.2 * neck)
    if fitting.any():
        narrow = fitting & (width <= 1.4 * width[fitting].min())
        column = int(rng.choice(np.flatnonzero(narrow)))
    else:
        column = int(np.where(possible, np.abs(length - 2 * neck), np.inf).argmin())
    scale = min(neck / max(lie.width[column], 1.0), longest / (share[column] * lie.length))
    return _cut(cutout, lie, column / _COLUMNS * lie.length, scale, column)


def with_its_shaft(cutout: Cutout, neck: float, longest: float) -> StraightTool:
    """Take a tool whose shaft is cut off at the border, but for the slanted end of the shaft.

    Args:
        cutout: tool with a shaft.
        neck: width wanted at the cut in pixels.
        longest: length that is not exceeded.
    """
    lie = _lie(cutout.alpha)
    column = round(0.12 * _COLUMNS)
    left = column / _COLUMNS * lie.length
    scale = min(neck / max(lie.width[column], 1.0), longest / (lie.length - left))
    return _cut(cutout, lie, left, scale, column)


def whole_tool(cutout: Cutout, length: float) -> StraightTool:
    """Straighten all of a tool and bring it to a length in pixels."""
    lie = _lie(cutout.alpha)
    return _cut(cutout, lie, -2.0, length / lie.length, 0)


def _cut(cutout: Cutout, lie: _Lie, left: float, scale: float, column: int) -> StraightTool:
    matrix = lie.matrix(left, scale, margin=2)
    size = (max(4, round((lie.length - left) * scale) + 3), max(4, round(2 * lie.half * scale) + 5))
    rgb, alpha = cutout.rgb, cv2.GaussianBlur(cutout.alpha, (0, 0), max(1.0, 0.35 / scale))
    if scale < 0.8:  # an affine map does not average; the picture is made small before
        small = (max(2, round(rgb.shape[1] * scale)), max(2, round(rgb.shape[0] * scale)))
        factors = np.array([rgb.shape[1] / small[0], rgb.shape[0] / small[1]])
        rgb = cv2.resize(rgb, small, interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(alpha, small, interpolation=cv2.INTER_AREA)
        matrix[:, 2] += matrix[:, :2] @ (factors / 2 - 0.5)
        matrix[:, :2] *= factors
    rgb = cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(alpha, matrix, size, flags=cv2.INTER_LINEAR)
    sharp = (np.arange(256) / 255 - 0.5 - _ERODED) * 3 + 0.5
    alpha = cv2.LUT(alpha, np.clip(255 * sharp, 0, 255).astype(np.uint8))
    axis = (lie.centre[column] + lie.half) * scale + 2
    _drop_loose_pieces(alpha, alpha.shape[1] if left < 0 else max(8, alpha.shape[1] // 5))
    closed = bool(lie.gap[column] < 0.15 * lie.width[column])
    return StraightTool(rgb, alpha, float(axis), float(lie.width[column] * scale), closed)


def _drop_loose_pieces(alpha: np.ndarray, columns: int) -> None:
    """Clear all but the piece that fills most of the first columns, in place."""
    count, pieces = cv2.connectedComponents((alpha > 40).astype(np.uint8))
    if count <= 2:
        return
    held = np.bincount(pieces[:, :columns].ravel(), minlength=count)
    held[0] = 0
    alpha[pieces != held.argmax()] = 0


def _lie(alpha: np.ndarray) -> _Lie:
    """Find the axis of a tool and which end is the working end: the thinner, closed one."""
    rows, columns = np.nonzero(alpha > 127)
    points = np.stack([columns, rows], axis=1).astype(np.float64)
    if len(points) < 8:
        raise ValueError(f'a cut-out of {len(points)} pixels is too small; give at least 8')
    middle = points.mean(axis=0)
    along = np.linalg.eigh(np.cov((points - middle).T))[1][:, 1]
    holes, ring = _finger_rings(alpha)
    if holes > 0.06 * len(points):
        away = middle - ring
        if np.hypot(*away) > 0.12 * np.ptp(points @ along):  # open scissors are as wide as long
            along = away / np.hypot(*away)
    for flipped in (False, True):
        x = (points - middle) @ along
        y = (points - middle) @ [-along[1], along[0]]
        start, length, half = x.min(), max(float(np.ptp(x)), 2.0), max(np.abs(y).max(), 1.0)
        blank = np.zeros(_COLUMNS)
        lie = _Lie(middle, along, start, length, half, blank, blank, blank)
        width, centre, gap = _profile(alpha, lie)
        outer, bulk = round(0.35 * _COLUMNS), width + 1.5 * gap
        if holes > 0.06 * len(points):
            handle_is_left = (ring - middle) @ along < start + length / 2
        else:
            handle_is_left = bulk[:outer].mean() >= bulk[-outer:].mean()
        if flipped or handle_is_left:
            return _Lie(middle, along, start, length, half, width, centre, gap)
        along = -along
    raise AssertionError('one of two directions is taken')


def _finger_rings(alpha: np.ndarray) -> tuple[float, np.ndarray]:
    """Measure the holes of a tool: their area in pixels and their common middle (x, y)."""
    outlines, tree = cv2.findContours(alpha, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    holes = [line for line, (*_, parent) in zip(outlines, tree[0], strict=True) if parent >= 0]
    areas = np.array([cv2.contourArea(hole) for hole in holes])
    if areas.sum() == 0:
        return 0.0, np.zeros(2)
    middles = np.array([hole[:, 0].mean(axis=0) for hole in holes])
    return float(areas.sum()), areas @ middles / areas.sum()


def _profile(alpha: np.ndarray, lie: _Lie) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Width, middle and open part of each column of a tool, in pixels of its picture."""
    tall = 64
    scale = np.array([[_COLUMNS / lie.length], [tall / (2 * lie.half)]])
    matrix = lie.matrix(0.0, 1.0, 0.0) * scale
    seen = cv2.warpAffine(alpha, matrix, (_COLUMNS, tall)) > 90
    found = seen.any(axis=0)
    first, last = seen.argmax(axis=0), tall - seen[::-1].argmax(axis=0)
    unit = 2 * lie.half / tall
    width = np.where(found, last - first, 0) * unit
    gap = np.where(found, last - first - seen.sum(axis=0), 0) * unit
    return width, (np.where(found, (first + last) / 2, tall / 2) * unit - lie.half), gap
