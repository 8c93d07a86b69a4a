# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a node told is compared with what was so: true statuses pass, each kind of lie is found."""

from __future__ import annotations

import pytest

from surgsam2_ros.live.chaos.truth import (
    ACTIVE,
    INACTIVE,
    SLACK_S,
    Fact,
    FactLog,
    find_lies,
    find_lost_objects,
    find_miscounts,
    is_settled,
    rules,
)
from surgsam2_ros.nodes.faults.observations import DiagnosticSeen, StatusSeen

TIMEOUT_S, PERIOD_S = 2.0, 1.0
RULES = rules(TIMEOUT_S, PERIOD_S)
SILENT = 'no image on /image for 5 s: 1 publisher, but nothing comes; check the camera'
TRACKING = 'tracking 2 objects'


def status(at_s, message=TRACKING, *, state=ACTIVE, enabled=True, counters=(0, 0, 0)):
    return StatusSeen(at_s, state, enabled, *counters, 2, message)


def lies(kind, *statuses, diagnostics=(), end_s=30.0):
    return find_lies([Fact(kind, 10.0, end_s)], statuses, diagnostics, RULES)


def test_a_dead_camera_that_is_told_is_no_lie():
    assert not lies('camera silent', status(16.0, SILENT))


def test_a_dead_camera_that_is_reported_as_tracking_is_a_lie():
    (lie,) = lies('camera silent', status(16.0))
    assert TRACKING in lie and '6.0 s' in lie


def test_a_lie_that_is_repeated_is_told_once():
    (lie,) = lies('camera silent', status(16.0), status(17.0), status(18.0))
    assert '2 more' in lie


def test_a_node_has_the_time_that_it_was_given_to_find_out():
    just_in_time = 10.0 + TIMEOUT_S + PERIOD_S + SLACK_S - 0.1
    assert not lies('camera silent', status(just_in_time))
    assert lies('camera silent', status(just_in_time + 0.2))


def test_what_is_said_after_the_end_is_not_judged():
    assert not lies('camera silent', status(31.0), end_s=30.0)


def test_a_fact_that_still_holds_is_judged():
    assert lies('camera silent', status(31.0), end_s=None)


def test_a_dead_camera_has_to_be_an_error_in_diagnostics():
    told = [DiagnosticSeen(16.0, 2, SILENT)]
    assert not lies('camera silent', diagnostics=told)
    assert lies('camera silent', diagnostics=[told[0]._replace(level=0)])


@pytest.mark.parametrize(
    'told', [status(20.0, 'paused'), status(20.0, enabled=False), status(20.0, SILENT)]
)
def test_a_pause_has_to_be_told_in_the_flag_and_in_words(told):
    assert lies('paused', told)
    assert not lies('paused', status(20.0, 'paused', enabled=False))


def test_the_lifecycle_state_has_to_be_the_right_one():
    assert lies('inactive', status(20.0))
    assert not lies('inactive', status(20.0, 'inactive', state=INACTIVE))


def test_more_images_processed_than_received_is_found():
    assert find_miscounts([status(1, counters=(10, 8, 3))])
    assert not find_miscounts([status(1, counters=(10, 8, 2))])


def test_a_counter_that_goes_back_is_found():
    assert find_miscounts([status(1, counters=(10, 8, 2)), status(2, counters=(12, 7, 2))])


def test_counters_may_begin_anew_together():
    assert not find_miscounts([status(1, counters=(10, 8, 2)), status(2, counters=(0, 0, 0))])


def test_images_on_their_way_are_not_settled():
    assert not is_settled(status(1, counters=(10, 8, 1)))
    assert is_settled(status(1, counters=(10, 8, 2)))


def never(_name):
    return False


def test_an_object_that_is_gone_or_has_another_instance_is_found():
    promised = {'hook': 1, 'grasper': 2}
    assert not find_lost_objects(promised, promised, never)
    assert len(find_lost_objects(promised, {'hook': 1}, never)) == 1
    assert len(find_lost_objects(promised, {'hook': 2, 'grasper': 1}, never)) == 2


def test_an_object_that_nobody_added_is_found():
    seen = {'hook': 1, 'ghost': 2}
    assert find_lost_objects({'hook': 1}, seen, never)
    assert not find_lost_objects({'hook': 1}, seen, lambda name: name == 'ghost')


def test_a_fact_ends_with_its_block_also_when_that_fails():
    log = FactLog(clock=iter((1.0, 2.0)).__next__)
    with pytest.raises(RuntimeError), log.hold('paused'):
        raise RuntimeError
    assert log.facts == [Fact('paused', 1.0, 2.0)]
