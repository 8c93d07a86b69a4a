# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the inference thread does when memory is short, an engine breaks or the device is lost.

The tracker is real; the errors are those that PyTorch and ONNX Runtime raise, thrown by an engine.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from tiny_network import noise_frames, tiny_network

from surgsam2_ros.engines.fallback import FirstThatWorks
from surgsam2_ros.streaming.frame_slot import FrameSlot, ReceivedFrame
from surgsam2_ros.streaming.inference_thread import InferenceThread
from surgsam2_ros.streaming.requests import RequestError, RequestQueue
from surgsam2_ros.tracking import Prompt, StreamingTracker
from surgsam2_ros.tracking.engines import EagerEncoder, EagerStepper, Engine

FRAMES = noise_frames(8)
FRAME_NS = 33_000_000
BOX = (5, 5, 30, 30)
ILLEGAL_ACCESS = 'CUDA error: an illegal memory access was encountered'


class Breakable:
    """An encoder and stepper in plain PyTorch that raise what they are told to."""

    name = 'breakable'

    def __init__(self, network):
        self._encoder, self._stepper = EagerEncoder(network), EagerStepper(network)
        self.errors: list[Exception] = []  # raised in this order, by `steps` or by the encoder
        self.in_steps = True
        self.calls = 0

    def _fail(self, stepping: bool):
        if stepping == self.in_steps:
            self.calls += 1
            if self.errors:
                raise self.errors.pop(0)

    def encode(self, image):
        self._fail(stepping=False)
        return self._encoder.encode(image)

    def track(self, *arguments):
        self._fail(stepping=True)
        return self._stepper.track(*arguments)


@dataclass
class Bench:
    """An inference thread around a real tracker, and all that it said."""

    published: list = field(default_factory=list)
    problems: list = field(default_factory=list)
    failures: list = field(default_factory=list)
    dropped: int = 0
    sent: int = 0

    def __post_init__(self):
        network = tiny_network()
        self.engine = Breakable(network)
        self.fast = Breakable(network)
        self.fast.name = 'fast'
        engine = Engine(
            FirstThatWorks([self.engine], self.failures.append),
            FirstThatWorks([self.fast, self.engine], self.failures.append),
        )
        self.plain = StreamingTracker(network)
        wake = threading.Event()
        self.slot = FrameSlot('every_frame', wake=wake)
        self.requests = RequestQueue(wake=wake)
        self.thread = InferenceThread(
            load=lambda: StreamingTracker(network, engine=engine),
            slot=self.slot,
            requests=self.requests,
            wake=wake,
            decode=lambda number: FRAMES[number],
            publish=self.published.append,
            on_dropped=self.count_dropped,
            report=lambda kind, text: self.problems.append((kind, text)),
            now_ns=lambda: 0,
        )
        self.thread.start()

    def count_dropped(self, count):
        self.dropped += count

    def send(self):
        stamp_ns = (1 + self.sent) * FRAME_NS
        self.slot.put(ReceivedFrame(self.sent, stamp_ns, stamp_ns))
        self.sent += 1
        assert self.thread.wait_idle(30.0)

    def submit(self, *ids):
        prompts = [Prompt(object_id, box=BOX) for object_id in ids]
        return self.requests.submit_prompts(prompts, stamp_ns=0, allow_update=True, timeout_s=60.0)

    def add(self, *ids):
        added = self.submit(*ids)
        self.send()
        return added.result(timeout=30)

    @property
    def ids(self):
        return [item.object_id for item in self.thread.objects]


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    assert bench.thread.stop(60.0) or bench.thread.failure  # a lost device frees nothing


def test_an_engine_that_breaks_on_a_frame_costs_no_frame_and_no_id(bench):
    onnxruntime = pytest.importorskip('onnxruntime.capi.onnxruntime_pybind11_state')
    bench.add('a')
    bench.fast.errors = [onnxruntime.Fail('non-zero status code while running MatMul')]
    for _ in range(3):
        bench.send()
    assert [f.result.frame_index for f in bench.published] == [0, 1, 2, 3]
    assert bench.ids == ['a']
    assert bench.fast.calls == 1, 'it is not asked again'
    (said,) = bench.failures
    assert said.startswith('fast failed, breakable takes over: Fail: non-zero status code')
    assert bench.thread.failure == ''
    bench.plain.add_object('a', box=BOX)
    expected = [bench.plain.track(FRAMES[number]) for number in range(4)]
    for found, wanted in zip(bench.published, expected, strict=True):
        assert np.array_equal(found.result.label_image, wanted.label_image)


