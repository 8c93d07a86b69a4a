# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is known exactly about each object of a rendered frame, beside its mask."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from surgsam2_ros.synthesis.instruments import Instrument
from surgsam2_ros.synthesis.scene import Scene
from surgsam2_ros.synthesis.sprites import Placement, Sprite

Point = tuple[float, float]


@dataclass(frozen=True)
class ObjectTruth:
    """One object in one frame. Points are (x, y) in pixels, whose centres are whole numbers.

    Axes and tip are those of the whole instrument: they may lie outside the picture or behind
    something else. With interlacing they belong to the even rows.

    Attributes:
        label: value in the label image, 1..254.
        kind: kind of instrument, 'object' for anything else.
        visible: whether the label image shows any of it.
        area: its pixels in the label image.
        tip: the point of the jaws farthest from their pivot, the middle between the two of a pair;
            without jaws, the end of the tube. None for what is no instrument.
        tip_visible: whether the object's mask holds one of the tips, to the pixel beside it.
        shaft: axis of the shaft, the point where it enters the picture or last was inside first
            and its far end second; None for what is no instrument.
        jaws: axis of each jaw from the common pivot to its tip; none for suction.
    """

    label: int
    kind: str
    visible: bool
    area: int
    tip: Point | None
    tip_visible: bool
    shaft: tuple[Point, Point] | None
    jaws: tuple[tuple[Point, Point], ...]

    def as_dict(self) -> dict[str, object]:
        """Return the fields for JSON."""
        return asdict(self)


def frame_truth(scene: Scene, frame: int, labels: np.ndarray) -> tuple[ObjectTruth, ...]:
    """Tell what is where in a frame.

    Args:
        scene: that shows it.
        frame: index.
        labels: uint8 [H, W], the label image `scene[frame][1]`.

    Returns:
        one entry for each labelled body, by rising label.
    """
    areas = np.bincount(labels.ravel(), minlength=256)
    bodies = sorted((body for body in scene.bodies if body.label), key=lambda body: body.label)
    return tuple(
        _object_truth(scene, body, frame, labels, int(areas[body.label])) for body in bodies
    )


def _object_truth(
    scene: Scene, body: object, frame: int, labels: np.ndarray, area: int
) -> ObjectTruth:
    if not isinstance(body, Instrument):
        return ObjectTruth(body.label, 'object', area > 0, area, None, False, None, ())
    parts = [scene.camera.seen(part, frame, scene.shape) for part in body.placements(frame)]
    shaft, *jaws, wrist = parts
    jaw_axes = tuple(((jaw.x, jaw.y), in_picture(jaw, farthest_point(jaw.sprite))) for jaw in jaws)
    if jaw_axes:
        tips = [tip for _, tip in jaw_axes]
        tip = tuple(np.mean(tips, axis=0).tolist())
    else:
        tip = in_picture(wrist, farthest_point(wrist.sprite))
        tips = [tip]
    return ObjectTruth(
        label=body.label,
        kind=body.design.kind,
        visible=area > 0,
        area=area,
        tip=rounded(tip),
        tip_visible=any(holds(labels, point, body.label) for point in tips),
        shaft=rounded_axis(_shaft_axis(shaft, scene.shape)),
        jaws=tuple(rounded_axis(axis) for axis in jaw_axes),
    )


def farthest_point(sprite: Sprite) -> Point:
    """Find the opaque point of a sprite farthest from its anchor: (x, y) from there, unscaled."""
    rows, columns = np.nonzero(sprite.pixels[..., 3] > 0.5)
    away = np.stack([columns - sprite.anchor[0], rows - sprite.anchor[1]], axis=1)
    x, y = away[np.argmax((away**2).sum(axis=1))] / sprite.resolution
    return float(x), float(y)


def in_picture(part: Placement, point: Point) -> Point:
    """Map a point of a part, relative to its anchor, to where the part is placed."""
    cos, sin = part.scale * np.cos(part.angle), part.scale * np.sin(part.angle)
    x, y = point
    return float(part.x + cos * x - sin * y), float(part.y + sin * x + cos * y)


def _shaft_axis(shaft: Placement, shape: tuple[int, int]) -> tuple[Point, Point]:
    """Cut the shaft's axis to the picture, from the border it comes through to its far end."""
    near = in_picture(shaft, (-shaft.sprite.anchor[0] / shaft.sprite.resolution, 0.0))
    return cut_to_picture(near, (shaft.x, shaft.y), shape)


def cut_to_picture(near: Point, far: Point, shape: tuple[int, int]) -> tuple[Point, Point]:
    """Cut an axis to a picture of (height, width): where it enters it, or `near`, and `far`."""
    near, far = np.array(near, float), np.array(far, float)
    way = far - near
    enters = 0.0
    for axis, limit in ((0, shape[1] - 1), (1, shape[0] - 1)):
        if way[axis] and not 0 <= near[axis] <= limit:
            border = 0.0 if near[axis] < 0 else limit
            crossing = (border - near[axis]) / way[axis]
            if 0 < crossing < 1:
                enters = max(enters, crossing)
    return tuple((near + enters * way).tolist()), tuple(far.tolist())


def holds(labels: np.ndarray, point: Point, label: int) -> bool:
    """Whether a label lies at a point or in a pixel beside it."""
    x, y = (round(value) for value in point)
    if not (-1 <= x <= labels.shape[1] and -1 <= y <= labels.shape[0]):
        return False
    around = labels[max(y - 1, 0) : max(y + 2, 0), max(x - 1, 0) : max(x + 2, 0)]
    return bool((around == label).any())


def rounded(point: Point) -> Point:
    """Round to hundredths of a pixel."""
    return round(float(point[0]), 2), round(float(point[1]), 2)


def rounded_axis(axis: tuple[Point, Point]) -> tuple[Point, Point]:
    """Round both ends to hundredths of a pixel."""
    return rounded(axis[0]), rounded(axis[1])
