# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Motion as arrays over time: aimless wandering, planned moves, leaving and returning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def wander(
    rng: np.random.Generator, frames: int, amplitude: float, speed: float = 1.0
) -> np.ndarray:
    """Smooth aimless motion around zero, slow and wide with some faster trembling.

    Args:
        rng: source of all randomness.
        frames: length T.
        amplitude: about the largest excursion, in the caller's unit.
        speed: 1 suits hand motion seen at 15 to 30 frames a second; 2 is twice as fast.

    Returns:
        float64 [T].
    """
    time = np.arange(frames)
    motion = np.zeros(frames)
    for slowest, fastest in ((0.01, 0.04), (0.03, 0.09), (0.08, 0.16)):
        frequency = rng.uniform(slowest, fastest)
        phase = rng.random()
        motion += np.sin(2 * np.pi * (frequency * speed * time + phase)) * (0.03 / frequency) ** 0.7
    return 0.6 * amplitude * motion


def value_at(path: np.ndarray, frame: float) -> np.ndarray:
    """Read a path [T, ...] at a frame or, straight between two, at a time between frames."""
    if float(frame).is_integer():
        return path[int(frame)]
    before = int(np.clip(np.floor(frame), 0, len(path) - 1))
    after = min(before + 1, len(path) - 1)
    share = np.clip(frame - before, 0.0, 1.0)
    return (1 - share) * path[before] + share * path[after]


def minimum_jerk(
    frames: int, times: Sequence[float], values: Sequence[float] | np.ndarray
) -> np.ndarray:
    """Move from key to key as a hand does, at rest at each key (Flash and Hogan, 1985).

    Args:
        frames: length T.
        times: increasing key times in frames; before the first and after the last the value holds.
        values: value at each key.

    Returns:
        float64 [T].

    Raises:
        ValueError: when the keys do not pair up or do not increase.
    """
    times, values = np.asarray(times, float), np.asarray(values, float)
    if times.shape != values.shape or times.ndim != 1 or len(times) == 0:
        raise ValueError(f'{times.shape} times and {values.shape} values; give one value per time')
    if np.any(np.diff(times) <= 0):
        raise ValueError(f'key times {times.tolist()} must increase')
    if len(times) == 1:
        return np.full(frames, values[0])
    now = np.clip(np.arange(frames), times[0], times[-1])
    leg = np.clip(np.searchsorted(times, now, side='right') - 1, 0, len(times) - 2)
    progress = (now - times[leg]) / (times[leg + 1] - times[leg])
    eased = progress**3 * (10 - 15 * progress + 6 * progress**2)
    return values[leg] + (values[leg + 1] - values[leg]) * eased


def withdrawal(frames: int, start: float, stop: float, ramp: float) -> np.ndarray:
    """How far something has left: 0 while present, 1 from `start` to `stop`, eased over `ramp`.

    Args:
        frames: length T.
        start, stop: first and last frame of complete absence; either may lie outside the clip.
        ramp: frames that leaving and returning take.

    Returns:
        float64 [T] in [0, 1].
    """
    time = np.arange(frames)
    gone = np.minimum(time - (start - ramp), (stop + ramp) - time) / max(ramp, 1e-6)
    gone = np.clip(gone, 0.0, 1.0)
    return gone * gone * (3 - 2 * gone)
