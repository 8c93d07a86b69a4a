# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A stage of a pipeline in its own thread: order, bounds, errors and an early end."""

import threading
import time
from contextlib import closing

import pytest

from surgsam2_ros.tracking import look_ahead


def test_items_come_in_their_order_and_from_one_other_thread():
    makers = set()

    def items():
        for item in range(20):
            makers.add(threading.get_ident())
            yield item

    assert list(look_ahead(items())) == list(range(20))
    assert len(makers) == 1
    assert threading.get_ident() not in makers


def test_no_items_are_no_items():
    assert list(look_ahead([])) == []


def test_it_runs_no_further_ahead_than_asked():
    made = []
    with closing(look_ahead((made.append(item) or item for item in range(20)), 3)) as items:
        assert next(items) == 0
        time.sleep(0.2)
        assert made == [0, 1, 2, 3]


def test_an_error_comes_in_the_place_of_its_item():
    def items():
        yield 'one'
        raise OSError('the disk is gone')

    items = look_ahead(items())
    assert next(items) == 'one'
    with pytest.raises(OSError, match='the disk is gone'):
        next(items)


def test_leaving_early_ends_the_thread_and_stages_before_it():
    before = threading.active_count()
    with closing(look_ahead(iter(range(100)))) as first:
        with closing(look_ahead(item + 1 for item in first)) as second:
            assert next(second) == 1
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
