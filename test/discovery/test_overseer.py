# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The rules of the overseer, as sequences of images with a tracker that does as it is told."""

from __future__ import annotations

import numpy as np
import pytest
from discovery_stage import BLUE, GREY, HEIGHT, RED, WIDTH, Stage, actions, mask_of, proposal
from hypothesis import given, settings
from hypothesis import strategies as st

from surgsam2_ros.discovery import Action
from surgsam2_ros.discovery.overlap import Spot, corners, lies_on
from surgsam2_ros.discovery.settings import DiscoverySettings
from surgsam2_ros.tracking.states import TrackState

LEFT, RIGHT, MIDDLE = (10, 20, 50, 60), (100, 50, 150, 90), (60, 30, 95, 70)
STARTED = [('start', 'found_1')]


@pytest.fixture
def stage():
    return Stage()


def on_stage(stage, **things):
    """Put things there and have them found."""
    for name, (box, colour) in things.items():
        stage.put(name, box, colour)
    stage.run(20, *things)
    return [object_id for _, object_id in actions(stage.decisions)]


# What becomes an object


@pytest.mark.parametrize(
    ('answers', 'started'),
    [
        ('xxx', True),
        ('xx', False),
        ('x.x.x', True),
        ('x..x..x', False),
        ('xx....x', False),
        ('..xxx', True),
    ],
)
def test_what_enough_of_the_newest_answers_agree_in_is_started(stage, answers, started):
    stage.put('tool', LEFT)
    for answer in answers:
        stage.run(1, *(['tool'] if answer == 'x' else []))
    assert actions(stage.decisions) == (STARTED if started else [])


def test_the_box_and_the_image_of_the_newest_detection_prompt_it(stage):
    stage.put('tool', LEFT)
    stage.run(3, 'tool')
    (start,) = stage.decisions
    assert start.proposal.box == LEFT and start.seen_in is stage.past[-1]
    assert '3 of the last 3 detections agree' in start.why


def test_a_detection_that_is_not_sure_enough_counts_for_nothing(stage):
    stage.put('tool', LEFT)
    assert not stage.run(10, 'tool', score=DiscoverySettings().min_score - 0.01)


def test_what_moves_fast_agrees_with_where_it_would_be_by_now(stage):
    for frame in range(5):
        left = 5 + 20 * frame
        stage.put('tool', (left, 20, left + 40, 60))
        stage.run(1, *([] if frame in (2, 3) else ['tool']))
    assert actions(stage.decisions) == STARTED


def test_what_was_never_there_twice_does_not_agree(stage):
    corners_ = [(0, 0), (100, 0), (0, 80), (100, 80), (50, 40)] * 4
    assert not [d for x, y in corners_ for d in stage.run(1, (x, y, x + 12, y + 12))]


def test_two_instruments_get_two_ids_and_keep_them(stage):
    assert on_stage(stage, left=(LEFT, GREY), right=(RIGHT, GREY)) == ['found_1', 'found_2']
    assert stage.follows == {'found_1': 'left', 'found_2': 'right'}


def test_answers_for_older_images_start_an_object_once(stage):
    stage.put('tool', LEFT)
    for _ in range(6):
        stage.track()
    for _ in range(20):
        stage.track()
        stage.look('tool', ago=5)
    assert actions(stage.decisions) == STARTED


def test_late_answers_for_what_has_turned_about_since_start_it_once(stage):
    for frame in range(30):
        left = 5 + 12 * min(frame, 14 - min(frame, 14)) if frame < 14 else 5
        stage.put('tool', (left, 20, left + 40, 60))
        stage.track()
        if frame >= 5:
            box = stage.past[-6].picture  # what the detector looked at
            columns = np.nonzero((box == GREY).all(axis=2).any(axis=0))[0]
            stage.look((columns[0], 20, columns[-1] + 1, 60), ago=5)
    assert actions(stage.decisions) == STARTED


def test_two_detectors_that_see_the_same_start_it_once(stage):
    stage.put('tool', LEFT)
    stage.executes = False  # the prompt is on its way
    for _ in range(3):
        stage.track()
        stage.look('tool', source='own')
        stage.look('tool', source='external')
    assert actions(stage.decisions) == STARTED


def test_a_detector_that_answers_seldom_is_enough(stage):
    stage.put('tool', LEFT)
    for frame in range(19):
        stage.track()
        stage.look('tool') if frame % 6 == 0 else None
        stage.look(source='own')
    assert actions(stage.decisions) == STARTED


# What lies on an object that is known


def test_a_part_of_a_known_object_is_that_object(stage):
    stage.put('tool', (10, 20, 130, 60))
    stage.operator_adds('driver', 'tool')
    assert not stage.run(10, (95, 25, 130, 60))  # IoU a quarter


