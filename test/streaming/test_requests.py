# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the queue of requests and of the choice of the frame that a prompt belongs to."""

from __future__ import annotations

import pytest

from surgsam2_ros.streaming.requests import (
    FrameHistory,
    PromptTarget,
    RequestError,
    RequestQueue,
    find_target,
)

MS = 1_000_000
SECOND = 1000 * MS


def history(*stamps: int, length: int = 30) -> FrameHistory:
    frames = FrameHistory(length)
    for index, stamp in enumerate(stamps):
        frames.append(stamp, index)
    return frames


def submit(queue: RequestQueue, stamp_ns: int, timeout_s: float = 5.0):
    return queue.submit_prompts([], stamp_ns=stamp_ns, allow_update=True, timeout_s=timeout_s)


def explain(_request) -> str:
    return 'no image came'


def test_stamp_zero_means_the_next_frame():
    assert find_target(0, history(10 * SECOND)) is None
    assert find_target(0, history(10 * SECOND), 11 * SECOND) == PromptTarget(None)


def test_the_stamp_of_a_tracked_frame_means_that_frame():
    frames = history(10 * SECOND, 10 * SECOND + 33 * MS, 10 * SECOND + 66 * MS)
    assert find_target(10 * SECOND + 33 * MS, frames) == PromptTarget(1)


def test_the_stamp_of_a_dropped_frame_means_its_nearest_neighbour():
    frames = history(10 * SECOND, 10 * SECOND + 100 * MS)
    assert find_target(10 * SECOND + 70 * MS, frames) == PromptTarget(1, 30 * MS)
    assert find_target(10 * SECOND + 30 * MS, frames) == PromptTarget(0, -30 * MS)


def test_a_newer_stamp_waits_for_its_frame():
    frames = history(10 * SECOND)
    wanted = 10 * SECOND + 66 * MS
    assert find_target(wanted, frames) is None
    assert find_target(wanted, frames, 10 * SECOND + 33 * MS) is None
    assert find_target(wanted, frames, wanted) == PromptTarget(None)


def test_a_newer_stamp_whose_frame_was_dropped_takes_the_nearer_neighbour():
    frames = history(10 * SECOND)
    next_ns = 10 * SECOND + 100 * MS
    assert find_target(10 * SECOND + 80 * MS, frames, next_ns) == PromptTarget(None, 20 * MS)
    assert find_target(10 * SECOND + 20 * MS, frames, next_ns) == PromptTarget(0, -20 * MS)


def test_a_stamp_waits_for_the_first_frame_of_all():
    assert find_target(5 * SECOND, history()) is None
    assert find_target(5 * SECOND, history(), 5 * SECOND) == PromptTarget(None)


def test_a_stamp_older_than_the_kept_frames_is_an_error_that_says_so():
    frames = history(*(10 * SECOND + k * 33 * MS for k in range(10)), length=3)
    with pytest.raises(RequestError, match=r'older than the frames kept.*begin at stamp 10\.231'):
        find_target(10 * SECOND, frames)


def test_a_past_stamp_without_kept_frames_is_an_error_that_says_so():
    with pytest.raises(RequestError, match='prompt_buffer_frames'):
        find_target(9 * SECOND, history(10 * SECOND, length=0))


def test_a_stamp_in_a_gap_of_the_stream_is_an_error():
    with pytest.raises(RequestError, match='4000 ms away'):
        find_target(14 * SECOND, history(10 * SECOND, 20 * SECOND))


def test_prompts_of_past_frames_wait_for_a_next_frame_and_come_first():
    queue, frames = RequestQueue(), history(10 * SECOND)
    submit(queue, 0)
    submit(queue, 10 * SECOND)
    assert queue.take_prompts(frames) == []
    claimed = queue.take_prompts(frames, 11 * SECOND)
    assert [target.frame_index for _, target in claimed] == [0, None]
    assert len(queue) == 0


def test_prompts_that_are_too_old_fail_without_a_next_frame():
    queue = RequestQueue()
    future = submit(queue, 5 * SECOND)
    queue.take_prompts(history(10 * SECOND))
    assert isinstance(future.exception(timeout=0), RequestError)


def test_a_request_that_waits_too_long_fails_with_the_reason():
    queue = RequestQueue()
    late, early = submit(queue, 0, timeout_s=0.0), submit(queue, 0)
    assert queue.expire(explain) == 1
    assert str(late.exception(timeout=0)) == 'no image came'
    assert not early.done()
    assert len(queue) == 1


def test_a_claimed_request_does_not_expire():
    queue = RequestQueue()
    expired = []
    future = queue.submit_call(
        lambda tracker: expired.append(queue.expire(explain)) or tracker, timeout_s=0.0
    )
    queue.answer_calls(lambda function: function(7))
    assert expired == [0]
    assert future.result(timeout=0) == 7


def test_a_call_that_fails_is_answered_and_the_next_one_is_done():
    queue = RequestQueue()
    failing = queue.submit_call(lambda tracker: 1 // 0, timeout_s=1.0)
    next_one = queue.submit_call(lambda tracker: tracker, timeout_s=1.0)
    queue.answer_calls(lambda function: function('tracker'))
    assert isinstance(failing.exception(timeout=0), ZeroDivisionError)
    assert next_one.result(timeout=0) == 'tracker'


def test_fail_all_answers_everything_that_waits():
    queue = RequestQueue()
    futures = [submit(queue, 0), queue.submit_call(lambda tracker: None, timeout_s=1.0)]
    queue.fail_all('the node was deactivated')
    assert [str(f.exception(timeout=0)) for f in futures] == ['the node was deactivated'] * 2
    assert len(queue) == 0


def test_a_closed_queue_refuses_what_comes_too_late():
    queue = RequestQueue()
    waiting = submit(queue, 0)
    queue.close('the tracker was shut down')
    assert str(waiting.exception(timeout=0)) == 'the tracker was shut down'
    with pytest.raises(RequestError, match='was shut down'):
        submit(queue, 0)
    with pytest.raises(RequestError, match='was shut down'):
        queue.submit_call(lambda tracker: None, timeout_s=1.0)
