# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is left out when a stream falls behind, by a clock that the test turns."""

from __future__ import annotations

import pytest

from surgsam2_ros.streaming.degradation import Degradation, Load

ORDER = ('overlay', 'label_image')
LATE = Load(input_rate_hz=30.0, rate_hz=12.0, latency_ms=800.0)
DROPPING = Load(input_rate_hz=30.0, rate_hz=6.0, latency_ms=100.0)
WELL = Load(input_rate_hz=30.0, rate_hz=24.0, latency_ms=100.0)
SILENT = Load(input_rate_hz=0.0, rate_hz=0.0, latency_ms=0.0)
BETWEEN = Load(input_rate_hz=30.0, rate_hz=24.0, latency_ms=450.0)


class Policy:
    """A policy judged once a second."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.degradation = Degradation(clock=lambda: self.now)

    def run(self, load: Load, seconds: int, *, order=ORDER, useful=ORDER, limit=500.0) -> list[str]:
        """Let time pass; returns what changed."""
        said = []
        for _ in range(seconds):
            said.append(
                self.degradation.judge(load, order=order, useful=useful, max_latency_ms=limit)
            )
            self.now += 1.0
        return [text for text in said if text]

    @property
    def taken(self):
        return self.degradation.taken


@pytest.fixture
def policy() -> Policy:
    return Policy()


@pytest.mark.parametrize(
    ('load', 'why'),
    [
        (LATE, 'results at 12.0 Hz of images at 30.0 Hz, 800 ms old, above diagnostics.max_lat'),
        (DROPPING, 'results at 6.0 Hz of images at 30.0 Hz, 80% of the images are dropped'),
    ],
)
def test_what_is_behind_for_long_leaves_the_first_step_out_and_says_why(policy, load, why):
    (said,) = policy.run(load, 8)
    assert said.startswith(f'the overlay is left out: {why}')
    assert policy.taken == ('overlay',)
    assert policy.degradation.sentences == (said,)


def test_a_short_hiccup_changes_nothing(policy):
    for _ in range(5):
        assert policy.run(LATE, 5) == []
        assert policy.run(WELL, 1) == []


@pytest.mark.parametrize(
    'load',
    [
        WELL,
        SILENT,
        BETWEEN,
        Load(30.0, 30.0, 800.0),  # late, but every image has its result: a slow transport
        Load(60.0, 20.0, 60.0),  # a camera that is too fast is no delay
    ],
)
def test_what_is_not_behind_leaves_nothing_out(policy, load):
    assert policy.run(load, 100) == []


def test_without_a_limit_of_latency_only_dropped_images_count(policy):
    assert policy.run(LATE, 100, limit=0.0) == []
    assert len(policy.run(DROPPING, 8, limit=0.0)) == 1


def test_the_second_step_follows_only_when_the_first_did_not_help(policy):
    assert len(policy.run(LATE, 8)) == 1
    (said,) = policy.run(LATE, 8)
    assert said.startswith('the label image is left out')
    assert policy.taken == ORDER
    assert policy.run(LATE, 100) == [], 'there is nothing more to leave out'


def test_steps_come_in_the_order_given(policy):
    policy.run(LATE, 8, order=('label_image', 'overlay'))
    assert policy.taken == ('label_image',)


def test_a_step_that_would_save_nothing_is_not_taken(policy):
    policy.run(LATE, 8, useful=('label_image',))
    assert policy.taken == ('label_image',)
    assert policy.run(LATE, 100, useful=()) == []
    policy.run(LATE, 8)
    assert policy.taken == ('label_image', 'overlay'), 'somebody looks at the overlay now'


def test_no_steps_turn_the_policy_off(policy):
    assert policy.run(LATE, 100, order=()) == []


def test_steps_come_back_in_the_opposite_order_after_keeping_up(policy):
    policy.run(LATE, 20)
    assert policy.run(WELL, 30) == []
    (said,) = policy.run(WELL, 1)
    assert said == 'the label image is published again: results kept up for 30 s'
    assert policy.run(WELL, 29) == []
    (said,) = policy.run(WELL, 1)
    assert said == 'the overlay is published again: results kept up for 30 s'
    assert policy.taken == policy.degradation.sentences == ()


@pytest.mark.parametrize('interruption', [BETWEEN, SILENT, LATE])
def test_keeping_up_counts_without_interruption(policy, interruption):
    policy.run(LATE, 8)
    policy.run(WELL, 29)
    policy.run(interruption, 1)
    assert policy.run(WELL, 30) == []
    assert len(policy.run(WELL, 1)) == 1


def test_what_comes_back_too_early_waits_twice_as_long_the_next_time(policy):
    policy.run(LATE, 8)
    waits = []
    for _ in range(7):
        start = policy.now
        while not policy.run(WELL, 1):
            pass
        waits.append(policy.now - start - 1)
        policy.run(LATE, 8)
    assert waits == [30, 60, 120, 240, 480, 480, 480]


def test_what_held_for_long_is_forgiven(policy):
    policy.run(LATE, 8)
    policy.run(WELL, 31)
    policy.run(LATE, 8)
    policy.run(WELL, 61)
    policy.run(WELL, 60)
    policy.run(LATE, 8)
    assert policy.run(WELL, 30) == []
    assert len(policy.run(WELL, 1)) == 1


def test_a_step_that_is_not_allowed_any_more_is_given_back_at_once(policy):
    policy.run(LATE, 8)
    (said,) = policy.run(LATE, 1, order=('label_image',))
    assert said == 'the overlay is published again: degrade does not name it any more'
    assert policy.taken == ()


def test_a_reset_begins_with_nothing_left_out(policy):
    policy.run(LATE, 20)
    policy.degradation.reset()
    assert policy.taken == ()
    assert policy.run(LATE, 6) == []
