# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the inference thread, with a tracker that can be told to fail."""

from __future__ import annotations

import threading
import time

import pytest
from inference_bench import (
    BROKEN,
    MS,
    START,
    UNFORESEEN,
    UNREADABLE,
    Bench,
)

from surgsam2_ros.streaming.frame_slot import ReceivedFrame
from surgsam2_ros.streaming.requests import RequestError


@pytest.fixture(params=[False, True], ids=['one_thread', 'encode_ahead'])
def bench(request):
    bench = Bench(encode_ahead=request.param)
    bench.thread.start()
    yield bench
    assert bench.thread.stop()


def test_frames_are_published_in_order_with_their_messages(bench):
    for k in range(5):
        bench.send(k * 33)
    bench.settle()
    assert [f.received.stamp_ns for f in bench.published] == [
        START + int(k * 33 * MS) for k in range(5)
    ]
    assert [f.result.frame_index for f in bench.published] == list(range(5))
    assert bench.dropped == 0


def test_the_tracker_is_given_the_stamp_of_each_frame_and_none_where_that_is_zero(bench):
    for offset_ms in (-START / MS, 0, 33):
        bench.send(offset_ms)
    bench.settle()
    assert bench.tracker.stamps_ns == [None, START, START + 33 * MS]


def test_a_frame_is_remembered_after_its_result_is_out(bench):
    bench.tracker.count_published = lambda: len(bench.published)
    for k in range(3):
        bench.send(k * 33)
    bench.settle()
    assert bench.tracker.remembered == [1, 2, 3]


def test_a_frame_that_cannot_be_remembered_is_told_and_ends_nothing(bench):
    bench.tracker.remember_error = RuntimeError('no room')
    bench.send(0)
    bench.settle()
    bench.tracker.remember_error = None
    bench.send(33)
    bench.settle()
    assert len(bench.published) == 2
    ((kind, text),) = bench.problems
    assert kind == 'memory'
    assert 'was not kept: RuntimeError: no room' in text


def test_a_frame_that_fails_is_counted_and_costs_no_object(bench):
    added = bench.prompt('a')
    bench.send(0)
    added.result(timeout=5)
    bench.send(33, BROKEN)
    bench.send(66)
    bench.settle()
    assert [f.dropped_since_last for f in bench.published] == [0, 1]
    assert bench.tracker.ids == ['a']
    ((kind, text),) = bench.problems
    assert kind == 'inference'
    assert 'RuntimeError: out of memory' in text


def test_objects_that_came_with_a_frame_that_fails_are_taken_back(bench):
    first = bench.prompt('a')
    bench.send(0)
    first.result(timeout=5)
    second = bench.prompt('a', 'b')
    bench.send(33, BROKEN)
    with pytest.raises(RequestError, match='out of memory'):
        second.result(timeout=5)
    bench.settle()
    assert bench.tracker.ids == ['a']


def test_an_unreadable_image_keeps_prompts_waiting_for_the_next(bench):
    added = bench.prompt('a')
    bench.send(0, UNREADABLE)
    bench.settle()
    assert not added.done()
    bench.send(33)
    assert added.result(timeout=5).objects[0].object_id == 'a'
    bench.settle()
    assert bench.published[0].dropped_since_last == 1
    assert bench.problems == [('image', 'image was not read: truncated')]


def test_a_rejected_prompt_names_its_object_and_the_frame_goes_on(bench):
    added = bench.prompt('bad')
    bench.send(0)
    with pytest.raises(RequestError) as caught:
        added.result(timeout=5)
    assert caught.value.object_ids == ('bad',)
    bench.settle()
    assert len(bench.published) == 1


def test_a_prompt_of_a_past_frame_conditions_that_frame(bench):
    for k in range(4):
        bench.send(k * 33)
    bench.settle()
    added = bench.prompt('a', offset_ms=66)
    bench.send(133)
    assert added.result(timeout=5).moved_ns == 0
    assert bench.tracker.prompted_frames == [2]


def test_a_prompt_of_a_coming_frame_waits_for_it(bench):
    added = bench.prompt('a', offset_ms=66)
    bench.send(0)
    bench.send(33)
    bench.settle()
    assert not added.done()
    bench.send(66)
    added.result(timeout=5)
    assert bench.tracker.prompted_frames == [None]


