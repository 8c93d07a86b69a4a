# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Growth of any kind is found, in long runs closely, in short ones coarsely."""

from __future__ import annotations

import dataclasses

import pytest

from surgsam2_ros.live.soak.census import Census
from surgsam2_ros.live.soak.verdict import judge

BEGIN_S = 100.0
LONG_S, SHORT_S = 900, 60


def censuses(duration_s, *, grow_mb=0.0, share_mb=0.0, **changes):
    """One a second, growing by so much in 10 minutes; `changes` hold in the last third."""
    calm = [
        Census(
            BEGIN_S + s,
            500.0 + (grow_mb + share_mb) * s / 600,
            300.0 + grow_mb * s / 600,
            24,
            22,
            40,
        )
        for s in range(duration_s)
    ]
    third = 2 * duration_s // 3
    return calm[:third] + [dataclasses.replace(census, **changes) for census in calm[third:]]


def latencies(duration_s, last_ms=20.0):
    return [
        (BEGIN_S + s / 10, 20.0 if s / 10 < duration_s - 90 else last_ms)
        for s in range(10 * duration_s)
    ]


def findings(duration_s, last_ms=20.0, **changes):
    counted = censuses(duration_s, **changes)
    return judge(counted, latencies(duration_s, last_ms), BEGIN_S).findings


def test_a_node_that_stays_the_same_passes():
    assert not findings(LONG_S)
    assert not findings(SHORT_S)


def test_two_megabytes_in_ten_minutes_are_too_much():
    (finding,) = findings(LONG_S, grow_mb=2.0)
    assert 'memory of its own' in finding
    assert not findings(LONG_S, grow_mb=0.5)


def test_images_that_come_to_lie_in_shared_memory_are_no_growth_until_they_exceed_a_segment():
    assert not findings(LONG_S, share_mb=20.0)
    (finding,) = findings(LONG_S, share_mb=100.0)
    assert 'memory that it shares' in finding


def test_the_growth_is_told_for_ten_minutes():
    counted = censuses(LONG_S, grow_mb=2.0)
    limits = judge(counted, latencies(LONG_S), BEGIN_S)
    assert limits.growth_mb_per_10_min == pytest.approx(2.0, abs=0.05)
    assert limits.growth_mb == pytest.approx(limits.growth_s / 300, abs=0.05)


def test_growth_in_the_warm_up_does_not_count():
    warming = [
        dataclasses.replace(c, own_mb=c.own_mb - max(300 - (c.at_s - BEGIN_S), 0))
        for c in censuses(LONG_S)
    ]
    assert not judge(warming, latencies(LONG_S), BEGIN_S).findings


@pytest.mark.parametrize('duration_s', [LONG_S, SHORT_S])
@pytest.mark.parametrize('name', ['descriptors', 'threads', 'endpoints'])
def test_what_is_opened_and_never_closed_is_found(duration_s, name):
    (finding,) = findings(duration_s, **{name: 60})
    assert name in finding


def test_a_participant_more_or_less_is_no_growth():
    assert not findings(LONG_S, descriptors=25)


def test_a_latency_that_rises_is_found():
    (finding,) = findings(LONG_S, last_ms=23.0)
    assert 'latency' in finding
    assert not findings(LONG_S, last_ms=21.5)


def test_a_short_run_judges_neither_latency_nor_small_growth():
    assert not findings(SHORT_S, last_ms=200.0, grow_mb=5.0)


def test_a_short_run_finds_coarse_growth():
    assert findings(SHORT_S, grow_mb=3000.0)


def test_a_run_without_results_fails():
    assert judge(censuses(SHORT_S), [], BEGIN_S).findings