def test_a_known_object_that_is_part_of_the_detection_is_that_object(stage):
    stage.put('tip', (95, 25, 125, 55))
    stage.operator_adds('tip', 'tip')
    assert not stage.run(10, (10, 20, 130, 60))


def test_a_mask_of_a_known_object_is_that_object(stage):
    stage.put('tool', (10, 20, 130, 60))
    stage.operator_adds('driver', 'tool')
    part = (90, 10, 140, 60)
    assert not stage.run(10, proposal(part, mask=mask_of((90, 20, 132, 58))))


def test_a_mask_beside_a_known_object_in_the_same_box_is_another(stage):
    stage.put('low', (10, 50, 130, 60))
    stage.put('high', (10, 20, 130, 30))
    stage.operator_adds('driver', 'low')
    found = stage.run(3, proposal((10, 20, 130, 60), mask=mask_of((10, 20, 130, 30))))
    assert actions(found) == STARTED


def test_one_instrument_that_is_detected_in_two_pieces_gets_one_id(stage):
    stage.put('tool', (10, 20, 130, 60))
    stage.run(20, (10, 20, 130, 60), (80, 20, 130, 60))
    assert actions(stage.decisions) == STARTED


def test_two_ids_on_one_instrument_do_not_stay(stage):
    on_stage(stage, left=(LEFT, GREY), right=(RIGHT, GREY))
    stage.follows['found_2'] = 'left'  # the tracker went astray
    assert actions(stage.run(40, 'left'))[0] == ('end', 'found_2')


def test_an_object_that_went_to_another_is_fetched_back_by_its_looks(stage):
    on_stage(stage, red=(LEFT, RED), blue=(RIGHT, BLUE))
    stage.run(90, 'red', 'blue')
    stage.follows['found_2'] = 'red'  # the tracker went astray
    decisions = stage.run(60, 'red', 'blue')
    assert actions(decisions) == [('retake', 'found_2')]
    assert 'it lies on another object' in decisions[0].why
    assert stage.follows == {'found_1': 'red', 'found_2': 'blue'}


def test_of_two_on_one_instrument_the_operators_stays(stage):
    on_stage(stage, left=(LEFT, GREY), right=(RIGHT, GREY))
    stage.operator_adds('driver', 'left')
    decisions = stage.run(40, 'left', 'right')
    assert actions(decisions) == [('end', 'found_1')]
    assert 'driver' in decisions[0].why


def test_two_of_the_operator_on_one_instrument_are_the_operators_affair(stage):
    stage.put('left', LEFT)
    stage.operator_adds('one', 'left')
    stage.operator_adds('other', 'left')
    assert not stage.run(60, 'left')


# What comes back


def test_a_lost_instrument_that_returns_elsewhere_is_known_by_its_looks(stage):
    on_stage(stage, red=(LEFT, RED), blue=(RIGHT, BLUE))
    del stage.things['red']
    stage.run(60, 'blue')
    stage.put('red again', MIDDLE, RED)  # by which the tracker does not know it
    (retake,) = stage.run(10, 'red again', 'blue')
    assert actions([retake]) == [('retake', 'found_1')]
    assert retake.proposal.box == MIDDLE
    assert 'likeness 1.00' in retake.why


def test_another_instrument_in_the_place_of_a_lost_one_gets_a_new_id(stage):
    on_stage(stage, red=(LEFT, RED))
    del stage.things['red']
    stage.run(60)
    stage.put('blue', LEFT, BLUE)
    assert actions(stage.run(10, 'blue')) == [('start', 'found_2')]


def test_a_look_alike_in_the_picture_makes_looks_prove_nothing(stage):
    on_stage(stage, one=(LEFT, GREY), other=(RIGHT, GREY))
    del stage.things['one']
    stage.run(60, 'other')
    stage.put('one again', MIDDLE, GREY)
    assert actions(stage.run(10, 'one again', 'other')) == [('start', 'found_3')]


def test_descriptors_of_the_detector_count_before_colours(stage):
    east, north = np.eye(2, 8, dtype=np.float32)
    stage.put('tool', LEFT, GREY)
    stage.run(10, proposal(LEFT, descriptor=east))
    del stage.things['tool']
    stage.run(60)
    stage.put('other', RIGHT, GREY)  # of the same colour, and not the same
    assert actions(stage.run(5, proposal(RIGHT, descriptor=north))) == [('start', 'found_2')]
    del stage.things['other']
    stage.run(60)
    stage.put('tool again', MIDDLE, GREY)
    assert actions(stage.run(5, proposal(MIDDLE, descriptor=east))) == [('retake', 'found_1')]


