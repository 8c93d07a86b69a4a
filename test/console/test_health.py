# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the page shows of a node's health, and what may be set."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.health import LatencyCurve, health, parameter_value, percentiles
from surgsam2_ros.nodes.client.node_watch import NodeReport
from surgsam2_ros.nodes.client.results import NodeState
from surgsam2_ros.nodes.client.run_time_parameters import changeable_parameters

ACTIVE = NodeReport(
    is_there=True,
    lifecycle=NodeState.ACTIVE,
    rate_hz=14.94,
    latency_ms=80.0,
    frames_received=200,
    frames_dropped=50,
    values={'latency_ms_p50': '80.4', 'latency_ms_p95': '120.0'},
    diagnosis='1 objects at 14.9 Hz',
)
SPECS = {spec.name: spec for spec in changeable_parameters()}


def test_the_figures_are_those_of_the_node():
    shown = health(ACTIVE)
    assert (shown.state, shown.words, shown.is_problem) == ('active', ACTIVE.diagnosis, False)
    assert shown.figures['rate'] == '14.9 Hz'
    assert shown.figures['latency'] == '80 ms (95%: 120 ms)'
    assert shown.figures['dropped'] == '50 of 200 (25 %)'


@pytest.mark.parametrize(
    ('lifecycle', 'transitions'),
    [
        (NodeState.UNCONFIGURED, {'configure', 'shutdown'}),
        (NodeState.INACTIVE, {'activate', 'cleanup', 'shutdown'}),
        (NodeState.ACTIVE, {'deactivate'}),
        (NodeState.FINALIZED, set()),
    ],
)
def test_possible_transitions_are_offered_and_no_shutdown_at_a_stroke(lifecycle, transitions):
    assert set(health(replace(ACTIVE, lifecycle=lifecycle)).transitions) == transitions


def test_a_node_that_is_gone_needs_attention_and_takes_nothing():
    shown = health(replace(ACTIVE, is_there=False))
    assert shown.is_problem
    assert not shown.transitions
    assert not shown.can_pause
    assert percentiles(replace(ACTIVE, is_there=False)) is None


def test_a_warning_needs_attention():
    assert health(replace(ACTIVE, level=1)).is_problem


def test_the_curve_keeps_a_minute_and_grows_with_what_it_shows():
    curve = LatencyCurve()
    for second in range(100):
        curve.add(second, 50.0, 90.0 if second < 99 else 150.0)
    assert curve.top_ms == 200.0
    median = re.findall(r'points="([^"]*)"', curve.svg(99.0, 240, 48))[0].split()
    assert len(median) == 61
    assert median[0] == '0.0,36.0'
    assert median[-1] == '240.0,36.0', 'now is at the right, 50 of 200 ms a quarter up'


def test_the_parameters_that_may_change_now_are_offered_and_no_others():
    assert 'output.overlay_opacity' in SPECS
    assert 'model.config' not in SPECS
    assert 'autostart' not in SPECS


@pytest.mark.parametrize(
    ('name', 'entered', 'value'),
    [
        ('output.overlay_opacity', '0.5', 0.5),
        ('input.max_age_ms', 100, 100.0),
        ('output.masks', False, False),
        ('degrade', ('overlay',), ['overlay']),
    ],
)
def test_what_is_entered_becomes_a_value(name, entered, value):
    assert parameter_value(SPECS[name], entered) == value


@pytest.mark.parametrize(
    ('name', 'entered', 'reason'),
    [('output.overlay_opacity', '2', '0 to 1'), ('input.max_age_ms', 'much', 'type is double')],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(name, entered, reason):
    with pytest.raises(DeskError, match=f'{name}.*{reason}'):
        parameter_value(SPECS[name], entered)
