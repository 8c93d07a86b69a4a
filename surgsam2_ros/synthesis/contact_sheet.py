# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One picture that shows every family of instruments and every kind of clip."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from surgsam2_ros.synthesis.clips import render_clip
from surgsam2_ros.synthesis.instruments import KINDS
from surgsam2_ros.synthesis.kinds import EVERYDAY_KINDS, HARD_KINDS
from surgsam2_ros.synthesis.laparoscopy import render_scene

_COLUMNS = 8
_TILE = 192
_CLIP_SIZE = 256
_CLIP_FRAMES = 12
_HARD_FRAMES = (0, 4, 7, 11)
_GAP = 2


def contact_sheet(seed: int, on_tile: Callable[[int], None] | None = None) -> np.ndarray:
    """Draw a row of instruments, then a picture of each everyday kind, then how hard kinds go on.

    Args:
        seed: equal seeds give equal sheets.
        on_tile: called with the number of clips done, out of `sheet_tiles()`.

    Returns:
        uint8 [H, W, 3] RGB.
    """
    families, everyday, hard = [], [], []
    steps = iter(range(1, sheet_tiles() + 1))

    def done() -> None:
        if on_tile is not None:
            on_tile(next(steps))

    for index, kind in enumerate(_families()):
        scene = render_scene(seed + index, 1, (_CLIP_SIZE, _CLIP_SIZE), (kind,))
        families.append(_tile(scene[0][0], kind))
        done()
    for index, kind in enumerate(_clips()):
        rng = np.random.default_rng([seed, index])
        images, labels = render_clip(rng, _CLIP_FRAMES, _CLIP_SIZE, kinds=(kind,))
        if kind in HARD_KINDS:
            hard += [_tile(images[frame], f'{kind} {frame}') for frame in _HARD_FRAMES]
        else:
            visible = (labels[1:] > 0).sum(axis=(1, 2))
            everyday.append(_tile(images[1 + int(visible.argmax())], kind))
        done()
    rows = [*_rows(families), *_rows(everyday), *_rows(hard)]
    return np.vstack(rows)


def sheet_tiles() -> int:
    """Count the scenes of a contact sheet."""
    return len(_families()) + len(_clips())


def _families() -> tuple[str, ...]:
    """List the families to show; the first ones fill the last row, as other instruments."""
    return (*KINDS, *KINDS[: -len(KINDS) % _COLUMNS])


def _clips() -> tuple[str, ...]:
    """List the kinds of the clips to show; plain ones fill the last row of everyday ones."""
    return (*EVERYDAY_KINDS, *['plain'] * (-len(EVERYDAY_KINDS) % _COLUMNS), *HARD_KINDS)


def _rows(tiles: list[np.ndarray]) -> list[np.ndarray]:
    return [np.hstack(tiles[i : i + _COLUMNS]) for i in range(0, len(tiles), _COLUMNS)]


def _tile(rgb: np.ndarray, title: str) -> np.ndarray:
    side = _TILE - 2 * _GAP
    small = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA)
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        name = title.replace('_', ' ')
        cv2.putText(
            small, name, (5, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, thickness, cv2.LINE_AA
        )
    return cv2.copyMakeBorder(small, _GAP, _GAP, _GAP, _GAP, cv2.BORDER_CONSTANT)
