# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tests of counting images that never arrived."""

from __future__ import annotations

from surgsam2_ros.nodes.tracker.endpoints.image_input import GapCounter


def info(number: int | None, publisher: bytes = b'camera') -> dict:
    return {'publication_sequence_number': number, 'publisher_gid': {'data': publisher}}


def counts(*infos: dict, publishers: int = 2) -> list[int]:
    counter = GapCounter(lambda: publishers)
    return [counter.count(item) for item in infos]


def test_messages_without_a_gap_count_nothing():
    assert counts(info(41), info(42), info(43)) == [0, 0, 0]


def test_a_gap_counts_the_messages_between():
    assert counts(info(1), info(5), info(6), info(8)) == [0, 3, 0, 1]


def test_publishers_are_counted_apart():
    assert counts(info(1, b'a'), info(90, b'b'), info(2, b'a'), info(92, b'b')) == [0, 0, 0, 1]


def test_a_publisher_that_starts_over_loses_nothing():
    assert counts(info(50), info(1), info(2)) == [0, 0, 0]


def test_a_middleware_without_numbers_counts_nothing():
    assert counts(info(None), {}, info(None)) == [0, 0, 0]


def test_messages_that_do_not_tell_their_publisher_are_counted_while_there_is_one():
    anonymous = [{'publication_sequence_number': number} for number in (1, 2, 5)]
    assert counts(*anonymous, publishers=1) == [0, 0, 2]


def test_two_publishers_that_messages_do_not_tell_apart_give_no_false_gaps():
    numbers = (100, 1, 101, 2, 102, 3)
    anonymous = [{'publication_sequence_number': number} for number in numbers]
    assert counts(*anonymous, publishers=2) == [0] * 6
