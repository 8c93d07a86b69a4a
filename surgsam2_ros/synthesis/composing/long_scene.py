# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A long composed scene: two photographed instruments work over photographed tissue.

What happens is planned; the seed decides how hands tremble, tissue breathes and the camera drifts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from surgsam2_ros.synthesis.breathing import Breathing
from surgsam2_ros.synthesis.composing.cutouts import StraightTool
from surgsam2_ros.synthesis.composing.paths import CameraMotion, ToolPath, similarity
from surgsam2_ros.synthesis.composing.scene import Body, ComposedScene, Ground
from surgsam2_ros.synthesis.composing.tools import continued
from surgsam2_ros.synthesis.noise import GRAIN_OFFSETS
from surgsam2_ros.synthesis.optics import Optics, disc_view, lamp_falloff
from surgsam2_ros.synthesis.trajectories import minimum_jerk, wander
from surgsam2_ros.synthesis.truth import (
    ObjectTruth,
    cut_to_picture,
    holds,
    rounded,
    rounded_axis,
)

UNIT = 640  # sizes of the scene are given for a picture that is so wide

# (share of the time, x, y) of the tips, x in widths and y in heights of the picture.
_AT_WORK = (
    (0.00, 0.62, 0.58), (0.10, 0.52, 0.63), (0.19, 0.48, 0.67), (0.28, 0.54, 0.63),
    (0.37, 0.45, 0.61), (0.52, 0.50, 0.69), (0.61, 0.56, 0.66), (0.71, 0.48, 0.59),
    (0.81, 0.43, 0.66), (0.91, 0.51, 0.69), (1.00, 0.47, 0.64),
)  # fmt: skip
_CROSSES_LEAVES_RETURNS = (
    (0.00, 0.40, 0.53), (0.10, 0.34, 0.61), (0.21, 0.39, 0.63), (0.31, 0.37, 0.55),
    (0.44, 0.66, 0.67), (0.49, 0.62, 0.62), (0.57, 0.38, 0.52), (0.70, -0.14, 0.32),
    (0.76, -0.14, 0.32), (0.88, 0.36, 0.58), (0.94, 0.40, 0.64), (1.00, 0.37, 0.60),
)  # fmt: skip
_PLANS = (_AT_WORK, _CROSSES_LEAVES_RETURNS)
_ENTRIES = ((1.55, 0.60), (-0.55, 0.16))  # where the instruments turn about, far outside


@dataclass(frozen=True, eq=False)
class InstrumentPicture:
    """The end of an instrument, cut out and turned so that its shaft runs along the x axis.

    Attributes:
        rgba: uint8 [h, w, 4], not premultiplied; the tip on the right, the shaft cut on the left.
        kind: name of its class.
        shaft_end: column at which the shaft ends and the jaws begin.
    """

    rgba: np.ndarray
    kind: str
    shaft_end: int


