# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Prompts for the first frame from a file: a label image (PNG), or points and boxes (JSON).

A JSON file holds one object with the key "objects", a list whose entries have these keys:

    object_id   string, required, unique
    class_name  string, kind of instrument
    points      list of [x, y] in pixels of the image, x to the right, y down
    labels      list of 1 (on the object) and 0 (on something else), one per point; default: 1
    box         [x0, y0, x1, y1] in pixels, x0 < x1 and y0 < y1

Every entry needs points (at least one of them labelled 1), a box, or both:

    {"objects": [{"object_id": "needle_driver", "points": [[310, 240], [80, 60]], "labels": [1, 0]},
                 {"object_id": "scissors", "box": [400, 90, 600, 300]}]}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from surgsam2_ros.sources.frame_source import SourceError
from surgsam2_ros.sources.label_png import read_label_png

MAX_LABEL = 254
_KEYS = {'object_id', 'class_name', 'points', 'labels', 'box'}


@dataclass(frozen=True, eq=False)
class FilePrompt:
    """What a file says about one object in the first frame.

    Attributes:
        object_id: name of the object.
        label: value that stands for it in label images, 1..254.
        class_name: kind of instrument, may be empty.
        points: float32 [P, 2] pixels (x, y), or None.
        labels: int32 [P], 1 = on the object, 0 = not, or None.
        box: (x0, y0, x1, y1) pixels, or None.
        mask: bool [H, W], or None.
    """

    object_id: str
    label: int
    class_name: str = ''
    points: np.ndarray | None = None
    labels: np.ndarray | None = None
    box: tuple[float, float, float, float] | None = None
    mask: np.ndarray | None = None


def object_name(label: int) -> str:
    """Name of the object that a label image knows only by its value."""
    return f'instrument_{label}'


def read_prompts(path: str | Path, image_size: tuple[int, int]) -> list[FilePrompt]:
    """Read and check the prompts for an image.

    Args:
        path: .png label image or .json file as this module describes it.
        image_size: (height, width) of the image they are for.

    Returns:
        At least one prompt, each object once.

    Raises:
        SourceError: naming the file, the entry and what is wrong with it.
    """
    path = Path(path)
    if not path.is_file():
        raise SourceError(f'prompt file {path} does not exist')
    if path.suffix.lower() == '.json':
        return _read_json(path, image_size)
    if path.suffix.lower() == '.png':
        return prompts_from_labels(read_label_png(path), image_size, str(path))
    raise SourceError(f'{path} is neither a label image (.png) nor a prompt file (.json)')


def prompts_from_labels(
    labels: np.ndarray, image_size: tuple[int, int], origin: str
) -> list[FilePrompt]:
    """Return one mask prompt per value above 0 in a label image.

    Args:
        labels: uint8 [H, W]; 255 means 'ignore' by convention and is passed over.
        image_size: (height, width) of the image the prompts are for.
        origin: what to call the label image in errors.

    Raises:
        SourceError: when the sizes differ or no object is marked.
    """
    if labels.shape != tuple(image_size):
        raise SourceError(
            f'{origin} is {labels.shape[1]}x{labels.shape[0]}, but the first image is '
            f'{image_size[1]}x{image_size[0]}; the prompts must be drawn on that image'
        )
    values = [int(value) for value in np.unique(labels) if 0 < value <= MAX_LABEL]
    if not values:
        raise SourceError(f'{origin} marks no object: all its pixels are background')
    return [FilePrompt(object_name(v), label=v, mask=labels == v) for v in values]


def _read_json(path: Path, image_size: tuple[int, int]) -> list[FilePrompt]:
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SourceError(f'{path} is no valid JSON: {error}') from error
    entries = content.get('objects') if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries:
        raise SourceError(
            f'{path} must hold {{"objects": [...]}} with at least one object in the list'
        )
    if len(entries) > MAX_LABEL:
        raise SourceError(f'{path} lists {len(entries)} objects; at most {MAX_LABEL} are possible')
    prompts: list[FilePrompt] = []
    for index, entry in enumerate(entries):
        try:
            prompt = _parse_entry(entry, index + 1, image_size)
            if any(prompt.object_id == other.object_id for other in prompts):
                raise ValueError(f"object_id '{prompt.object_id}' occurs twice")
        except ValueError as error:
            raise SourceError(f'{path}, objects[{index}]: {error}') from error
        prompts.append(prompt)
    return prompts


def _parse_entry(entry: Any, label: int, image_size: tuple[int, int]) -> FilePrompt:
    if not isinstance(entry, dict):
        raise ValueError(f'expected an object with the keys {sorted(_KEYS)}, got {entry!r}')
    if unknown := sorted(set(entry) - _KEYS):
        raise ValueError(f'unknown key {unknown[0]!r}; known are {sorted(_KEYS)}')
    object_id, class_name = entry.get('object_id'), entry.get('class_name', '')
    if not isinstance(object_id, str) or not object_id:
        raise ValueError(f'object_id must be a non-empty string, got {object_id!r}')
    if not isinstance(class_name, str):
        raise ValueError(f'class_name must be a string, got {class_name!r}')
    points, labels = _parse_points(entry, image_size)
    box = _parse_box(entry['box'], image_size) if 'box' in entry else None
    if points is None and box is None:
        raise ValueError('needs points or a box')
    return FilePrompt(object_id, label, class_name, points, labels, box)


def _parse_points(
    entry: dict[str, Any], image_size: tuple[int, int]
) -> tuple[np.ndarray | None, np.ndarray | None]:
    if 'points' not in entry:
        if 'labels' in entry:
            raise ValueError('labels are given without points')
        return None, None
    points = entry['points']
    if not isinstance(points, list) or not points:
        raise ValueError(f'points must be a list of at least one [x, y], got {points!r}')
    height, width = image_size
    for point in points:
        x, y = _numbers(point, 2, 'a point must be [x, y]')
        if not (0 <= x <= width and 0 <= y <= height):
            raise ValueError(f'point {point} lies outside the {width}x{height} image')
    labels = entry.get('labels', [1] * len(points))
    if not isinstance(labels, list) or any(value not in (0, 1) for value in labels):
        raise ValueError(f'labels must be a list of 1 (object) and 0 (not), got {labels!r}')
    if len(labels) != len(points):
        raise ValueError(f'{len(points)} points have {len(labels)} labels; give one per point')
    if not any(labels) and 'box' not in entry:
        raise ValueError('no point is labelled 1, so nothing says where the object is')
    return np.array(points, np.float32), np.array(labels, np.int32)


def _parse_box(box: Any, image_size: tuple[int, int]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = _numbers(box, 4, 'a box must be [x0, y0, x1, y1]')
    height, width = image_size
    if x0 >= x1 or y0 >= y1:
        raise ValueError(f'box {box} is empty: x0 < x1 and y0 < y1 must hold')
    if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
        raise ValueError(f'box {box} reaches outside the {width}x{height} image')
    return x0, y0, x1, y1


def _numbers(values: Any, count: int, expectation: str) -> list[float]:
    def is_number(value: Any) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    if not isinstance(values, list) or len(values) != count or not all(map(is_number, values)):
        raise ValueError(f'{expectation}, got {values!r}')
    return [float(value) for value in values]
