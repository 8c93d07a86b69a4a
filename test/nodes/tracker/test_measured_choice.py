# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The choice between ways to run the network, by times that are made up."""

from __future__ import annotations

import pytest
import torch
from tiny_network import tiny_network

from surgsam2_ros.nodes.tracker.measured_choice import (
    LEAST_ROUNDS,
    MOST_ROUNDS,
    Measured,
    measure,
    use_measured_threads,
    without_slow_8_bits,
)
from surgsam2_ros.tracking.engines import EagerEncoder, EagerStepper, Engine


class Clock:
    """A clock that stands still but while something runs."""

    def __init__(self):
        self.now = 0.0
        self.taken = []

    def __call__(self):
        return self.now

    def way(self, name, *seconds):
        """Return what takes so long, time after time; the last again and again."""
        times = list(seconds)

        def run():
            self.taken.append(name)
            self.now += times.pop(0) if len(times) > 1 else times[0]

        return run


@pytest.mark.parametrize(
    ('one_s', 'two_s', 'chosen'),
    [
        (0.032, 0.094, 'one'),  # the second thread waits for a core that another process has
        (0.060, 0.032, 'two'),
        (0.032, 0.031, 'one'),  # hardly faster: the core is worth more to others
    ],
)
def test_the_second_way_is_taken_where_it_is_clearly_faster(one_s, two_s, chosen):
    clock = Clock()
    found = measure({'one': clock.way('one', one_s), 'two': clock.way('two', two_s)}, clock)
    assert found.chosen == chosen
    assert found.ms == pytest.approx({'one': 1e3 * one_s, 'two': 1e3 * two_s})


def test_neither_the_first_call_nor_a_slow_moment_decides():
    clock = Clock()
    ways = {'one': clock.way('one', 9.0, 0.04), 'two': clock.way('two', 9.0, 5.0, 0.02)}
    assert measure(ways, clock).chosen == 'two'


def test_they_are_taken_in_turns_and_no_longer_than_it_needs():
    quick, slow = Clock(), Clock()
    measure({name: quick.way(name, 0.001) for name in 'ab'}, quick)
    assert quick.taken == ['a', 'b'] * (1 + MOST_ROUNDS)
    measure({name: slow.way(name, 2.0) for name in 'ab'}, slow)
    assert slow.taken == ['a', 'b'] * (1 + LEAST_ROUNDS)


@pytest.fixture
def network():
    before = torch.get_num_threads()
    yield tiny_network().requires_grad_(False)
    torch.set_num_threads(before)


@pytest.mark.parametrize(('ms_of_two', 'threads'), [(94.0, 1), (17.0, 2)])
def test_the_network_gets_the_threads_that_were_faster(network, ms_of_two, threads):
    said, tried = [], []

    def made_up(ways):
        for way in ways.values():
            way()
            tried.append(torch.get_num_threads())
        one, two = ways
        return Measured(one if ms_of_two > 32.0 else two, {one: 32.0, two: ms_of_two})

    use_measured_threads(network, 2, said.append, made_up)
    assert tried == [1, 2]
    assert torch.get_num_threads() == threads
    (sentence,) = said
    assert '32.0 ms' in sentence and f'{ms_of_two} ms' in sentence


def test_with_one_thread_there_is_nothing_to_measure(network):
    def refuse(_):
        raise AssertionError

    use_measured_threads(network, 1, refuse, refuse)
    assert torch.get_num_threads() == 1


class EightBits:
    """Stands for the encoder of ONNX Runtime, with the results of the plain one."""

    name = 'ONNX Runtime int8'

    def __init__(self, network):
        self._plain = EagerEncoder(network)

    def encode(self, image):
        return self._plain.encode(image)


@pytest.mark.parametrize(('ms', 'kept'), [(20.0, True), (33.0, False)])
def test_8_bits_are_kept_only_where_they_are_faster(network, ms, kept):
    engine, said = Engine(EightBits(network), EagerStepper(network)), []

    def made_up(ways):
        plain, eight = ways
        return Measured(eight if ms < 32.0 else plain, {plain: 32.0, eight: ms})

    found = without_slow_8_bits(engine, network, said.append, made_up)
    assert (found is engine) is kept
    assert found.stepper is engine.stepper
    assert found.encoder.name == ('ONNX Runtime int8' if kept else 'torch')
    assert len(said) == (not kept)


def test_an_encoder_that_is_float32_already_is_not_measured(network):
    def refuse(_):
        raise AssertionError

    engine = Engine.eager(network)
    assert without_slow_8_bits(engine, network, refuse, refuse) is engine


def test_real_times_are_measured(network):
    said = []
    use_measured_threads(network, 2, said.append)
    assert torch.get_num_threads() in (1, 2)
    assert 'an image' in said[0]
