# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Decides what is left out while a stream is behind for long, and when it comes back.

A step is taken after several seconds behind, so that what came before it is out of the measured
window; it is given back only after a longer time of keeping up, which grows each time that proves
too early. Nothing here knows of ROS, threads or outputs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

STEPS = {'overlay': 'the overlay', 'label_image': 'the label image'}
"""What can be left out, with its name for people."""

BEHIND_S = 6.0  # before a step is taken; longer than the window that loads are measured in
KEPT_UP_S = 30.0  # before a step is given back, the first time
LONGEST_KEPT_UP_S = 480.0
RELAPSE_S = 60.0  # a step taken again so soon was given back too early
MOST_DROPPED = 0.75  # share of images; with more of them dropped the stream is behind
FEW_DROPPED = 0.6  # with less it keeps up
SLOWER = 0.9  # results per image, below which they do not follow the images
EARLY = 0.7  # of the limit of latency, below which the stream keeps up


@dataclass(frozen=True)
class Load:
    """How a stream is doing, over the last seconds.

    Attributes:
        input_rate_hz: images per second, dropped ones included.
        rate_hz: results per second.
        latency_ms: median age of an image when its result is published.
    """

    input_rate_hz: float
    rate_hz: float
    latency_ms: float

    @property
    def dropped(self) -> float:
        """Share of the images that have no result, in [0, 1]; 0 without images."""
        if self.input_rate_hz <= 0:
            return 0.0
        return max(1.0 - self.rate_hz / self.input_rate_hz, 0.0)

    def behind(self, max_latency_ms: float) -> str:
        """Say why this is behind, or nothing; a limit of 0 turns the latency off."""
        rates = f'results at {self.rate_hz:.1f} Hz of images at {self.input_rate_hz:.1f} Hz'
        late = 0 < max_latency_ms < self.latency_ms
        if late and self.rate_hz < SLOWER * self.input_rate_hz:
            return (
                f'{rates}, {self.latency_ms:.0f} ms old, above diagnostics.max_latency_ms '
                f'{max_latency_ms:g}'
            )
        if self.dropped > MOST_DROPPED:
            return f'{rates}, {self.dropped:.0%} of the images are dropped'
        return ''

    def keeps_up(self, max_latency_ms: float) -> bool:
        """Whether there are images, and room to do more."""
        early = max_latency_ms <= 0 or self.latency_ms < EARLY * max_latency_ms
        return self.input_rate_hz > 0 and early and self.dropped < FEW_DROPPED


class Degradation:
    """Takes steps, one at a time, and gives them back in the opposite order.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Begin with nothing left out."""
        self._taken: dict[str, str] = {}  # replaced, never changed: other threads read it
        self._behind_since: float | None = None
        self._keeping_up_since: float | None = None
        self._given_back_at = float('-inf')
        self._patience_s = KEPT_UP_S

    @property
    def taken(self) -> tuple[str, ...]:
        """What is left out, in the order in which it was."""
        return tuple(self._taken)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is left out and why, a sentence each."""
        return tuple(f'{STEPS[step]} is left out: {why}' for step, why in self._taken.items())

    def judge(
        self, load: Load, *, order: Sequence[str], useful: Collection[str], max_latency_ms: float
    ) -> str:
        """Take a step, give one back, or neither; to be called about once a second.

        Args:
            load: of the last seconds.
            order: steps that may be taken, of STEPS, the first one first.
            useful: those of them that would save anything now.
            max_latency_ms: above this results are late [ms]; 0 = never.

        Returns:
            what changed and why, for people; empty when nothing did.
        """
        now = self._clock()
        for step in self._taken:
            if step not in order:
                self._taken = {s: why for s, why in self._taken.items() if s != step}
                return f'{STEPS[step]} is published again: degrade does not name it any more'
        why = load.behind(max_latency_ms)
        if why:
            self._keeping_up_since = None
            return self._take(why, order, useful, now)
        self._behind_since = None
        if not load.keeps_up(max_latency_ms):
            self._keeping_up_since = None
            return ''
        return self._give_back(now)

    def _take(self, why: str, order: Sequence[str], useful: Collection[str], now: float) -> str:
        if self._behind_since is None:
            self._behind_since = now
        left = [step for step in order if step in useful and step not in self._taken]
        if not left or now - self._behind_since < BEHIND_S:
            return ''
        too_early = now - self._given_back_at < RELAPSE_S
        self._patience_s = min(2 * self._patience_s, LONGEST_KEPT_UP_S) if too_early else KEPT_UP_S
        self._taken = {**self._taken, left[0]: why}
        self._behind_since = now
        return self.sentences[-1]

    def _give_back(self, now: float) -> str:
        if self._keeping_up_since is None:
            self._keeping_up_since = now
        kept_up_s = now - self._keeping_up_since
        if not self._taken or kept_up_s < self._patience_s:
            return ''
        *kept, step = self._taken
        self._taken = {s: self._taken[s] for s in kept}
        self._given_back_at = self._keeping_up_since = now
        return f'{STEPS[step]} is published again: results kept up for {kept_up_s:.0f} s'
