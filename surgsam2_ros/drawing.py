# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Draws tracks into images: light fills, thin contours, and labels that say how far to trust each.

Tracks are anything with the attributes of `DrawableTrack`, so that results of the tracker, of
messages and of files are drawn alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np

STATE_NAMES = ('TENTATIVE', 'TRACKED', 'OCCLUDED', 'LOST', 'UNCERTAIN')

# Colours by Okabe and Ito (2008), told apart with any colour vision, brightened where they would
# drown in tissue, and in an order that sets the first ones off from red.
_BASE_COLOURS = (
    (86, 180, 233),  # sky blue
    (240, 228, 66),  # yellow
    (0, 198, 144),  # bluish green
    (230, 159, 0),  # orange
    (232, 150, 196),  # reddish purple
    (80, 130, 255),  # blue
    (245, 245, 245),  # white
)
_DARK = (18, 18, 18)
_TEXT = (245, 245, 245)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_WARNING = (255, 120, 90)
_AMBER = (255, 176, 0)


class DrawableTrack(Protocol):
    """What `draw_overlay` reads of a track.

    Attributes:
        object_id: name shown.
        instance: 1..254, decides the colour unless `draw_overlay` is told otherwise.
        mask: bool [H, W].
        score: predicted IoU in [0, 1].
        state: index into STATE_NAMES.
        frames_since_seen: frames since the object was last seen.
    """

    object_id: str
    instance: int
    mask: np.ndarray
    score: float
    state: int
    frames_since_seen: int


class DrawnTrack(NamedTuple):
    """A plain track for drawing results that come from files or messages; see DrawableTrack."""

    object_id: str
    instance: int
    mask: np.ndarray
    score: float = 1.0
    state: int = 1
    frames_since_seen: int = 0


def instance_colour(instance: int) -> tuple[int, int, int]:
    """RGB colour of an instance: always the same, and distinct for the first seven.

    Args:
        instance: value in label images, from 1.
    """
    lap, index = divmod(instance - 1, len(_BASE_COLOURS))
    shade = 0.72**lap if lap < 4 else 0.72 ** (lap % 4) * 0.9
    red, green, blue = (round(value * shade) for value in _BASE_COLOURS[index])
    return red, green, blue


def label_palette() -> np.ndarray:
    """Palette of label images: uint8 [256, 3] RGB, black background, 255 ('ignore') grey."""
    palette = np.zeros((256, 3), np.uint8)
    palette[1:255] = [instance_colour(instance) for instance in range(1, 255)]
    palette[255] = 128
    return palette


def _own_colour(track: Any) -> tuple[int, int, int]:
    return instance_colour(track.instance)


def draw_overlay(
    rgb: np.ndarray,
    tracks: Iterable[DrawableTrack],
    *,
    opacity: float = 0.22,
    labels: bool = True,
    colour_of: Callable[[Any], tuple[int, int, int]] = _own_colour,
) -> np.ndarray:
    """Return a copy of the image with the tracks drawn into it.

    Each mask gets a light fill and a thin contour in its colour, dashed while the object is
    TENTATIVE. One that is UNCERTAIN is hatched instead of filled, within a dashed contour, both
    in amber. The label gives name, state and score. Objects without a mask are listed at the
    bottom.

    Args:
        rgb: uint8 [H, W, 3].
        tracks: see DrawableTrack; masks must have the image's size.
        opacity: of the fill, in [0, 1].
        labels: whether to write labels.
        colour_of: RGB colour of a track; by default that of its instance.

    Returns:
        uint8 [H, W, 3].

    Raises:
        ValueError: when a mask does not have the image's size.

    Example:
        overlay = draw_overlay(frame.rgb, tracker.track(frame.rgb).tracks)
    """
    tracks = sorted(tracks, key=lambda track: track.instance)
    canvas = rgb.copy()
    for track in tracks:
        if track.mask.shape != rgb.shape[:2]:
            raise ValueError(
                f"the mask of '{track.object_id}' is {list(track.mask.shape)}, the image "
                f'{list(rgb.shape[:2])}; both must have the same height and width'
            )
        _draw_mask(canvas, track, colour_of(track), opacity)
    if labels:
        _draw_labels(canvas, [(track, colour_of(track)) for track in tracks])
    return canvas


