# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A scene: background, objects in depth order and a camera, rendered to pictures and truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from surgsam2_ros.synthesis.breathing import Breathing
from surgsam2_ros.synthesis.glints import Glints
from surgsam2_ros.synthesis.optics import Optics
from surgsam2_ros.synthesis.sprites import Placement, blend_over, place, spread
from surgsam2_ros.synthesis.trajectories import value_at


class Body(Protocol):
    """Anything that is drawn in front of the background."""

    label: int
    casts_shadow: bool
    lies_on_ground: bool

    def placements(self, frame: float) -> Iterator[Placement]:
        """Yield the parts in painting order; times between frames count too."""

    def gain(self, frame: float) -> float:
        """Brightness in a frame."""


@dataclass(frozen=True, eq=False)
class CameraPath:
    """Where the camera looks; arrays of length T.

    Attributes:
        offset: float [T, 2], background pixels (x, y) from the background's middle to the point
            in the middle of the picture.
        roll: float [T], radians.
        zoom: float [T].
        parallax: how far objects shift for each pixel that the background shifts.
        turns_objects: whether objects follow roll and zoom from the first frame on.
    """

    offset: np.ndarray
    roll: np.ndarray
    zoom: np.ndarray
    parallax: float = 0.3
    turns_objects: bool = False

    def reach(self, shape: tuple[int, int]) -> int:
        """Side of the smallest square background that a picture of `shape` never looks past."""
        height, width = shape
        cos, sin = np.abs(np.cos(self.roll)), np.abs(np.sin(self.roll))
        across = (cos * width + sin * height) / self.zoom + 2 * np.abs(self.offset[:, 0])
        down = (cos * height + sin * width) / self.zoom + 2 * np.abs(self.offset[:, 1])
        return int(np.ceil(max(across.max(), down.max()))) + 2

    def background_map(
        self, frame: float, shape: tuple[int, int], background: tuple[int, int]
    ) -> np.ndarray:
        """Affine 2x3 from the pixels of a picture to those of a background, by their shapes."""
        roll, zoom = value_at(self.roll, frame), value_at(self.zoom, frame)
        offset = value_at(self.offset, frame)
        cos, sin = np.cos(roll) / zoom, np.sin(roll) / zoom
        x, y = shape[1] / 2, shape[0] / 2
        centre_x = background[1] / 2 + offset[0]
        centre_y = background[0] / 2 + offset[1]
        return np.array(
            [
                [cos, -sin, centre_x - cos * x + sin * y],
                [sin, cos, centre_y - sin * x - cos * y],
            ]
        )

    def seen(self, part: Placement, frame: float, shape: tuple[int, int]) -> Placement:
        """Move a part that floats before the background into the picture."""
        shift = -self.parallax * value_at(self.offset, frame)
        part = part._replace(x=part.x + shift[0], y=part.y + shift[1])
        if not self.turns_objects:
            return part
        zoom = float(value_at(self.zoom, frame) / self.zoom[0])
        return _turned(part, float(self.roll[0] - value_at(self.roll, frame)), zoom, shape)

    def seen_on_ground(self, part: Placement, frame: float, shape: tuple[int, int]) -> Placement:
        """Move a part that keeps its place on the background into the picture.

        It lies where the background's middle would be in the middle of the picture.
        """
        offset = value_at(self.offset, frame)
        part = part._replace(x=part.x - offset[0], y=part.y - offset[1])
        zoom = float(value_at(self.zoom, frame))
        return _turned(part, -float(value_at(self.roll, frame)), zoom, shape)


def _turned(part: Placement, roll: float, zoom: float, shape: tuple[int, int]) -> Placement:
    cos, sin = zoom * np.cos(roll), zoom * np.sin(roll)
    x, y = part.x - shape[1] / 2, part.y - shape[0] / 2
    return part._replace(
        x=shape[1] / 2 + cos * x - sin * y,
        y=shape[0] / 2 + sin * x + cos * y,
        angle=part.angle + roll,
        scale=part.scale * zoom,
    )


@dataclass(frozen=True, eq=False)
class Shadows:
    """Soft shadows that objects cast on what lies behind them.

    Attributes:
        strength: 0 for none, 1 for black.
        offset: (x, y) in pixels.
        softness: blur in pixels.
    """

    strength: float
    offset: tuple[float, float]
    softness: float


