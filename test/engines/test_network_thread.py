# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Images that wait at the same moment are encoded in one batch, and everybody gets an answer."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import torch
from tiny_network import SIZE, tiny_network

from surgsam2_ros.engines.captured import CapturedEncoder, LateFrames
from surgsam2_ros.engines.network_thread import NetworkThread, SharedEncoder, SharedStepper
from surgsam2_ros.network import ImageFeatures
from surgsam2_ros.tracking.engines import EagerEncoder

LONG_S = 20.0  # of a patience that a test must not run into


class Encoder:
    """Gives an image back as its features, when it is let."""

    name, batches = 'of the test', True

    def __init__(self) -> None:
        self.go, self.began = threading.Event(), threading.Semaphore(0)
        self.go.set()
        self.error: Exception | None = None

    def encode(self, image):
        self.began.release()
        assert self.go.wait(LONG_S)
        if self.error is not None:
            raise self.error
        return ImageFeatures(image, image, image)


def image(number: int) -> torch.Tensor:
    return torch.full((1, 3, 2, 2), number, dtype=torch.uint8)


def number_of(features: ImageFeatures) -> int:
    assert all(part.shape == (1, 3, 2, 2) for part in features)
    return int(features.stride16.unique())


@pytest.fixture(name='encoder')
def _encoder():
    return Encoder()


@pytest.fixture(name='make')
def _make(encoder):
    """Give a function that makes a thread of three members, and one that sends in the back."""
    threads, pool = [], ThreadPoolExecutor(16)

    def make(**options):
        threads.append(NetworkThread(encoder, 3, **options))
        return threads[-1]

    def send(thread, member, number) -> Future:
        return pool.submit(thread.encode, member, image(number))

    make.send = send
    yield make
    encoder.go.set()
    for thread in threads:
        thread.close()
    pool.shutdown()


def wait_until(is_so) -> None:
    deadline = time.monotonic() + LONG_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def meet(make, encoder, thread, members) -> list[Future]:
    """Have these members send while the thread is busy, so that they are in its next batch."""
    encoder.go.clear()
    first = make.send(thread, members[0], 100)
    assert encoder.began.acquire(timeout=LONG_S)
    sent = [make.send(thread, member, number) for number, member in enumerate(members)]
    wait_until(lambda: len(thread._images) == len(members))
    encoder.go.set()
    assert number_of(first.result(LONG_S)) == 100
    return sent


def test_images_that_wait_go_in_one_batch_and_each_gets_its_own_features(make, encoder):
    thread = make()
    sent = meet(make, encoder, thread, 'abc')
    assert [number_of(one.result(LONG_S)) for one in sent] == [0, 1, 2]
    assert list(thread.batches) == [1, 3]


def test_an_image_waits_for_those_who_lately_sent_one(make, encoder):
    thread = make(patience_s=LONG_S)
    for one in meet(make, encoder, thread, 'ab'):
        one.result(LONG_S)
    early = make.send(thread, 'a', 1)
    time.sleep(0.05)
    assert not early.done()
    late = make.send(thread, 'b', 2)
    assert [number_of(one.result(LONG_S)) for one in (early, late)] == [1, 2]
    assert list(thread.batches) == [1, 2, 2]


def test_a_member_by_itself_never_waits(make):
    thread = make(patience_s=LONG_S)
    for number in range(5):
        assert number_of(make.send(thread, 'a', number).result(LONG_S / 4)) == number


def test_one_that_sends_no_more_is_waited_for_as_long_as_told_and_then_forgotten(make, encoder):
    thread = make(patience_s=0.2)
    for one in meet(make, encoder, thread, 'ab'):
        one.result(LONG_S)
    waits = []
    for number in range(6):
        began = time.monotonic()
        make.send(thread, 'a', number).result(LONG_S)
        waits.append(time.monotonic() - began)
    waited = [wait_s >= 0.2 for wait_s in waits]
    assert waited == [True, True, True, False, False, False]  # the last three batches count


def test_one_that_leaves_is_waited_for_no_more_even_now(make, encoder):
    thread = make(patience_s=LONG_S)
    for one in meet(make, encoder, thread, 'ab'):
        one.result(LONG_S)
    waiting = make.send(thread, 'a', 7)
    time.sleep(0.05)
    assert not waiting.done()
    thread.leave('b')
    assert number_of(waiting.result(LONG_S / 4)) == 7


