# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The picture of a soak says whether limits were kept, and leaves room for growth to be seen."""

from __future__ import annotations

import numpy as np
import pytest

from surgsam2_ros.live.soak.census import Census
from surgsam2_ros.live.soak.chart import _BROKEN, _FIRST, _LEFT, _RIGHT, _WARMING, draw_soak
from surgsam2_ros.live.soak.run import Phase
from surgsam2_ros.live.soak.verdict import judge

LONG_S, SHORT_S = 900, 60


def phase(duration_s=LONG_S, *, grow_mb=0.0):
    """One that grows by so much in 10 minutes."""
    censuses = [
        Census(100.0 + s, 500.0 + grow_mb * s / 600, 300.0, 24, 22, 40)
        for s in range(1, duration_s)
    ]
    latencies = [(100.0 + s, 20.0) for s in range(duration_s)]
    limits = judge(censuses, latencies, 100.0)
    return Phase((640, 512), 100.0, censuses, latencies, 9, 9, limits)


def has(picture, colour):
    return (picture == colour).all(axis=-1).any()


def test_a_broken_limit_stands_out():
    assert has(draw_soak([phase(grow_mb=9.0)], 'a run'), _BROKEN)
    assert not has(draw_soak([phase()], 'a run'), _BROKEN)


@pytest.mark.parametrize(('duration_s', 'shaded'), [(LONG_S, True), (SHORT_S, False)])
def test_the_time_that_is_not_judged_is_shaded(duration_s, shaded):
    area = (draw_soak([phase(duration_s)], 'a run') == _WARMING).all(axis=-1).sum()
    assert (area > 50_000) == shaded  # edges of letters are pale as well


def test_ten_megabytes_of_growth_are_seen():
    picture = draw_soak([phase(grow_mb=10.0)], 'a run')
    memory = (picture[106:250] == _FIRST).all(axis=-1)
    before = np.flatnonzero(memory[:, _LEFT + 300]).mean()
    after = np.flatnonzero(memory[:, _RIGHT - 5]).mean()
    assert before - after > 30  # pixels upwards
