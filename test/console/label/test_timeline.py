# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The time line without widgets: places, ranges, keys and what a browser draws."""

import base64

import numpy as np
import pytest
from label_desks import give, mask_prompt

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.label.frame_masks import ObjectMask
from surgsam2_ros.console.label.label_desk import Overview
from surgsam2_ros.console.label.labels import Verdict
from surgsam2_ros.console.label.timeline import (
    ACCEPTED,
    MOST_COLUMNS,
    PROMPT_BIT,
    REJECTED,
    TRACKED,
    UNCERTAIN_BIT,
    TimeLine,
    around,
    columns,
)
from surgsam2_ros.datasets import VosFolder
from surgsam2_ros.tracking import MaskCrop, TrackState


@pytest.fixture
def line(desk, tmp_path):
    return TimeLine(desk, tmp_path / 'set', 'ann')


def _track(desk, frames, state=TrackState.TRACKED):
    """Have frames tracked, as if masks had been carried to them."""
    for frame in frames:
        mask = ObjectMask(1, MaskCrop.of(np.ones(desk.recording.size, bool)), 0.9, 1.0, state)
        desk.labelling.put(frame, [mask])


def _overview(frames, **arrays):
    values = {name: np.zeros(frames, bool) for name in ('tracked', 'uncertain', 'prompted')}
    values['verdicts'] = np.zeros(frames, np.uint8)
    return Overview(position=0, progress=None, **{**values, **arrays})


@pytest.mark.parametrize(
    ('key', 'shift', 'frame'),
    [
        ('ArrowRight', False, 6),
        ('ArrowLeft', False, 4),
        ('ArrowRight', True, 11),
        ('ArrowLeft', True, 0),
        ('Home', False, 0),
        ('End', False, 11),
    ],
)
def test_keys_go_through_the_recording(line, desk, key, shift, frame):
    desk.go_to(5)
    line.press(key, shift=shift)
    assert desk.position == frame


def test_it_goes_to_uncertain_frames_that_nobody_judged_yet(line, desk):
    give(desk, 0, mask_prompt(0))
    _track(desk, range(1, 10))
    _track(desk, [3, 6, 8], TrackState.UNCERTAIN)
    desk.judge(Verdict.REJECTED, 6, 6)
    desk.go_to(0)
    line.press('u')
    assert desk.position == 3
    line.press('u')
    assert desk.position == 8
    with pytest.raises(DeskError, match='no uncertain frame after'):
        line.press('u')
    line.press('y')
    assert desk.position == 3


def test_without_marks_a_verdict_is_about_what_lies_around_alike(line, desk):
    give(desk, 2, mask_prompt(2))
    _track(desk, range(3, 9))
    line.press('a')
    assert np.flatnonzero(desk.overview().verdicts).tolist() == list(range(2, 9))
    line.press('x')
    assert not desk.overview().verdicts.any()
    desk.go_to(10)
    with pytest.raises(DeskError, match='frames 9 to 11 have no masks'):
        line.press('a')


def test_marks_make_a_range_which_a_verdict_uses_up(line, desk):
    give(desk, 0, mask_prompt(0))
    _track(desk, range(1, 12))
    desk.go_to(4)
    line.press('[')
    desk.go_to(7)
    line.press(']')
    assert line.state()['range'] == [4, 7]
    assert line.state()['marked']
    line.press('r')
    assert np.flatnonzero(desk.overview().verdicts == Verdict.REJECTED).tolist() == [4, 5, 6, 7]
    assert not line.state()['marked']


def test_marks_in_the_other_order_make_a_range_too(line, desk):
    desk.go_to(7)
    line.mark_last()
    desk.go_to(9)
    line.mark_first()
    assert line.state()['range'] == [9, 9]
    desk.go_to(5)
    line.mark_last()
    assert line.state()['range'] == [5, 5]
    line.unmark()
    assert line.state()['range'] == [0, 11]


def test_p_and_b_carry_masks_and_e_exports_what_was_accepted(line, desk, tmp_path):
    give(desk, 8, mask_prompt(8))
    line.press('p')
    assert desk.wait(60)
    desk.go_to(8)
    line.press('b')
    line.press('s')
    assert desk.wait(60)
    desk.judge(Verdict.ACCEPTED, 8, 11)
    line.press('e')
    assert desk.wait(60)
    assert [len(video.frames) for video in VosFolder(tmp_path / 'set').videos] == [4]


def test_columns_say_what_most_of_their_frames_are():
    seen = _overview(
        4 * MOST_COLUMNS,
        tracked=np.arange(4 * MOST_COLUMNS) < 10,
        verdicts=np.zeros(4 * MOST_COLUMNS, np.uint8),
    )
    seen.verdicts[4:8] = Verdict.ACCEPTED
    seen.verdicts[16:20] = Verdict.REJECTED
    seen.prompted[1] = seen.uncertain[2] = seen.uncertain[5] = True
    summed = columns(seen)
    assert len(summed) == MOST_COLUMNS
    expected = [TRACKED | UNCERTAIN_BIT | PROMPT_BIT, ACCEPTED, 0, 0, REJECTED, 0]
    assert summed[:6].tolist() == expected


@pytest.mark.parametrize('frames', [1, 2, 999, MOST_COLUMNS + 1, 100_003])
def test_what_a_browser_gets_is_bounded_and_leaves_no_frame_out(frames):
    for place in (0, frames // 2, frames - 1):
        prompted = np.zeros(frames, bool)
        prompted[place] = True
        summed = columns(_overview(frames, prompted=prompted))
        assert len(summed) == min(frames, MOST_COLUMNS)
        assert np.count_nonzero(summed & PROMPT_BIT) == 1


def test_the_state_has_numbers_and_what_goes_on(line, desk):
    give(desk, 3, mask_prompt(3))
    state = line.state()
    assert (state['frames'], state['position'], state['tracked'], state['work']) == (12, 3, 1, '')
    assert state['seconds'] == pytest.approx(3 / 15)
    assert base64.b64decode(state['columns'])[3] == TRACKED | PROMPT_BIT


def test_what_lies_around_ends_where_values_change():
    values = np.array([0, 0, 1, 1, 1, 0])
    assert [around(i, values) for i in (0, 2, 3, 5)] == [(0, 1), (2, 4), (2, 4), (5, 5)]
