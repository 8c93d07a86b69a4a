# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Ground, tools and covers in independent motion, composed frame by frame with exact labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from surgsam2_ros.synthesis.breathing import Breathing
from surgsam2_ros.synthesis.composing.layers import lay_over
from surgsam2_ros.synthesis.composing.paths import CameraMotion, ToolPath, rolling_shutter
from surgsam2_ros.synthesis.glints import Glints
from surgsam2_ros.synthesis.optics import Optics
from surgsam2_ros.synthesis.trajectories import value_at

_SMEAR = 14.0  # pixels of motion blur at most


@dataclass(frozen=True, eq=False)
class Ground:
    """A picture that lies behind everything, with the labels of what it shows.

    Attributes:
        rgb: uint8 [h, w, 3].
        labels: uint8 [h, w], or None where it shows nothing to track.
        matrix: affine 3x3 from it to the scene in the first frame.
        breathing: motion in itself, in its own pixels, or None.
    """

    rgb: np.ndarray
    labels: np.ndarray | None
    matrix: np.ndarray
    breathing: Breathing | None


@dataclass(frozen=True, eq=False)
class Body:
    """A tool, or a piece of tissue, before the ground.

    Attributes:
        pixels: uint8 [h, w, 4], RGB premultiplied by alpha, and alpha.
        tip: (x, y) of the point that follows the path.
        path: of T frames.
        label: 0 for what is not to be tracked.
        gains: float [T], brightness in each frame.
        other: its pixels in another light, of equal alpha, or None.
        mix: float [T], share of the other light in each frame.
    """

    pixels: np.ndarray
    tip: tuple[float, float]
    path: ToolPath
    label: int
    gains: np.ndarray
    other: np.ndarray | None = None
    mix: np.ndarray | None = None

    def looks(self, frame: float) -> np.ndarray:
        """Return its pixels in the light of a frame, uint8 [h, w, 4]."""
        if self.other is None:
            return self.pixels
        share = float(value_at(self.mix, frame))
        return cv2.addWeighted(self.pixels, 1 - share, self.other, share, 0)


@dataclass(frozen=True, eq=False)
class ComposedScene:
    """All that a clip shows; frames may be composed in any order.

    Attributes:
        picture: (height, width) of the pictures in pixels.
        shape: (height, width) of the scene, which is squeezed into a picture.
        camera: motion of the view.
        parallax: share of the view's motion that bodies follow.
        ground: what lies behind.
        bodies: from far to near.
        shadow: (strength, x, y, softness) that bodies cast, see `lay_over`, or None.
        optics: lamp, lens, sensor and coding.
        rolling, shutter: shares of the time between two frames in which a picture is read, row by
            row, and in which a row is exposed.
        glints: reflexes on the ground, or None.
    """

    picture: tuple[int, int]
    shape: tuple[float, float]
    camera: CameraMotion
    parallax: float
    ground: Ground
    bodies: Sequence[Body]
    shadow: tuple[float, float, float, float] | None
    optics: Optics
    rolling: float
    shutter: float
    glints: Glints | None

    def labels_and_light(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Compose a frame: labels uint8 [H, W] and what reaches the lens, float32 [H, W, 3]."""
        labels, image = self._compose(frame)
        if self.optics.field_delay:
            older = self._compose(max(0.0, frame - self.optics.field_delay))
            labels[1::2], image[1::2] = older[0][1::2], older[1][1::2]
        if self.optics.view is not None:
            labels[~self.optics.view] = 0
        return labels, image

    def _compose(self, frame: float) -> tuple[np.ndarray, np.ndarray]:
        height, width = self.picture
        squeeze = np.diag([width / self.shape[1], height / self.shape[0], 1.0])
        if self.rolling:
            squeeze = squeeze @ rolling_shutter(self.camera, frame, self.shape, self.rolling)
        labels, image = self._see_ground(
            squeeze @ self.camera.matrix(frame, self.shape) @ self.ground.matrix, frame
        )
        if self.glints is not None:
            self.glints.add(image, value_at(self.camera.shift, frame))
        for body in self.bodies:
            matrix = (squeeze @ self.body_matrix(body, frame))[:2]
            moved = value_at(body.path.tip, frame + 0.5) - value_at(body.path.tip, frame - 0.5)
            smear = np.clip(self.shutter * moved * np.diag(squeeze)[:2], -_SMEAR, _SMEAR)
            pixels, gain = body.looks(frame), float(body.gains[int(frame)])
            lay_over(image, labels, pixels, matrix, body.label, self.shadow, gain, tuple(smear))
        return labels, image

    def body_matrix(self, body: Body, frame: float) -> np.ndarray:
        """Affine 3x3 from the pixels of a body to the scene as the camera sees it."""
        near = self.camera.matrix(frame, self.shape, self.parallax)
        return near @ body.path.matrix(frame, body.tip)

    def _see_ground(self, matrix: np.ndarray, frame: float) -> tuple[np.ndarray, np.ndarray]:
        ground, (height, width) = self.ground, self.picture
        back = np.linalg.inv(matrix)[:2]
        x = np.arange(width, dtype=np.float32)
        y = np.arange(height, dtype=np.float32)[:, None]
        places = np.empty((height, width, 2), np.float32)
        for axis in range(2):
            a, b, c = back[axis].astype(np.float32)
            places[..., axis] = a * x + b * y + c
        if ground.breathing is not None:
            side = max(ground.rgb.shape[:2])
            places -= ground.breathing.shift(frame, back, (height, width), side)
        border = cv2.BORDER_REFLECT_101 if ground.labels is None else cv2.BORDER_CONSTANT
        image = cv2.remap(ground.rgb, places, None, cv2.INTER_LINEAR, borderMode=border)
        labels = np.zeros((height, width), np.uint8)
        if ground.labels is not None:
            labels = cv2.remap(ground.labels, places, None, cv2.INTER_NEAREST, borderMode=border)
        return labels, image.astype(np.float32)