def send_after(bench, first_ms: float, *then_ms: float) -> None:
    """Add an object with the first image, then send the others."""
    added = bench.prompt('a')
    bench.send(first_ms)
    added.result(timeout=5)
    for offset_ms in then_ms:
        bench.send(offset_ms)
    bench.settle()


def test_stamps_that_stay_behind_cost_two_images_and_no_object(bench):
    send_after(bench, 5000, 0, 33, 67, 100)
    assert bench.tracker.ids == ['a']
    assert [f.result.frame_index for f in bench.published] == [0, 1, 2]
    assert [f.dropped_since_last for f in bench.published] == [0, 2, 0]
    assert [kind for kind, _ in bench.problems] == ['order', 'order', 'jump']
    assert 'back by 4.933 s; tracking goes on' in bench.problems[-1][1]


@pytest.mark.parametrize('odd_ms', [-3_600_000, 0])
def test_one_image_stamped_in_the_past_is_dropped_and_changes_nothing(bench, odd_ms):
    send_after(bench, 5000, odd_ms, 5033, 5067)
    assert bench.tracker.ids == ['a']
    assert [f.dropped_since_last for f in bench.published] == [0, 1, 0]
    assert [kind for kind, _ in bench.problems] == ['order']


def test_one_image_stamped_ahead_costs_two_others(bench):
    send_after(bench, 0, 1033, 67, 100, 133, 167)
    assert bench.tracker.ids == ['a']
    assert [f.received.stamp_ns for f in bench.published] == [
        START + offset * MS for offset in (0, 1033, 133, 167)
    ]
    assert bench.dropped == 2


def test_prompts_follow_the_stamps_after_a_jump(bench):
    send_after(bench, 5000, 0, 33, 67, 100)
    late = bench.prompt('b', offset_ms=67)
    bench.send(133)
    late.result(timeout=5)
    assert bench.tracker.prompted_frames[-1] == 1, 'of the image at 67 ms, the second tracked'


def test_a_jump_forgets_the_objects_where_that_is_wanted(bench):
    bench.thread.reset_on_jump = True
    send_after(bench, 5000, 0, 33, 67, 100)
    assert bench.tracker.ids == []
    assert [f.result.frame_index for f in bench.published] == [0, 0, 1]
    assert 'back by 4.933 s; all objects were forgotten' in bench.problems[-1][1]


def test_a_clock_that_was_seen_to_jump_costs_no_image(bench):
    send_after(bench, 5000)
    bench.thread.expect_jump()
    bench.send(0)
    bench.send(33)
    bench.settle()
    assert [f.dropped_since_last for f in bench.published] == [0, 0, 0]
    assert [kind for kind, _ in bench.problems] == ['jump']


def test_what_nobody_foresaw_in_decoding_costs_one_image(bench):
    bench.send(0, message=UNFORESEEN)
    bench.send(33)
    bench.settle()
    assert [f.dropped_since_last for f in bench.published] == [1]
    ((kind, text),) = bench.problems
    assert (kind, text) == ('image', "image was not read: KeyError: 'step'")


def test_nothing_but_stopping_ends_the_thread(bench):
    def fail(count):
        bench.thread._on_dropped = bench.count_dropped
        raise OSError('the log is full')

    bench.thread._on_dropped = fail
    bench.send(0, message=UNREADABLE)
    bench.send(33)
    bench.settle()
    assert len(bench.published) == 1
    assert bench.problems[-1] == ('inference', 'an image was lost: OSError: the log is full')


def test_a_frame_that_was_overtaken_is_dropped_and_counted(bench):
    added = bench.prompt('a')
    bench.send(100)
    added.result(timeout=5)
    bench.send(67)
    bench.send(133)
    bench.settle()
    assert [f.dropped_since_last for f in bench.published] == [0, 1]
    assert bench.tracker.ids == ['a']


def test_frames_of_equal_stamps_are_all_tracked(bench):
    for _ in range(3):
        bench.send(0)
    bench.settle()
    assert len(bench.published) == 3


def test_frames_older_than_the_limit_are_dropped_and_counted(bench):
    bench.thread.max_age_ms = 200.0
    bench.now_ns = START + 500 * MS
    bench.send(0)
    bench.send(400)
    bench.settle()
    assert [f.received.stamp_ns for f in bench.published] == [START + 400 * MS]
    assert bench.published[0].dropped_since_last == 1
    assert 'input.max_age_ms = 200' in bench.problems[0][1]


