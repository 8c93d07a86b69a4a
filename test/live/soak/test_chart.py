# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The picture of a soak says whether limits were kept, and leaves room for growth to be seen."""

from __future__ import annotations

import pytest

from surgsam2_ros.live.soak.census import Census
from surgsam2_ros.live.soak.run import Phase
from surgsam2_ros.live.soak.verdict import WARM_UP_S, judge

chart = pytest.importorskip('surgsam2_ros.live.soak.chart', exc_type=ImportError)

LONG_S, SHORT_S = 900, 60


def phase(duration_s=LONG_S, *, grow_mb=0.0):
    """One that grows by so much in 10 minutes."""
    grown = [grow_mb * s / 600 for s in range(1, duration_s)]
    censuses = [
        Census(100.0 + s, 500.0 + more, 300.0 + more, 24, 22, 40)
        for s, more in enumerate(grown, start=1)
    ]
    latencies = [(100.0 + s, 20.0) for s in range(duration_s)]
    limits = judge(censuses, latencies, 100.0)
    return Phase((640, 512), 100.0, censuses, latencies, 9, 9, limits)


def words(figure):
    return ' '.join(text.get_text() for text in figure.findobj(lambda a: hasattr(a, 'get_text')))


def test_a_broken_limit_is_said():
    assert 'limits broken: 1' in words(chart.draw_soak([phase(grow_mb=9.0)], 'a run'))
    assert 'all limits kept' in words(chart.draw_soak([phase()], 'a run'))


@pytest.mark.parametrize(('duration_s', 'shaded'), [(LONG_S, True), (SHORT_S, False)])
def test_the_time_that_is_not_judged_is_shaded(duration_s, shaded):
    memory = chart.draw_soak([phase(duration_s)], 'a run').axes[0]
    widths = [patch.get_width() for patch in memory.patches]
    assert widths == ([WARM_UP_S / 60] if shaded else [])


def test_ten_megabytes_of_growth_are_seen():
    memory = chart.draw_soak([phase(grow_mb=10.0)], 'a run').axes[0]
    low, high = memory.get_ylim()
    assert 10.0 / (high - low) > 0.3  # of the height of the panel