def test_without_looks_a_lost_object_stays_lost(stage):
    stage.picture = lambda: None
    on_stage(stage, red=(LEFT, RED))
    del stage.things['red']
    stage.run(60)
    stage.put('red again', LEFT, RED)
    assert actions(stage.run(10, 'red again')) == [('start', 'found_2')]


def test_what_was_hidden_a_moment_ago_is_left_to_the_tracker(stage):
    stage.picture = lambda: None
    on_stage(stage, red=(LEFT, RED))
    del stage.things['red']
    assert not stage.run(15, LEFT)  # OCCLUDED, and detected all the same
    stage.put('red', LEFT, RED)
    assert not stage.run(30, 'red')


def test_an_operators_lost_object_is_never_taken_up_for_him(stage):
    stage.put('red', LEFT, RED)
    stage.operator_adds('driver', 'red')
    stage.run(20, 'red')
    del stage.things['red']
    stage.run(60)
    stage.put('red again', RIGHT, RED)
    assert actions(stage.run(10, 'red again')) == [('start', 'found_1')]


def test_crossing_look_alikes_keep_their_ids(stage):
    """One passes behind the other; the tracker sees it no more, then finds it by itself."""
    on_stage(stage, low=((10, 60, 40, 90), GREY), high=((100, 30, 130, 60), GREY))
    for step in range(31):
        stage.put('high', (100 - 3 * step, 30, 130 - 3 * step, 60))
        box = (10 + 3 * step, 40, 40 + 3 * step, 70)
        if 11 <= step <= 19:
            stage.things.pop('low', None)
            stage.run(1, 'high')
        else:
            stage.put('low', box)
            stage.run(1, 'low', 'high')
    assert actions(stage.decisions) == [('start', 'found_1'), ('start', 'found_2')]
    assert stage.follows == {'found_1': 'low', 'found_2': 'high'}


# What ends


def test_what_was_not_seen_for_long_ends(stage):
    on_stage(stage, red=(LEFT, RED))
    del stage.things['red']
    decisions = stage.run(31 * 30)
    assert actions(decisions) == [('end', 'found_1')]
    assert 'not seen for 30 s' in decisions[0].why


def test_what_the_tracker_never_confirmed_ends_and_is_left_alone(stage):
    decisions = stage.run(200, LEFT)
    assert actions(decisions) == [('start', 'found_1'), ('end', 'found_1')]
    assert 'before it was ever TRACKED' in decisions[1].why


def test_an_uncertain_object_that_no_detection_confirms_ends(stage):
    on_stage(stage, red=(LEFT, RED))
    stage.states['found_1'] = TrackState.UNCERTAIN
    assert actions(stage.run(31 * 30)) == [('end', 'found_1')]


def test_a_detector_that_is_silent_ends_nothing(stage):
    on_stage(stage, red=(LEFT, RED))
    stage.states['found_1'] = TrackState.UNCERTAIN
    for _ in range(31 * 30):
        assert not stage.track()


def test_an_operators_object_never_ends(stage):
    stage.put('red', LEFT, RED)
    stage.operator_adds('driver', 'red')
    stage.run(10, 'red')
    del stage.things['red']
    assert not stage.run(40 * 30)


def test_an_object_that_the_operator_prompted_is_the_operators(stage):
    on_stage(stage, red=(LEFT, RED))
    stage.overseer.leave_to_operator(['found_1'])
    del stage.things['red']
    assert not stage.run(40 * 30)


def test_what_the_operator_removed_is_not_found_again(stage):
    on_stage(stage, red=(LEFT, RED))
    del stage.follows['found_1']
    decisions = stage.run(300, 'red')
    assert actions(decisions) == [('dismiss', 'found_1')]


def test_after_a_reset_everything_is_new(stage):
    on_stage(stage, red=(LEFT, RED))
    stage.follows.clear()
    stage.overseer.reset()
    assert actions(stage.run(5, 'red')) == [('start', 'found_1')]


# How many there may be


def test_when_there_is_no_room_nothing_is_started_and_that_is_said_once():
    stage = Stage(max_objects=1)
    stage.put('left', LEFT)
    stage.put('right', RIGHT)
    stage.operator_adds('driver', 'left')
    decisions = stage.run(100, 'left', 'right')
    assert actions(decisions) == [('refuse', '')]
    assert 'tracking.max_objects' in decisions[0].why


def test_a_lost_object_makes_room():
    stage = Stage(max_objects=1)
    on_stage(stage, red=(LEFT, RED))
    del stage.things['red']
    stage.run(60)
    stage.put('blue', RIGHT, BLUE)
    assert actions(stage.run(5, 'blue')) == [('end', 'found_1'), ('start', 'found_2')]