class Scene(Sequence):
    """A rendered clip; indexing renders one frame, so that long scenes need no memory.

    Frames are pure functions of their index: they may be rendered in any order and again.

    Args:
        background: float32 [N, M, 3] RGB 0..255, mirrored where the camera looks past it.
        bodies: from far to near. Labels are 1..254, or 0 for what is not to be tracked.
        camera: camera path of T frames.
        optics: camera and lamp of T frames.
        shape: (height, width) of the picture.
        frames: T.
        shadows: of bodies on what is behind them.
        rate_hz: intended frame rate.
        class_names: class of each labelled object, by label.
        breathing: motion of the background in itself, or None.
        glints: reflexes on the background, or None.
        kinds: names of what the scene shows (see `kinds.py`), for reports.
    """

    def __init__(
        self,
        background: np.ndarray,
        bodies: Sequence[Body],
        camera: CameraPath,
        optics: Optics,
        shape: tuple[int, int],
        frames: int,
        shadows: Shadows,
        rate_hz: float = 15.0,
        class_names: dict[int, str] | None = None,
        breathing: Breathing | None = None,
        glints: Glints | None = None,
        kinds: Sequence[str] = (),
    ) -> None:
        self.background = background
        self.bodies = tuple(bodies)
        self.camera = camera
        self.optics = optics
        self.shape = shape
        self.shadows = shadows
        self.rate_hz = rate_hz
        self.class_names = dict(class_names or {})
        self.breathing = breathing
        self.glints = glints
        self.kinds = tuple(kinds)
        self._frames = frames

    def __len__(self) -> int:
        """Return the number of frames."""
        return self._frames

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Render a frame.

        Returns:
            picture uint8 [H, W, 3] RGB and labels uint8 [H, W]; a pixel carries the label of the
            nearest body that covers more than half of it, 0 for none.

        Raises:
            IndexError: outside the clip.
        """
        if isinstance(index, slice):
            raise TypeError('a scene renders one frame at a time; index it with an integer')
        frame = range(self._frames)[index]
        image, labels = self._compose(frame)
        if self.optics.field_delay:
            older = self._compose(max(0.0, frame - self.optics.field_delay))
            image[1::2], labels[1::2] = older[0][1::2], older[1][1::2]
        if self.optics.view is not None:
            labels[~self.optics.view] = 0
        return self.optics.expose(image, frame), labels

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Render the frames in order."""
        return (self[index] for index in range(len(self)))

    def _compose(self, frame: float) -> tuple[np.ndarray, np.ndarray]:
        height, width = self.shape
        image = self._ground(frame)
        if self.glints is not None:
            self.glints.add(image, value_at(self.camera.offset, frame))
        labels = np.zeros(self.shape, np.uint8)
        layer = np.zeros((height, width, 4), np.float32)
        for body in self.bodies:
            box = None
            seen = self.camera.seen_on_ground if body.lies_on_ground else self.camera.seen
            for part in body.placements(frame):
                touched = place(layer, seen(part, frame, self.shape))
                if touched is not None:
                    box = touched if box is None else box.union(touched)
            if box is None:
                continue
            if self.shadows.strength and body.casts_shadow:
                image *= self._shade(layer[..., 3])
            piece = layer[box.slices]
            piece[..., :3] *= np.float32(body.gain(frame))
            blend_over(image[box.slices], piece)
            labels[box.slices][piece[..., 3] > 0.5] = body.label
            piece[...] = 0
        return image, labels

    def _ground(self, frame: float) -> np.ndarray:
        height, width = self.shape
        side = self.background.shape[:2]
        matrix = self.camera.background_map(frame, self.shape, side)
        if self.breathing is None:
            return cv2.warpAffine(
                self.background,
                matrix,
                (width, height),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REFLECT,
            )
        x, y = np.arange(width), np.arange(height)[:, None]
        places = -self.breathing.shift(frame, matrix, self.shape, side[0])  # where it came from
        places[..., 0] += (matrix[0, 0] * x + (matrix[0, 1] * y + matrix[0, 2])).astype(np.float32)
        places[..., 1] += (matrix[1, 0] * x + (matrix[1, 1] * y + matrix[1, 2])).astype(np.float32)
        return cv2.remap(
            self.background, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )

    def _shade(self, alpha: np.ndarray) -> np.ndarray:
        """Light left by the shadow of a layer, float32 [H, W, 3]; made at a quarter of the size."""
        height, width = alpha.shape
        small = (max(2, width // 4), max(2, height // 4))
        shadow = cv2.resize(alpha, small, interpolation=cv2.INTER_AREA)
        shift = np.float64([[1, 0, self.shadows.offset[0] / 4], [0, 1, self.shadows.offset[1] / 4]])
        shadow = cv2.warpAffine(shadow, shift, small)
        side = 2 * round(self.shadows.softness / 8) + 1  # odd, so that the shadow stays in place
        for _ in range(2):
            shadow = cv2.blur(shadow, (side, side))
        light = spread(1 - np.float32(self.shadows.strength) * shadow, 3)
        return cv2.resize(light, (width, height))