def test_waiting_for_idle_finishes_the_queue(bench):
    for k in range(20):
        bench.send(k)
    assert bench.thread.wait_idle(5.0)
    assert len(bench.published) == 20


def test_dropped_counts_lose_nothing_when_publishing_fails(bench):
    bench.publish_error = ValueError('no such field')
    bench.send(0)
    bench.send(33)
    bench.settle()
    assert [f.dropped_since_last for f in bench.published] == [1]
    assert bench.dropped == 1


def test_a_tracker_that_cannot_be_loaded_raises_where_it_was_started():
    bench = Bench(load_error=FileNotFoundError('no checkpoint'))
    with pytest.raises(FileNotFoundError, match='no checkpoint'):
        bench.thread.start()
    assert bench.thread.stop()


def test_stopping_answers_what_waits():
    bench = Bench()
    bench.thread.start()
    waiting = bench.prompt('a')
    assert bench.thread.stop()
    with pytest.raises(RequestError, match='shut down'):
        waiting.result(timeout=0)


def test_a_library_that_wants_to_end_the_process_ends_no_thread(bench):
    def leave(_tracker):
        raise SystemExit(1)

    bench.requests.submit_call(leave, timeout_s=9.0)
    bench.send(0)
    bench.settle()
    assert len(bench.published) == 1
    assert bench.thread.failure == ''


def test_what_is_in_hand_can_be_seen_from_outside(bench):
    hangs, released = threading.Event(), threading.Event()
    assert bench.thread.work is None
    done = bench.requests.submit_call(
        lambda tracker: hangs.set() or released.wait(60), timeout_s=60.0
    )
    assert hangs.wait(5)
    assert bench.thread.work.what == 'a request'
    released.set()
    done.result(timeout=5)
    bench.settle()
    assert bench.thread.work is None


def test_a_lost_device_is_a_failure_and_is_never_freed():
    bench = Bench()
    bench.thread.start()
    bench.tracker.track_error = RuntimeError('CUDA error: unspecified launch failure')
    bench.send(0)
    bench.settle()
    assert 'unspecified launch failure' in bench.thread.failure
    assert not bench.thread.stop()


@pytest.fixture
def ahead():
    bench = Bench(encode_ahead=True)
    bench.thread.start()
    yield bench
    assert bench.thread.stop()


def add_object(bench):
    added = bench.prompt('a')
    bench.send(0)
    added.result(timeout=5)


def test_the_next_frame_is_encoded_while_one_is_tracked(ahead):
    add_object(ahead)
    ahead.tracker.wait_for_next = True
    for k in range(1, 4):
        ahead.send(k * 33)
    deadline = time.monotonic() + 5.0
    while len(ahead.published) < 3:  # the last one waits for a frame that is still to come
        assert time.monotonic() < deadline
        time.sleep(0.01)
    ahead.tracker.wait_for_next = False
    ahead.send(4 * 33)
    ahead.settle()
    assert [frame.result.frame_index for frame in ahead.published] == [0, 1, 2, 3, 4]


def test_without_objects_nothing_is_encoded_ahead(ahead):
    for k in range(4):
        ahead.send(k * 33)
    ahead.settle()
    assert ahead.tracker.prepared == 0
    assert len(ahead.published) == 4


def test_a_frame_that_could_not_be_encoded_ahead_fails_where_it_is_tracked(ahead):
    add_object(ahead)
    ahead.tracker.prepare_error = RuntimeError('out of memory')
    ahead.send(33, BROKEN)
    ahead.send(66)
    ahead.settle()
    assert [frame.dropped_since_last for frame in ahead.published] == [0, 1]
    assert 'RuntimeError: out of memory' in ahead.problems[0][1]


def test_drops_before_a_frame_that_was_encoded_ahead_are_counted(ahead):
    add_object(ahead)
    ahead.slot.put(ReceivedFrame('good', START + 33 * MS, START), lost_before=3)
    ahead.send(66)
    ahead.settle()
    assert [frame.dropped_since_last for frame in ahead.published] == [0, 3, 0]
    assert ahead.dropped == 3