def test_what_fails_in_a_batch_reaches_all_of_it_and_nobody_else(make, encoder):
    thread = make()
    encoder.go.clear()
    first = make.send(thread, 'a', 100)
    assert encoder.began.acquire(timeout=LONG_S)
    sent = [make.send(thread, member, 0) for member in 'abc']
    wait_until(lambda: len(thread._images) == 3)
    encoder.error = RuntimeError('no memory left')
    encoder.go.set()
    for one in (first, *sent):
        with pytest.raises(RuntimeError, match='no memory left'):
            one.result(LONG_S)
    encoder.error = None
    assert number_of(make.send(thread, 'a', 5).result(LONG_S)) == 5


def test_a_call_goes_before_images_that_wait_for_others(make, encoder):
    thread = make(patience_s=LONG_S)
    for one in meet(make, encoder, thread, 'ab'):
        one.result(LONG_S)
    waiting = make.send(thread, 'a', 1)
    wait_until(lambda: len(thread._images) == 1)
    assert thread.run(lambda x: x + 1, 1) == 2
    assert not waiting.done()
    with pytest.raises(ZeroDivisionError):
        thread.run(lambda: 1 // 0)
    make.send(thread, 'b', 1).result(LONG_S)
    waiting.result(LONG_S)


def test_calls_of_all_run_in_one_thread_without_gradients(make):
    thread = make()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: thread.run(threading.get_ident), range(8)))
    assert len(set(found)) == 1 and threading.get_ident() not in found
    assert thread.run(torch.is_inference_mode_enabled)


def test_closing_fails_what_waits_and_what_comes(make, encoder):
    thread = make(patience_s=LONG_S)
    for one in meet(make, encoder, thread, 'ab'):
        one.result(LONG_S)
    waiting = make.send(thread, 'a', 1)
    wait_until(lambda: len(thread._images) == 1)
    thread.close()
    with pytest.raises(RuntimeError, match='given back'):
        waiting.result(LONG_S)
    with pytest.raises(RuntimeError, match='given back'):
        thread.encode('a', image(1))
    with pytest.raises(RuntimeError, match='given back'):
        thread.run(lambda: None)


def test_no_wake_up_is_lost_among_many_who_come_and_go(make):
    """Members with paces of their own, one of whom ends early: all answers come and are right."""
    thread = make(patience_s=0.001)

    def live(member: int) -> int:
        rounds = 10 if member == 2 else 120
        for number in range(rounds):
            assert number_of(thread.encode(member, image(number))) == number
            if member == 1:
                time.sleep(0.0005)
        return rounds

    with ThreadPoolExecutor(3) as pool:
        lives = [pool.submit(live, member) for member in range(3)]
        assert [one.result(LONG_S) for one in lives] == [120, 120, 10]
    assert sum(thread.batches) == 250
    assert max(thread.batches) > 1


def test_an_encoder_that_takes_single_images_gets_them_at_once(make, encoder):
    encoder.batches = False
    thread = make(patience_s=LONG_S)
    sent = meet(make, encoder, thread, 'abc')
    assert [number_of(one.result(LONG_S)) for one in sent] == [0, 1, 2]
    assert set(thread.batches) == {1}


def images(number: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    shape = (1, 3, SIZE, SIZE)
    return [
        torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator) for _ in range(number)
    ]


@torch.inference_mode()
def test_features_of_a_batch_are_those_of_its_images(make):
    encoder = EagerEncoder(tiny_network().prepare_inference())
    first, second = images(2)
    together = encoder.encode(torch.cat([first, second]))
    for row, single in enumerate((first, second)):
        for found, wanted in zip(together, encoder.encode(single), strict=True):
            torch.testing.assert_close(found[row : row + 1], wanted, rtol=1e-4, atol=1e-4)


def test_captures_are_made_for_each_size_of_a_batch_and_once():
    captured = []

    def backend(graph, inputs):
        captured.append([tuple(one.shape) for one in inputs if one.shape[-1:] == (SIZE,)])
        return graph.forward

    late = LateFrames(pytest.fail)
    encoder = CapturedEncoder(tiny_network(), {'backend': backend}, late)
    thread = NetworkThread(encoder, 2)
    try:
        for _ in range(2):  # two trackers
            SharedEncoder(thread).warm_up(images(1)[0])
        assert captured == [[(2, 3, SIZE, SIZE)], [(1, 3, SIZE, SIZE)]]
        for number in (1, 2):
            features = thread.run(encoder.encode, torch.cat(images(number)))
            assert len(features.stride16) == number
    finally:
        thread.close()
    assert (late.number, len(captured)) == (0, 2)


def test_a_stepper_runs_in_the_thread_and_keeps_its_name(make):
    class Stepper:
        name = 'of the test'

        def track(self, *arguments):
            return threading.current_thread().name, arguments

    shared = SharedStepper(make(), Stepper())
    assert (shared.name, shared.needs_warm_up) == ('of the test', False)
    assert shared.track(1, 2) == ('network', (1, 2))
