# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How cameras and composed tools move: nearly still at video rate up to jumps of sparse frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from surgsam2_ros.synthesis.trajectories import value_at, withdrawal


@dataclass(frozen=True, eq=False)
class ToolPath:
    """Where a tool is; arrays of length T, positions in picture sides.

    Attributes:
        tip: float [T, 2].
        angle: float [T], direction from the shaft to the tip in radians.
        scale: float [T].
    """

    tip: np.ndarray
    angle: np.ndarray
    scale: np.ndarray

    def matrix(self, frame: float, anchor: tuple[float, float]) -> np.ndarray:
        """Affine 3x3 from a tool's picture, whose tip is `anchor`, to the scene."""
        return similarity(
            value_at(self.tip, frame),
            float(value_at(self.angle, frame)),
            float(value_at(self.scale, frame)),
            np.asarray(anchor, float),
        )


def similarity(to: np.ndarray, angle: float, scale: float, anchor: np.ndarray) -> np.ndarray:
    """Affine 3x3 that turns and scales about `anchor` and brings it `to` a point."""
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    turn = np.array([[cos, -sin], [sin, cos]])
    matrix = np.eye(3)
    matrix[:2, :2], matrix[:2, 2] = turn, to - turn @ anchor
    return matrix


def random_pace(rng: np.random.Generator) -> float:
    """Draw the distance moved from frame to frame, in sides of the picture."""
    ranges = ((0.0004, 0.003), (0.003, 0.02), (0.02, 0.06), (0.06, 0.22))
    low, high = ranges[rng.choice(4, p=[0.15, 0.35, 0.3, 0.2])]
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def walk(rng: np.random.Generator, frames: int, pace: float) -> np.ndarray:
    """Move with a speed that changes slowly: float [T], 0 at the start, about `pace` a frame."""
    speeds = np.empty(frames)
    speed, inertia = rng.normal(0, pace), rng.uniform(0.6, 0.95)
    for frame in range(frames):
        speeds[frame] = speed
        speed = inertia * speed + np.sqrt(1 - inertia**2) * rng.normal(0, pace)
    return np.cumsum(speeds) - speeds[0]


def within(low: float, high: float, start: float, moved: np.ndarray) -> np.ndarray:
    """Turn around smoothly at two ends: float [T] in [low, high]; `start` is a share 0..1."""
    phase = np.arccos(1 - 2 * start) / np.pi + moved / max(high - low, 1e-6)
    return low + (high - low) * (0.5 - 0.5 * np.cos(np.pi * phase))


def inserted_path(
    rng: np.random.Generator, frames: int, shape: tuple[float, float], pace: float
) -> ToolPath:
    """Let a tool turn about the point where it comes in, outside the picture.

    Args:
        rng: source of all randomness.
        frames: T.
        shape: (height, width) of the scene in pixels.
        pace: of the tip, in sides a frame.
    """
    height, width = shape
    side = np.sqrt(height * width)
    where = rng.uniform(0, 2 * np.pi)
    far = rng.uniform(0.75, 1.8)
    entry = np.array([width * (0.5 + far * np.cos(where)), height * (0.5 + far * np.sin(where))])
    tip = np.stack(
        [
            within(0.1 * span, 0.9 * span, rng.random(), walk(rng, frames, pace * side))
            for span in (width, height)
        ],
        axis=1,
    )
    drift = np.stack([walk(rng, frames, pace * side * 0.1) for _ in 'xy'], axis=1)
    return _about(rng, frames, tip, entry + np.clip(drift, -0.1 * side, 0.1 * side), pace)


def crossing_paths(
    rng: np.random.Generator, frames: int, shape: tuple[float, float], pace: float
) -> tuple[ToolPath, ToolPath]:
    """Let two tools that come from different sides change places, one passing over the other."""
    height, width = shape
    side = np.sqrt(height * width)
    middle = np.array([width, height]) * rng.uniform(0.35, 0.65, 2)
    where = rng.uniform(0, 2 * np.pi)
    apart = rng.uniform(0.12, 0.35) * side
    phase = within(-1, 1, rng.random(), walk(rng, frames, max(pace, 0.02) * side / apart))
    paths = []
    for sign in (1, -1):
        direction = where + np.pi / 2 + sign * rng.uniform(0.2, 1.4)
        across = np.array([np.cos(where), np.sin(where)])
        tip = middle + sign * apart * phase[:, None] * across + rng.normal(0, 0.04, 2) * side
        far = rng.uniform(0.9, 1.6) * side
        entry = middle + far * np.array([np.cos(direction), np.sin(direction)])
        paths.append(_about(rng, frames, tip, np.broadcast_to(entry, tip.shape), pace))
    return paths[0], paths[1]