def test_a_name_that_an_operator_gave_is_not_given_again(stage):
    stage.put('left', LEFT)
    stage.put('right', RIGHT)
    stage.operator_adds('found_1', 'left')
    assert actions(stage.run(5, 'left', 'right')) == [('start', 'found_2')]


# What is corrected

LEAKED = (10, 20, 120, 110)


def test_an_uncertain_object_is_prompted_with_the_box_that_contradicts_it(stage):
    on_stage(stage, red=(LEFT, RED))
    stage.states['found_1'], stage.masks['found_1'] = TrackState.UNCERTAIN, LEAKED
    decisions = stage.run(70, 'red')
    assert actions(decisions)[0] == ('correct', 'found_1')
    assert decisions[0].proposal.box == LEFT
    assert 'IoU of 0.16' in decisions[0].why


def test_corrections_are_rare(stage):
    on_stage(stage, red=(LEFT, RED))
    stage.run(90, 'red')
    stage.states['found_1'] = TrackState.UNCERTAIN
    stage.executes = False
    stage.masks['found_1'] = LEAKED
    assert actions(stage.run(150, 'red')) == [('correct', 'found_1')] * 3


def test_a_mask_that_stayed_behind_is_fetched(stage):
    on_stage(stage, red=(LEFT, RED))
    stage.run(90, 'red')
    stage.states['found_1'], stage.masks['found_1'] = TrackState.UNCERTAIN, LEFT
    for step in range(5):
        stage.put('red', (10 + 24 * step, 20, 50 + 24 * step, 60), RED)
        stage.run(1, 'red')
        if 'found_1' not in stage.masks:
            break
    assert actions(stage.decisions) == [('start', 'found_1'), ('correct', 'found_1')]
    assert 'has left its mask' in stage.decisions[-1].why


@pytest.mark.parametrize('state', [TrackState.TRACKED, TrackState.TENTATIVE])
def test_what_the_tracker_is_sure_of_is_not_corrected(stage, state):
    on_stage(stage, red=(LEFT, RED))
    stage.run(90, 'red')
    stage.states['found_1'], stage.masks['found_1'] = state, LEAKED
    assert not stage.run(60, 'red')


def test_a_detection_that_may_mean_another_object_corrects_none(stage):
    on_stage(stage, red=(LEFT, RED), blue=(RIGHT, BLUE))
    stage.run(90, 'red', 'blue')
    stage.states['found_1'], stage.masks['found_1'] = TrackState.UNCERTAIN, (10, 20, 150, 100)
    assert not [d for d in stage.run(14, 'red', 'blue') if d.action is Action.CORRECT]


def test_an_operators_object_is_not_corrected(stage):
    stage.put('red', LEFT, RED)
    stage.operator_adds('driver', 'red')
    stage.run(20, 'red')
    stage.states['driver'], stage.masks['driver'] = TrackState.UNCERTAIN, LEAKED
    assert not stage.run(150, 'red')


# Whatever a detector says

BOXES = st.tuples(
    st.integers(0, WIDTH - 20), st.integers(0, HEIGHT - 20), st.integers(8, 60), st.integers(8, 60)
).map(lambda b: (b[0], b[1], min(b[0] + b[2], WIDTH), min(b[1] + b[3], HEIGHT)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(BOXES, min_size=1, max_size=5),
    st.lists(st.lists(st.integers(0, 4), max_size=5), min_size=4, max_size=25),
    st.sampled_from([1, 2, 10]),
)
def test_no_instrument_gets_two_ids_whatever_is_detected_when(boxes, answers, max_objects):
    stage = Stage(max_objects=max_objects)
    for number, box in enumerate(boxes):
        stage.put(str(number), box)
    for answer in answers:
        stage.track()
        before = [one for one in stage.past[-1].known if one.is_seen]
        for decision in stage.look(*[str(number % len(boxes)) for number in answer]):
            if decision.action is Action.START:
                spot = Spot.of(decision.proposal)
                assert not any(lies_on(spot, one.crop) for one in before)
        assert len(stage.follows) <= max_objects
        followed = list(stage.follows.values())
        assert len(followed) == len(set(followed))
    assert {corners(one.crop) for one in before} <= {tuple(map(float, box)) for box in boxes}


def test_a_flood_starts_nothing_and_costs_little(stage):
    generator = np.random.default_rng(5)
    for _ in range(30):
        corner = generator.uniform(0, 100, (3000, 2))
        size = generator.uniform(2, 12, (3000, 2))
        scores = generator.uniform(0, 1, 3000)
        flood = [
            proposal((*a, *(a + b)), float(score))
            for a, b, score in zip(corner, size, scores, strict=True)
        ]
        stage.track()
        stage.look(*flood)
    assert len(stage.follows) <= 10
    assert sum(len(s.hits) for s in stage.overseer._sightings) <= 5 * 5 * 32
