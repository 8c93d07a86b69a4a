# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One odd stamp costs little, a clock that was set back is believed soon."""

from __future__ import annotations

import pytest

from surgsam2_ros.streaming.stamp_order import PATIENCE, Order, StampOrder

MS = 1_000_000
NEXT, LATE, SET_BACK = Order.NEXT, Order.LATE, Order.SET_BACK


def judged(*stamps_ms: float, order: StampOrder | None = None) -> list[Order]:
    order = order or StampOrder()
    return [order.judge(round(stamp * MS)) for stamp in stamps_ms]


def test_growing_and_equal_stamps_are_next():
    assert judged(0, 33, 33, 67, 10_000) == [NEXT] * 5


def test_an_overtaken_image_is_late_however_often():
    assert judged(100, 67, 70, 80, 99, 133) == [NEXT, LATE, LATE, LATE, LATE, NEXT]


@pytest.mark.parametrize('step_ms', [150, 5000, 3_600_000])
def test_a_clock_set_back_is_believed_after_some_images(step_ms):
    start = 7_200_000
    stamps = [start - step_ms + 33 * n for n in range(5)]
    expected = [LATE] * (PATIENCE - 1) + [SET_BACK, NEXT, NEXT]
    assert judged(start, *stamps) == [NEXT, *expected]


def test_single_odd_images_never_add_up():
    assert judged(5000, 0, 5033, 10, 5067, 20, 5100, 30) == [NEXT, LATE] * 4


def test_images_behind_in_no_order_are_no_clock():
    assert judged(5000, 300, 200, 100, 50) == [NEXT, LATE, LATE, LATE, LATE]


def test_one_image_ahead_costs_as_many_as_the_patience():
    assert judged(0, 1033, 67, 100, 133, 167) == [NEXT, NEXT, LATE, LATE, SET_BACK, NEXT]


def test_a_clock_that_was_seen_to_be_set_back_is_believed_at_once():
    order = StampOrder()
    judged(5000, order=order)
    order.expect_set_back()
    assert judged(0, 33, order=order) == [SET_BACK, NEXT]
    assert judged(0, order=order) == [LATE], 'once'


def test_what_was_expected_and_did_not_come_is_forgotten():
    order = StampOrder()
    judged(5000, order=order)
    order.expect_set_back()
    assert judged(5033, 0, order=order) == [NEXT, LATE]


def test_after_forgetting_anything_comes_next():
    order = StampOrder()
    judged(5000, 0, 33, order=order)
    order.forget()
    assert order.newest_ns is None
    assert judged(10, order=order) == [NEXT]
