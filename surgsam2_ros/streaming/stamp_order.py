# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tells an image that comes out of order from a clock that was set back.

Knows nothing of ROS.
"""

from __future__ import annotations

from enum import Enum, auto

OVERTAKEN_NS = 100_000_000
"""A stamp older than the newest by less than this is that of an image overtaken on its way."""

PATIENCE = 3
"""Images with older stamps, each newer than the one before, after which the clock was set back."""


class Order(Enum):
    """What the stamp of an image says."""

    NEXT = auto()  # it is the newest
    LATE = auto()  # it is older than one that was tracked
    SET_BACK = auto()  # it is older, and so will be those that follow: time goes on from here


class StampOrder:
    """Judges images by their stamps, one after the other.

    One odd stamp, ahead or behind, costs at most `PATIENCE - 1` images. It never costs more: what
    follows it is the newest again, or the clock counts as set back.

    Attributes:
        newest_ns: stamp that the next one is compared with [ns]; None before the first.
    """

    def __init__(self) -> None:
        self.newest_ns: int | None = None
        self._expected = False
        self._behind = 0
        self._last_behind_ns = 0

    def expect_set_back(self) -> None:
        """Take the next older stamp at its word: the clock was seen to be set back.

        May be called on any thread.
        """
        self._expected = True

    def forget(self) -> None:
        """Take whatever comes next."""
        self.newest_ns = None
        self._expected, self._behind = False, 0

    def judge(self, stamp_ns: int) -> Order:
        """Judge the next image by its stamp [ns]."""
        behind_ns = 0 if self.newest_ns is None else self.newest_ns - stamp_ns
        if behind_ns <= 0:
            self._expected, self._behind = False, 0
            self.newest_ns = stamp_ns
            return Order.NEXT
        if behind_ns < OVERTAKEN_NS and not (self._expected or self._behind):
            return Order.LATE
        goes_on = self._behind > 0 and stamp_ns > self._last_behind_ns
        self._behind = self._behind + 1 if goes_on else 1
        self._last_behind_ns = stamp_ns
        if self._behind < PATIENCE and not self._expected:
            return Order.LATE
        self.forget()
        self.newest_ns = stamp_ns
        return Order.SET_BACK


def describe_age(age_ms: float, most_ms: float) -> str:
    """Say that an image is too old, and what to do about it."""
    return (
        f'image is {age_ms:.0f} ms old, more than input.max_age_ms = {most_ms:g}, and was '
        'dropped; if images come from a bag, replay with /clock and set use_sim_time'
    )
