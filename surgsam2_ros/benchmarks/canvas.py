# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A white picture for charts: bars, lines, dots and letters, drawn with OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

Colour = tuple[int, int, int]
Point = tuple[float, float]

INK, PALE, RULE = (40, 40, 40), (110, 110, 110), (225, 225, 225)
_SCALE = 2  # drawn so many times larger, then made smaller: smooth lines and letters
_FONT, _LETTERS = cv2.FONT_HERSHEY_SIMPLEX, 0.44 * _SCALE


class Canvas:
    """A white picture that is drawn on in its own pixels; colours are RGB."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        self._image = np.full((height * _SCALE, width * _SCALE, 3), 255, np.uint8)

    def rectangle(self, left: float, top: float, right: float, bottom: float, ink: Colour) -> None:
        """Fill a rectangle; nothing where it has no width."""
        first = round(left * _SCALE), round(top * _SCALE)
        last = round(right * _SCALE) - 1, round(bottom * _SCALE) - 1
        if last[0] >= first[0]:
            cv2.rectangle(self._image, first, last, ink, -1)

    def line(self, points: Sequence[Point], ink: Colour, width: float = 1.0) -> None:
        """Draw a line through points."""
        places = np.rint(np.asarray(points) * _SCALE).astype(np.int32)
        cv2.polylines(self._image, [places], False, ink, round(width * _SCALE), cv2.LINE_AA)

    def dot(self, point: Point, ink: Colour, radius: float = 4.0) -> None:
        """Fill a circle."""
        x, y = (round(value * _SCALE) for value in point)
        cv2.circle(self._image, (x, y), round(radius * _SCALE), ink, -1, cv2.LINE_AA)

    def text(
        self, text: str, x: float, y: float, ink: Colour, align: str = 'left', bold: bool = False
    ) -> None:
        """Write with the baseline at y, from x on, to x ('right') or around it ('centre')."""
        x -= {'left': 0.0, 'centre': 0.5, 'right': 1.0}[align] * text_width(text)
        place = round(x * _SCALE), round(y * _SCALE)
        thickness = _SCALE + (_SCALE // 2 if bold else 0)
        cv2.putText(self._image, text, place, _FONT, _LETTERS, ink, thickness, cv2.LINE_AA)

    def picture(self) -> np.ndarray:
        """Return what was drawn, uint8 [height, width, 3] RGB."""
        return cv2.resize(self._image, self._size, interpolation=cv2.INTER_AREA)


def text_width(text: str) -> float:
    """Width of letters in pixels."""
    return cv2.getTextSize(text, _FONT, _LETTERS, _SCALE)[0][0] / _SCALE


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write uint8 [H, W, 3] RGB as PNG.

    Raises:
        OSError: when it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), picture[..., ::-1]):
        raise OSError(f'{path} cannot be written; make room there or name another file')