@pytest.mark.parametrize(
    'error',
    [
        torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB'),
        torch.AcceleratorError('CUDA error: out of memory'),
        RuntimeError('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`'),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_frame_that_finds_memory_short_is_tried_a_second_time(bench, error):
    bench.add('a')
    bench.fast.errors = [RuntimeError('gone')]
    bench.engine.errors = [error]
    bench.send()
    bench.send()
    assert [f.result.frame_index for f in bench.published] == [0, 1, 2]
    assert bench.dropped == 0
    assert bench.ids == ['a']
    ((kind, text),) = bench.problems
    assert (kind, text.split(' on ')[0]) == (
        'memory',
        'memory was short, the second attempt succeeded',
    )
    bench.plain.add_object('a', box=BOX)
    for found in bench.published:
        wanted = bench.plain.track(FRAMES[found.result.frame_index])
        assert np.array_equal(found.result.label_image, wanted.label_image)


def test_the_prompts_of_a_frame_that_is_tried_again_are_not_lost(bench):
    bench.engine.in_steps = False  # the encoder: frames with prompts run no step
    bench.engine.errors = [torch.OutOfMemoryError('CUDA out of memory.')]
    outcome = bench.add('a', 'b')
    assert [item.object_id for item in outcome.objects] == ['a', 'b']
    assert len(bench.published) == 1


def test_a_frame_that_finds_memory_short_twice_is_dropped_and_costs_no_object(bench):
    bench.add('a')
    bench.fast.errors = [RuntimeError('gone')]
    bench.engine.errors = [torch.OutOfMemoryError('CUDA out of memory.') for _ in range(2)]
    bench.send()
    bench.send()
    assert [f.result.frame_index for f in bench.published] == [0, 1]
    assert [f.dropped_since_last for f in bench.published] == [0, 1]
    assert bench.ids == ['a']
    ((kind, text),) = bench.problems
    assert kind == 'inference'
    assert 'OutOfMemoryError: CUDA out of memory' in text
    assert bench.thread.failure == ''


@pytest.mark.parametrize('error_type', [torch.AcceleratorError, RuntimeError])
def test_a_lost_device_is_told_and_nothing_is_tried_any_more(bench, error_type):
    bench.add('a')
    bench.fast.errors = [error_type(ILLEGAL_ACCESS)]
    bench.send()
    assert bench.thread.failure.startswith('the device was lost, restart the process of the node')
    assert ILLEGAL_ACCESS in bench.thread.failure
    assert bench.problems[-1] == ('inference', bench.thread.failure)
    assert bench.failures == [], 'plain PyTorch has no other device'
    calls, said = bench.fast.calls, len(bench.problems)
    bench.send()
    assert (bench.fast.calls, bench.dropped, len(bench.problems)) == (calls, 2, said)
    assert bench.ids == ['a']
    assert len(bench.published) == 1


def test_requests_to_a_lost_device_are_answered_at_once(bench):
    bench.add('a')
    bench.fast.errors = [torch.AcceleratorError(ILLEGAL_ACCESS)]
    bench.send()
    with pytest.raises(RequestError, match='the device was lost'):
        bench.submit('b').result(timeout=10)
    call = bench.requests.submit_call(lambda tracker: tracker.objects, timeout_s=60.0)
    with pytest.raises(RequestError, match='the device was lost'):
        call.result(timeout=10)


def test_a_device_that_is_lost_in_a_request_is_lost(bench):
    def segment(_tracker):
        raise torch.AcceleratorError(ILLEGAL_ACCESS)

    with pytest.raises(torch.AcceleratorError):
        bench.requests.submit_call(segment, timeout_s=60.0).result(timeout=10)
    assert ILLEGAL_ACCESS in bench.thread.failure