class LongScene:
    """A composed scene as a sequence of frames with exact truth, each made when it is read.

    Attributes:
        shape: (height, width) of the pictures.
        rate_hz: intended frame rate.
        class_names: kind of each instrument, by label.
    """

    def __init__(
        self,
        scene: ComposedScene,
        shaft_ends: Sequence[tuple[float, float]],
        class_names: dict[int, str],
        rate_hz: float,
    ):
        self.shape, self.rate_hz, self.class_names = scene.picture, rate_hz, class_names
        self._scene, self._shaft_ends = scene, shaft_ends

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._scene.optics.exposure)

    def __getitem__(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Compose a frame: picture uint8 [H, W, 3] RGB and labels uint8 [H, W]."""
        if not 0 <= frame < len(self):
            raise IndexError(f'frame {frame} is not in 0..{len(self) - 1}')
        labels, light = self._scene.labels_and_light(frame)
        return self._scene.optics.expose(light, frame), labels

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Compose one frame after the other."""
        return (self[frame] for frame in range(len(self)))

    def objects(self, frame: int, labels: np.ndarray) -> tuple[ObjectTruth, ...]:
        """Tell what is where in a frame, without the axes of jaws, which nobody measured.

        Args:
            frame: index.
            labels: uint8 [H, W], the label image `scene[frame][1]`.
        """
        return tuple(
            self._object(body, shaft_end, frame, labels)
            for body, shaft_end in zip(self._scene.bodies, self._shaft_ends, strict=True)
        )

    def _object(
        self, body: Body, shaft_end: tuple[float, float], frame: int, labels: np.ndarray
    ) -> ObjectTruth:
        matrix = self._scene.body_matrix(body, frame)[:2]
        cut = (0.0, shaft_end[1])
        points = np.array([body.tip, cut, shaft_end]) @ matrix[:, :2].T + matrix[:, 2]
        tip, near, far = (tuple(point.tolist()) for point in points)
        area = int((labels == body.label).sum())
        return ObjectTruth(
            label=body.label,
            kind=self.class_names[body.label],
            visible=area > 0,
            area=area,
            tip=rounded(tip),
            tip_visible=holds(labels, tip, body.label),
            shaft=rounded_axis(cut_to_picture(near, far, self.shape)),
            jaws=(),
        )


def compose_scene(
    seed: int,
    frames: int,
    size: tuple[int, int],
    tissue: np.ndarray,
    instruments: Sequence[InstrumentPicture],
    rate_hz: float = 30.0,
) -> LongScene:
    """Compose a scene in which two instruments work and cross, and one leaves and returns.

    The same course of events fills any number of frames. Both show their jaws, joint and a piece of
    shaft in the first frame, so that a prompt there says what belongs to them.

    Args:
        seed: equal seeds and equal pictures give equal scenes.
        frames: length.
        size: (height, width) of the pictures.
        tissue: uint8 [h, w, 3] RGB, what the camera looks at.
        instruments: two: the one that stays, from the right, and the one that leaves, from the
            left.
        rate_hz: frames a second; the tissue breathes and the camera drifts by it.

    Raises:
        ValueError: when there are not two instruments, or frames, size or rate are impossible.
    """
    if len(instruments) != len(_PLANS):
        raise ValueError(f'{len(instruments)} instruments are given; a composed scene has two')
    if frames < 1 or min(size) < 64 or not rate_hz > 0:
        raise ValueError(
            f'{frames} frames of {size[0]}x{size[1]} at {rate_hz} Hz are impossible; give at least '
            '1 frame of 64x64 and a rate above 0'
        )
    rng = np.random.default_rng([seed, 1])
    unit = size[1] / UNIT
    pace = 30.0 / rate_hz  # of what goes by the clock, against 30 frames a second
    ground = _ground(rng, frames, size, tissue, rate_hz)
    bodies, shaft_ends = [], []
    for label, (picture, plan, entry) in enumerate(
        zip(instruments, _PLANS, _ENTRIES, strict=True), start=1
    ):
        body, shaft_end = _instrument(rng, picture, unit, 1.6 * float(np.hypot(*size)), tissue)
        path = _path(rng, frames, size, plan, entry, pace)
        bodies.append(Body(*body, path, label, np.ones(frames)))
        shaft_ends.append(shaft_end)
    scene = ComposedScene(
        picture=size,
        shape=size,
        camera=_hand_held(rng, frames, unit, pace),
        parallax=0.5,
        ground=ground,
        bodies=bodies,
        shadow=(0.45, 5 * unit, 16 * unit, 11 * unit),
        optics=_endoscope(rng, frames, size, pace),
        rolling=0.0,
        shutter=0.35,
        glints=None,
    )
    names = {label: picture.kind for label, picture in enumerate(instruments, start=1)}
    return LongScene(scene, shaft_ends, names, rate_hz)


def _ground(
    rng: np.random.Generator,
    frames: int,
    size: tuple[int, int],
    tissue: np.ndarray,
    rate_hz: float,
) -> Ground:
    """Lay the tissue so that the camera may drift, and let it breathe."""
    height, width = tissue.shape[:2]
    scale = 1.1 * max(size[0] / height, size[1] / width)
    if scale < 0.8:  # remapping does not average; the picture is made small before
        small = (round(width * scale), round(height * scale))
        tissue = cv2.resize(tissue, small, interpolation=cv2.INTER_AREA)
        (height, width), scale = tissue.shape[:2], 1.0
    field = rng.normal(0, 0.7, (4, 4, 2))
    field[..., 1] += 1  # the diaphragm moves all of it up and down
    field = cv2.resize(field.astype(np.float32), (33, 33), interpolation=cv2.INTER_CUBIC)
    seconds = np.arange(frames) / rate_hz
    breath = np.sin(2 * np.pi * (seconds / 3.6 + rng.random()))
    pulse = np.sin(2 * np.pi * (seconds / 0.85 + rng.random()))
    depth = (3.2 * breath + 0.5 * pulse) * size[1] / UNIT / scale
    middle = np.array([size[1], size[0]]) / 2
    matrix = similarity(middle, 0.0, scale, np.array([width, height]) / 2)
    return Ground(tissue, None, matrix, Breathing(field, depth))


def _instrument(
    rng: np.random.Generator,
    picture: InstrumentPicture,
    unit: float,
    reach: float,
    tissue: np.ndarray,
) -> tuple[tuple[np.ndarray, tuple[float, float]], tuple[float, float]]:
    """Bring an instrument to its size and light and lengthen its shaft.

    Returns:
        premultiplied pixels and tip, and the end of the shaft, as points (x, y) of the pixels.
    """
    scale = 0.7 * unit
    size = tuple(max(8, round(side * scale)) for side in picture.rgba.shape[1::-1])
    alpha = picture.rgba[..., 3:].astype(np.float32) / 255
    shrunk = cv2.resize(
        np.dstack([picture.rgba[..., :3] * alpha, alpha]), size, interpolation=cv2.INTER_AREA
    )
    rgb = shrunk[..., :3] / np.maximum(shrunk[..., 3:], 1e-3)
    warm = tissue.reshape(-1, 3).mean(axis=0) / tissue.mean()
    rgb = np.clip(rgb * (0.9 - 0.12 + 0.12 * warm), 0, 255).astype(np.uint8)
    alpha = np.round(255 * shrunk[..., 3]).astype(np.uint8)
    left = np.flatnonzero(alpha[:, 2] > 127)
    axis = float(left.mean())
    tool = continued(rng, StraightTool(rgb, alpha, axis, float(len(left)), True), reach)
    seen = np.flatnonzero((tool.alpha > 127).any(axis=0))
    tip = (float(seen[-1]), float(np.flatnonzero(tool.alpha[:, seen[-1]] > 127).mean()))
    shaft_end = (tool.rgb.shape[1] - size[0] + picture.shaft_end * scale, axis)
    opacity = tool.alpha[..., None].astype(np.float32) / 255
    pixels = np.dstack([np.round(tool.rgb * opacity).astype(np.uint8), tool.alpha])
    return (pixels, tip), shaft_end


def _path(
    rng: np.random.Generator,
    frames: int,
    size: tuple[int, int],
    plan: Sequence[tuple[float, float, float]],
    entry: tuple[float, float],
    pace: float,
) -> ToolPath:
    """Move a tip as planned, with the tremor of a hand, about the trocar."""
    whole = np.array([size[1], size[0]])
    times, *places = np.array(plan).T
    tremor = [wander(rng, frames, 0.004, 1.5 * pace) for _ in 'xy']
    tip = np.stack([minimum_jerk(frames, times * max(frames - 1, 1), p) for p in places], axis=1)
    tip = (tip + np.stack(tremor, axis=1)) * whole
    away = tip - np.array(entry) * whole
    angle = np.unwrap(np.arctan2(away[:, 1], away[:, 0]))
    return ToolPath(tip, angle, np.exp(wander(rng, frames, 0.025, 0.6 * pace)))


def _hand_held(rng: np.random.Generator, frames: int, unit: float, pace: float) -> CameraMotion:
    shift = [wander(rng, frames, 7 * unit, 0.5 * pace) for _ in 'xy']
    return CameraMotion(
        shift=np.stack(shift, axis=1),
        roll=wander(rng, frames, 0.008, 0.5 * pace),
        zoom=np.exp(wander(rng, frames, 0.012, 0.5 * pace)),
    )


def _endoscope(rng: np.random.Generator, frames: int, size: tuple[int, int], pace: float) -> Optics:
    """Look through a round view that the picture cuts above and below."""
    height, width = size
    unit, middle = width / UNIT, (width / 2, height / 2)
    window = disc_view(size, middle, min(0.48 * width, 0.6 * height))
    return Optics(
        falloff=window * lamp_falloff(size, (middle[0], 0.46 * height), 0.42 * width, floor=0.55),
        view=window >= 0.5,
        exposure=1.1 + wander(rng, frames, 0.012, pace),
        white_balance=np.ones(3, np.float32),
        saturation=1.0,
        tone=np.arange(256, dtype=np.uint8),
        blur=0.5 * unit,
        shake=np.zeros((frames, 2)),
        grain=1.5,
        grain_softness=0.6,
        grain_offsets=rng.integers(0, GRAIN_OFFSETS, (frames, 2)),
    )