def draw_proposals(rgb: np.ndarray, proposals: Iterable[Any]) -> np.ndarray:
    """Draw masks, scores and boxes of found instruments into a copy of an image uint8 [H, W, 3].

    Args:
        rgb: the image.
        proposals: each with `mask` (bool [H, W]), `score` and `box` (left, top, right, bottom).
    """
    proposals = list(proposals)
    tracks = [
        DrawnTrack(f'{number}', number, proposal.mask, proposal.score)
        for number, proposal in enumerate(proposals, start=1)
    ]
    drawn = draw_overlay(rgb, tracks, labels=False)
    for track, proposal in zip(tracks, proposals, strict=True):
        left, top, right, bottom = (round(value) for value in proposal.box)
        colour, place = instance_colour(track.instance), (left + 3, max(top, 0) + 14)
        cv2.putText(drawn, f'{track.score:.2f}', place, _FONT, 0.45, colour, 1)
        cv2.rectangle(drawn, (left, top), (right, bottom), colour, 1)
    return drawn


def draw_contour(
    canvas: np.ndarray,
    mask: np.ndarray,
    colour: tuple[int, int, int],
    *,
    dashed: bool = False,
    halo: bool = True,
    thickness: int | None = None,
) -> None:
    """Draw the outline of a mask into the image, thin, with a dark halo that sets it off.

    Args:
        canvas: uint8 [H, W, 3], changed in place.
        mask: bool or uint8 [H, W].
        colour: RGB.
        dashed: leave gaps.
        halo: draw the dark lining.
        thickness: of the line in pixels; by default what suits the image's height.
    """
    contours, _ = cv2.findContours(
        np.ascontiguousarray(mask).view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
    )
    thickness = thickness or _line_thickness(canvas)
    if halo:
        lining = tuple(value // 4 for value in colour)
        cv2.drawContours(canvas, contours, -1, lining, thickness + 2, cv2.LINE_AA)
    # One pixel wide, a smoothed line would lose its colour to the lining.
    if not dashed:
        cv2.drawContours(canvas, contours, -1, colour, thickness, cv2.LINE_8)
        return
    dash = 6 * thickness
    for contour in contours:
        for start in range(0, len(contour), 2 * dash):
            piece = contour[start : start + dash + 1]
            cv2.polylines(canvas, [piece], False, colour, thickness, cv2.LINE_8)


def contact_sheet(
    images: Sequence[np.ndarray],
    captions: Sequence[str],
    *,
    columns: int = 4,
    tile_width: int = 480,
    title: str = '',
) -> np.ndarray:
    """Arrange images in a grid with a caption under each.

    Args:
        images: uint8 [H, W, 3] RGB, at least one, all of one size.
        captions: one line of ASCII text per image.
        columns: images per row.
        tile_width: width of each image in pixels.
        title: line above the grid, left out when empty.

    Returns:
        uint8 [height, width, 3] RGB.

    Raises:
        ValueError: when there are no images, or not one caption for each.
    """
    if not images or len(images) != len(captions):
        raise ValueError(f'{len(images)} images with {len(captions)} captions make no sheet')
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    tile_height = round(tile_width * images[0].shape[0] / images[0].shape[1])
    gap, text, top = 10, 26, 44 if title else 10
    height = top + rows * (tile_height + text + gap)
    sheet = np.full((height, gap + columns * (tile_width + gap), 3), 30, np.uint8)
    if title:
        cv2.putText(sheet, title, (gap, 29), _FONT, 0.62, _TEXT, 1, cv2.LINE_AA)
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(index, columns)
        x, y = gap + column * (tile_width + gap), top + row * (tile_height + text + gap)
        shrinks = tile_width < image.shape[1]
        sheet[y : y + tile_height, x : x + tile_width] = cv2.resize(
            image,
            (tile_width, tile_height),
            interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC,
        )
        origin = (x + 2, y + tile_height + 18)
        cv2.putText(sheet, caption, origin, _FONT, 0.46, _TEXT, 1, cv2.LINE_AA)
    return sheet


def _line_thickness(canvas: np.ndarray) -> int:
    return max(1, round(canvas.shape[0] / 540))


def _draw_mask(
    canvas: np.ndarray, track: Any, colour: tuple[int, int, int], opacity: float
) -> None:
    mask = np.ascontiguousarray(track.mask).view(np.uint8)
    x, y, width, height = cv2.boundingRect(mask)
    if width == 0:
        return
    state = _state_name(track)
    region = canvas[y : y + height, x : x + width]
    if state == 'UNCERTAIN':
        _hatch(region, mask[y : y + height, x : x + width], _line_thickness(canvas))
        draw_contour(canvas, mask, _AMBER, dashed=True)
        return
    tint = np.empty_like(region)
    tint[:] = colour
    blended = cv2.addWeighted(region, 1 - opacity, tint, opacity, 0)
    cv2.copyTo(blended, mask[y : y + height, x : x + width], region)
    draw_contour(canvas, mask, colour, dashed=state == 'TENTATIVE')


def _hatch(region: np.ndarray, mask: np.ndarray, thickness: int) -> None:
    """Draw slanted amber lines over a mask, in place."""
    rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
    on_line = (rows + columns) % (8 * thickness) < thickness
    region[on_line & (mask > 0)] = _AMBER


def _state_name(track: Any) -> str:
    state = int(track.state)
    return STATE_NAMES[state] if 0 <= state < len(STATE_NAMES) else str(state)


class _Tag(NamedTuple):
    """A label laid out: text, colours and size in pixels."""

    text: str
    colour: tuple[int, int, int]
    text_colour: tuple[int, int, int]
    width: int
    height: int


def _draw_labels(canvas: np.ndarray, tracks: Sequence[tuple[Any, tuple[int, int, int]]]) -> None:
    """Write one label per track: at its mask without covering another, or in the list below."""
    taken: list[tuple[int, int, int, int]] = []
    absent: list[_Tag] = []
    for track, colour in tracks:
        tag = _tag(canvas, track, colour)
        x, y, width, _ = cv2.boundingRect(np.ascontiguousarray(track.mask).view(np.uint8))
        if width == 0:
            absent.append(tag)
            continue
        left = min(max(x, 2), max(canvas.shape[1] - tag.width - 2, 2))
        top = max(y - tag.height - 4, 2)
        taken.append(_free_place(left, top, tag, taken, canvas.shape[0]))
        _draw_tag(canvas, tag, *taken[-1][:2])
    for row, tag in enumerate(reversed(absent)):
        _draw_tag(canvas, tag, 4, canvas.shape[0] - (row + 1) * (tag.height + 3) - 1)


def _tag(canvas: np.ndarray, track: Any, colour: tuple[int, int, int]) -> _Tag:
    state = _state_name(track)
    text = f'{track.object_id}  {state if state == "UNCERTAIN" else state.lower()}'
    if state in ('OCCLUDED', 'LOST'):
        text += f' {track.frames_since_seen} frames'
    else:
        text += f' {track.score:.2f}'
    # putText knows ASCII alone.
    text = text.encode('ascii', 'replace').decode()
    (width, height), baseline = cv2.getTextSize(text, _FONT, _font_scale(canvas), 1)
    pad = max(4, height // 2)
    text_colour = _AMBER if state == 'UNCERTAIN' else _WARNING
    if state in ('TRACKED', 'TENTATIVE'):
        text_colour = _TEXT
    return _Tag(text, colour, text_colour, width + 3 * pad, height + baseline + pad)


def _font_scale(canvas: np.ndarray) -> float:
    return max(0.38, 0.44 * canvas.shape[0] / 512)


def _free_place(
    left: int, top: int, tag: _Tag, taken: list[tuple[int, int, int, int]], height: int
) -> tuple[int, int, int, int]:
    """Return (left, top, width, height) of the nearest free place at or below the wanted one."""
    for candidate in range(top, max(height - tag.height, top + 1), tag.height // 2):
        overlapped = any(
            left < x + w
            and x < left + tag.width
            and candidate < y + h
            and y < candidate + tag.height
            for x, y, w, h in taken
        )
        if not overlapped:
            return left, candidate, tag.width, tag.height
    return left, top, tag.width, tag.height


def _draw_tag(canvas: np.ndarray, tag: _Tag, left: int, top: int) -> None:
    region = canvas[top : top + tag.height, left : left + tag.width]
    if region.size == 0:
        return
    region[:] = (region.astype(np.uint16) * 64 + np.array(_DARK, np.uint16) * 192) // 256
    bar = max(3, tag.height // 6)
    region[:, :bar] = tag.colour
    scale = _font_scale(canvas)
    baseline = cv2.getTextSize(tag.text, _FONT, scale, 1)[1]
    origin = (left + bar + bar, top + tag.height - baseline - 1)
    cv2.putText(canvas, tag.text, origin, _FONT, scale, tag.text_colour, 1, cv2.LINE_AA)
