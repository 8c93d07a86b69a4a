# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How instruments of a clip move: aimlessly, across each other, out of the picture and back."""

from __future__ import annotations

import numpy as np

from surgsam2_ros.synthesis.instruments import Motion
from surgsam2_ros.synthesis.trajectories import minimum_jerk, wander, withdrawal


def random_motion(
    rng: np.random.Generator, frames: int, size: int, *, leaves: bool = False
) -> Motion:
    """Wander about; where it `leaves`, go out of the picture some time and perhaps return."""
    unit = size / 256
    speed = np.exp(rng.normal(0.1, 0.5))
    side = rng.uniform(0, 2 * np.pi)
    radius = rng.uniform(165, 230) * unit
    centre = size / 2 + rng.normal(0, 25, 2) * unit
    entry = centre + radius * np.array([np.cos(side), np.sin(side)])
    sway = [wander(rng, frames, rng.uniform(0, 12) * unit) for _ in 'xy']
    sweep = rng.uniform(0.02, 0.3) if rng.random() < 0.75 else rng.uniform(0.3, 0.6)
    depth = radius * rng.uniform(0.6, 1.1) - 30 * unit
    depth = depth + wander(rng, frames, rng.uniform(3, 40) * unit, speed)
    if leaves:
        start = rng.uniform(min(1.0, 0.1 * frames), 0.85 * frames)
        stop = start + rng.exponential(0.3 * frames)
        depth -= 300 * unit * withdrawal(frames, start, stop, ramp=rng.uniform(1, 5))
    return Motion(
        pivot=entry + np.stack(sway, axis=1),
        angle=side + np.pi + rng.normal(0, 0.25) + wander(rng, frames, sweep, speed),
        depth=depth,
        scale=1 + wander(rng, frames, rng.uniform(0, 0.12)),
        gain=1 + wander(rng, frames, rng.uniform(0, 0.15)),
        **_random_wrist(rng, frames, speed),
    )


def _random_wrist(rng: np.random.Generator, frames: int, speed: float) -> dict[str, np.ndarray]:
    return {
        'bend': np.clip(
            rng.normal(0, 0.4) + wander(rng, frames, rng.uniform(0, 0.4), speed), -1, 1
        ),
        'yaw': np.clip(rng.normal(0, 0.3) + wander(rng, frames, rng.uniform(0, 0.3)), -1, 1),
        'opening': np.clip(
            rng.uniform(-0.2, 0.7) + wander(rng, frames, rng.uniform(0, 0.5), speed), 0, 1.2
        ),
    }


def crossing_motions(
    rng: np.random.Generator, frames: int, size: int, count: int, reach: float
) -> list[Motion]:
    """Have instruments from several sides pass over each other near the middle of the picture.

    Args:
        rng: source of all randomness.
        frames: length T; all are apart in the first frame and have crossed by the middle of it.
        size: side of the picture in pixels.
        count: number of instruments.
        reach: from the end of the shaft to the pivot of the jaws, in pixels.
    """
    unit = size / 256
    middle = size / 2 + rng.normal(0, 8, 2) * unit
    sides = rng.uniform(0, 2 * np.pi) + np.arange(count) * 2 * np.pi / count
    sides = sides + rng.normal(0, 0.18, count)
    last = max(frames - 1, 2)
    motions = []
    for side in sides:
        outward = np.array([np.cos(side), np.sin(side)])
        across = np.array([-outward[1], outward[0]]) * rng.choice([-1, 1])
        home = middle + unit * (rng.uniform(38, 62) * outward - rng.uniform(15, 45) * across)
        beyond = middle + unit * (rng.uniform(0, 28) * across - rng.uniform(14, 46) * outward)
        then = home if rng.random() < 0.5 else beyond + unit * rng.uniform(10, 40) * across
        meeting = rng.uniform(0.35, 0.65) * last
        places = np.stack([home, beyond, then])
        x, y = (minimum_jerk(frames, (0, meeting, last), places[:, axis]) for axis in (0, 1))
        pivot = middle + rng.uniform(185, 230) * unit * outward
        target = np.stack([x, y], axis=1)
        target += np.stack([wander(rng, frames, 2 * unit) for _ in 'xy'], axis=1)
        motions.append(reaching_motion(rng, frames, pivot, target, reach))
    return motions


def returning_motion(rng: np.random.Generator, frames: int, size: int, reach: float) -> Motion:
    """Be in the picture at first, leave it wholly, and return elsewhere before the end.

    Clips of at least seven frames show all of that.
    """
    unit = size / 256
    middle = size / 2 + rng.normal(0, 15, 2) * unit
    side = rng.uniform(0, 2 * np.pi)
    outward = np.array([np.cos(side), np.sin(side)])
    across = np.array([-outward[1], outward[0]])
    first, second = (
        middle + unit * (rng.uniform(-25, 25) * outward + rng.uniform(-50, 50) * across)
        for _ in range(2)
    )
    ramp = rng.uniform(0.1, 0.2) * frames
    start = rng.uniform(0.2, 0.35) * frames + 1
    stop = start + max(2.0, rng.uniform(0.15, 0.3) * frames)
    stop = max(min(stop, frames - 2 - ramp), start)
    moved = np.clip((np.arange(frames) - start) / max(stop - start, 1e-6), 0, 1)[:, None]
    target = first + (second - first) * moved
    target += np.stack([wander(rng, frames, 6 * unit) for _ in 'xy'], axis=1)
    motion = reaching_motion(
        rng, frames, middle + rng.uniform(180, 215) * unit * outward, target, reach
    )
    motion.depth[:] -= 300 * unit * withdrawal(frames, start, stop, ramp)
    return motion


def reaching_motion(
    rng: np.random.Generator, frames: int, pivot: np.ndarray, target: np.ndarray, reach: float
) -> Motion:
    """Move so that the pivot of the jaws follows a path while the shaft passes through a point.

    Args:
        rng: source of the wrist's motion.
        frames: length T.
        pivot: (x, y) in pixels.
        target: float [T, 2], path in pixels; followed exactly by an unbent instrument.
        reach: from the end of the shaft to the pivot of the jaws, in pixels.
    """
    way = target - pivot
    return Motion(
        pivot=np.broadcast_to(pivot, (frames, 2)).copy(),
        angle=np.unwrap(np.arctan2(way[:, 1], way[:, 0])),
        depth=np.hypot(way[:, 0], way[:, 1]) - reach,
        scale=1 + wander(rng, frames, rng.uniform(0, 0.05)),
        gain=1 + wander(rng, frames, rng.uniform(0, 0.1)),
        **_random_wrist(rng, frames, 1.0),
    )
