# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The streaming tracker against the official predictor, each on its own memory."""

import functools

import numpy as np
import pytest

pytest.importorskip('sam2')
pytest.importorskip('hydra')

from oracle_sam2 import (
    Event,
    Oracle,
    build_pair,
    compare,
    make_clip,
    mask_prompt,
    nearest_to_outline,
    only,
    run_ours,
    shared_features,
)

from surgsam2_ros.tracking import TrackerConfig

SIZE, FRAMES = 256, 30
LIMIT = 1e-5
ROUNDING = 4e-7  # of mask logits, which are within 0.3 here
REFINED_AT, ADDED_AT = 12, 10

MASK = Event(0, 'mask', {'mask': mask_prompt(SIZE)})
BOX = Event(0, 'box', {'box': [61, 60, 150, 140]})
ONE_POINT = Event(0, 'one point', {'points': [[100, 120]], 'labels': [1]})
FIVE_POINTS = Event(
    0,
    'five points',
    {
        'points': [[92, 120], [90, 110], [100, 100], [20, 20], [200, 200]],
        'labels': [1, 1, 1, 0, 0],
    },
)
FIRST = [MASK, BOX, ONE_POINT, FIVE_POINTS]
ADDED = Event(ADDED_AT, 'added later', {'box': [117, 40, 180, 160]})
CLICK = Event(REFINED_AT, 'one point', {'points': [[132, 90]], 'labels': [0]})
TWO_CLICKS = [
    Event(0, 'two clicks', {'points': [[87, 120]], 'labels': [1]}),
    Event(0, 'two clicks', {'points': [[30, 40]], 'labels': [0], 'clear_old_points': False}),
]
STREAM = [MASK, ONE_POINT, ADDED, CLICK]
SHORT = 9  # frames after which every kind of memory is in use and recent ones are forgotten


@functools.cache
def pair():
    return build_pair(hot=False, image_size=SIZE)


@functools.cache
def oracle():
    return Oracle(pair()[0], make_clip(FRAMES, SIZE))


@functools.cache
def official_start():
    """One official run is the truth for every object in it: they do not influence each other."""
    return oracle().run([*FIRST, *TWO_CLICKS], frames=SHORT)


@functools.cache
def official_stream():
    return oracle().run(STREAM)


@functools.cache
def our_stream():
    """Three objects in one batch; one comes at frame 10, one is corrected at frame 12."""
    return run_ours(pair()[1], oracle().clip, STREAM)


def assert_equal(ours, official):
    difference = compare(ours, official)
    assert difference.within(LIMIT), difference


def assert_decided(official, events):
    """Prompted masks are remembered as 0 and 1: no pixel may be so near that rounding decides."""
    for event in events:
        assert nearest_to_outline(official, event, SIZE) > 5 * ROUNDING, event.object_id


@pytest.mark.slow  # of the bounds of this module, which the other tests keep to
def test_rounding_decides_no_pixel_of_a_prompted_mask():
    assert_decided(official_start(), [*FIRST, TWO_CLICKS[0]])
    assert_decided(official_stream(), STREAM)


@pytest.mark.parametrize('event', FIRST, ids=lambda event: event.object_id)
def test_one_object_by_each_kind_of_prompt(event):
    with shared_features(pair()[1]):
        ours = run_ours(pair()[1], oracle().clip, [event], frames=SHORT)
    assert_equal(ours, official_start())


def test_three_objects_in_one_batch():
    with shared_features(pair()[1]):
        ours = run_ours(pair()[1], oracle().clip, [MASK, BOX, FIVE_POINTS], frames=SHORT)
    assert_equal(ours, official_start())


def test_two_clicks_before_tracking():
    with shared_features(pair()[1]):
        ours = run_ours(pair()[1], oracle().clip, TWO_CLICKS, frames=3)
    assert_equal(ours, official_start())


def test_thirty_frames_of_three_objects():
    assert len(our_stream().logits) == 2 * FRAMES + FRAMES - ADDED_AT
    assert_equal(our_stream(), official_stream())


def test_an_object_added_at_frame_10():
    trace = only(our_stream(), 'added later')
    assert min(frame for _, frame in trace.logits) == ADDED_AT
    assert_equal(trace, official_stream())


def test_a_refinement_click():
    corrected, before = (our_stream().logits['one point', REFINED_AT - back] for back in (0, 1))
    assert (corrected - before).abs().max() > 100 * LIMIT
    assert_equal(only(our_stream(), 'one point'), official_stream())


def test_a_click_on_a_past_frame_equals_the_official_correction():
    """The official predictor goes back to the frame; the stream replays its newest frames."""
    click = Event(CLICK.frame + 3, CLICK.object_id, CLICK.prompt)
    with shared_features(pair()[1]):
        trace = run_ours(
            pair()[1],
            oracle().clip,
            [ONE_POINT, click],
            config=TrackerConfig(replay_frames=4),
            frames=18,
            ago=3,
        )
    late = {key: value for key, value in trace.logits.items() if key[1] >= click.frame}
    official = official_stream().logits
    assert max((late[key] - official[key]).abs().max().item() for key in late) <= LIMIT


def test_a_correction_that_conditions():
    """With corrections_condition the official `add_all_frames_to_correct_as_cond` is met."""
    official, ours = pair()
    click = Event(4, CLICK.object_id, CLICK.prompt)
    official.add_all_frames_to_correct_as_cond = True
    try:
        expected = oracle().run([ONE_POINT, click], frames=SHORT)
    finally:
        official.add_all_frames_to_correct_as_cond = False
    with shared_features(ours):
        trace = run_ours(
            ours,
            oracle().clip,
            [ONE_POINT, click],
            config=TrackerConfig(corrections_condition=True),
            frames=SHORT,
        )
    assert_decided(expected, [click])
    assert compare(trace, expected).logits <= LIMIT


def test_masks_at_image_size():
    """Prompts and masks of an image of another shape than the network's square."""
    height, width = 120, 200
    official, ours = pair()
    mask = np.zeros((height, width), bool)
    mask[30:70, 50:120] = True
    events = [
        Event(0, 'mask', {'mask': mask}),
        Event(0, 'box', {'box': [32.5, 30.25, 90, 100]}),
        Event(0, 'points', {'points': [[169, 60], [20, 20]], 'labels': [1, 0]}),
    ]
    clip = np.ascontiguousarray(make_clip(16, SIZE)[:, :height, :width])
    expected = Oracle(official, clip).run(events, frames=3)
    assert_decided(expected, events)
    trace = run_ours(ours, clip, events, frames=3)
    assert compare(trace, expected).logits <= LIMIT
    for key, mask in trace.masks.items():
        different = mask != (expected.image_logits[key] > 0).numpy()
        assert different.mean() < 1e-4


@pytest.mark.slow
def test_at_512_pixels():
    official, ours = build_pair(hot=False, image_size=512)
    events = [
        Event(0, 'mask', {'mask': mask_prompt(512)}),
        Event(0, 'point', {'points': [[160, 240]], 'labels': [1]}),
        Event(4, 'box', {'box': [120, 120, 300, 280]}),
        Event(9, 'point', {'points': [[240, 180]], 'labels': [0]}),
    ]
    oracle_512 = Oracle(official, make_clip(18, 512))
    difference = compare(run_ours(ours, oracle_512.clip, events), oracle_512.run(events))
    assert difference.logits <= LIMIT
    assert difference.pointer <= LIMIT