def _about(
    rng: np.random.Generator, frames: int, tip: np.ndarray, entry: np.ndarray, pace: float
) -> ToolPath:
    away = tip - entry
    scale = np.exp(np.clip(walk(rng, frames, 0.4 * min(pace, 0.08)), -0.35, 0.35))
    return ToolPath(tip, np.unwrap(np.arctan2(away[:, 1], away[:, 0])), scale)


def free_path(
    rng: np.random.Generator, frames: int, shape: tuple[float, float], pace: float
) -> ToolPath:
    """Let a tool without a shaft drift and turn as it likes."""
    side = np.sqrt(shape[0] * shape[1])
    tip = np.stack(
        [
            within(0.05 * span, 0.95 * span, rng.random(), walk(rng, frames, pace * side))
            for span in (shape[1], shape[0])
        ],
        axis=1,
    )
    angle = rng.uniform(0, 2 * np.pi) + walk(rng, frames, min(2 * pace, 0.35))
    scale = np.exp(np.clip(walk(rng, frames, 0.5 * min(pace, 0.08)), -0.4, 0.4))
    return ToolPath(tip, angle, scale)


def leaving(rng: np.random.Generator, path: ToolPath, shape: tuple[float, float]) -> ToolPath:
    """Draw a tool back out of the picture for a while after the first frame; it may return."""
    frames = len(path.angle)
    start = rng.uniform(1, max(frames - 1, 1.5))
    away = withdrawal(
        frames, start, start + rng.uniform(0.5, 0.7 * frames + 1), rng.uniform(0.4, 2.5)
    )
    back = np.stack([np.cos(path.angle), np.sin(path.angle)], axis=1)
    return ToolPath(
        path.tip - 1.25 * np.hypot(*shape) * away[:, None] * back, path.angle, path.scale
    )


@dataclass(frozen=True, eq=False)
class CameraMotion:
    """How the view changes from the first frame; arrays of length T.

    Attributes:
        shift: float [T, 2], in pixels.
        roll: float [T], radians.
        zoom: float [T].
    """

    shift: np.ndarray
    roll: np.ndarray
    zoom: np.ndarray

    def matrix(self, frame: float, shape: tuple[float, float], share: float = 1.0) -> np.ndarray:
        """Affine 3x3 that moves the scene in the picture; things nearer move by another share."""
        middle = np.array([shape[1], shape[0]]) / 2
        return similarity(
            middle + share * value_at(self.shift, frame),
            float(value_at(self.roll, frame)),
            float(value_at(self.zoom, frame)) ** share,
            middle,
        )


def rolling_shutter(
    camera: CameraMotion, frame: float, shape: tuple[float, float], share: float
) -> np.ndarray:
    """Affine 3x3 that leans a scene whose lower rows are read later, while the camera moves.

    Args:
        camera: motion of the view.
        frame: time.
        shape: (height, width) of the scene.
        share: of the time between two frames that reading a picture takes.
    """
    speed = value_at(camera.shift, frame + 0.5) - value_at(camera.shift, frame - 0.5)
    leaning = np.eye(3)
    leaning[:2, 1] += np.clip(share * speed / shape[0], -0.3, 0.3)
    leaning[:2, 2] -= leaning[:2, 1] * shape[0] / 2 - [0, shape[0] / 2]
    return leaning


def random_camera(
    rng: np.random.Generator, frames: int, shape: tuple[float, float], *, moving: bool
) -> CameraMotion:
    """Draw a camera that rests in a hand or on an arm, or is led about."""
    side = np.sqrt(shape[0] * shape[1])
    pace = random_pace(rng) * 0.6 if moving else 0.0005
    shift = [within(-0.22 * side, 0.22 * side, 0.5, walk(rng, frames, pace * side)) for _ in 'xy']
    return CameraMotion(
        shift=np.stack(shift, axis=1),
        roll=np.clip(walk(rng, frames, min(pace, 0.06)), -0.6, 0.6),
        zoom=np.exp(np.clip(walk(rng, frames, 0.5 * min(pace, 0.08)), -0.25, 0.4)),
    )
