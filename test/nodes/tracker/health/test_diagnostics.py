# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Diagnostics: numbers by a clock that the test turns, and what the levels say about them."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip('rclpy')
from builtin_interfaces.msg import Time

from surgsam2_ros.nodes.tracker.health.diagnostics import (
    ERROR,
    OK,
    WARN,
    Diagnostics,
    NodeDescription,
    assess,
)
from surgsam2_ros.nodes.tracker.health.status_reporter import _status_text
from surgsam2_ros.nodes.tracker.parameters import Parameters

LIMITS = replace(Parameters.defaults().diagnostics, min_rate_hz=10.0, max_latency_ms=100.0)
ACTIVE = NodeDescription('active', True, '/camera/image', 'nano', 'cpu', 'fp32', 2)


class Stream:
    """A camera and a node whose time passes only when the test says so."""

    def __init__(self) -> None:
        self.now = 1024.0
        self.diagnostics = Diagnostics('camera', clock=lambda: self.now)

    def run(self, seconds, rate, *, latency_ms=50.0, dropped_of=0) -> Stream:
        """Let images come; of each `dropped_of` one is dropped instead of tracked."""
        for index in range(round(seconds * rate)):
            self.now += 1.0 / rate
            self.diagnostics.frame_received()
            if dropped_of and index % dropped_of == 0:
                self.diagnostics.frame_dropped()
            else:
                self.diagnostics.frame_published(latency_ms, 20.0)
        return self

    def assess(self, state=ACTIVE, limits=LIMITS):
        return assess(self.diagnostics.snapshot(), state, limits)


@pytest.fixture
def stream() -> Stream:
    return Stream()


def test_steady_stream_is_ok(stream):
    level, text = stream.run(8, 32).assess()
    assert level == OK
    assert text == '2 objects at 32.0 Hz, latency 50 ms (95%: 50 ms)'


def test_counts_and_rates(stream):
    snapshot = stream.run(10, 20, dropped_of=4).diagnostics.snapshot()
    assert (snapshot.frames_received, snapshot.frames_processed) == (200, 150)
    assert snapshot.frames_dropped == 50
    assert snapshot.input_rate_hz == pytest.approx(20, abs=0.4)
    assert snapshot.rate_hz == pytest.approx(15, abs=0.4)


def test_images_lost_on_the_way_count_as_received(stream):
    for _ in range(64):
        stream.now += 1 / 16
        stream.diagnostics.frame_received(2)
    snapshot = stream.diagnostics.snapshot()
    assert snapshot.frames_received == 128
    assert snapshot.input_rate_hz == pytest.approx(32)


def test_percentiles_are_those_of_the_last_seconds(stream):
    stream.run(6, 32, latency_ms=900.0)
    for latency in range(1, 161):
        stream.run(1 / 32, 32, latency_ms=float(latency))
    latency = stream.diagnostics.snapshot().latency_ms
    assert latency.p50 == pytest.approx(80.5)
    assert (latency.p95, latency.p99) == (pytest.approx(152.05), pytest.approx(158.41))
    assert latency.max == 160.0


def test_rate_falls_to_zero_when_the_stream_stops(stream):
    stream.run(6, 30).now += 5.1
    assert stream.diagnostics.snapshot().rate_hz == 0.0


@pytest.mark.parametrize('frames_before', [0, 30])
def test_silence_is_an_error(stream, frames_before):
    stream.run(frames_before / 30, 30).now += 2.5
    level, text = stream.assess()
    assert level == ERROR
    assert text.startswith('no image on /camera/image for 2 s: nobody publishes it; check the ')
    level, text = stream.assess(ACTIVE._replace(publishers=1))
    assert level == ERROR
    assert text.startswith('no image on /camera/image for 2 s: 1 publisher, but nothing c')
    assert ('input.qos' in text) == (frames_before == 0)
    assert stream.assess(ACTIVE._replace(timeout_s=3.0))[0] != ERROR


def test_another_problem_does_not_hide_the_silence(stream):
    stream.run(6, 30).now += 2.5
    stream.diagnostics.error('prompts were rejected: there are none')
    level, text = stream.assess()
    assert level == ERROR and 'no image' in text
    assert 'no image' in _status_text(stream.diagnostics.snapshot(), ACTIVE)


def test_images_that_come_again_end_the_silence(stream):
    stream.run(1, 30).now += 60
    assert stream.assess()[0] == ERROR
    assert stream.run(6, 30).assess()[0] == OK


def test_silence_after_a_pause_counts_from_its_end(stream):
    stream.run(1, 30).now += 60
    stream.diagnostics.resume()
    assert 'no image' not in stream.assess()[1]
    stream.now += 2.5
    assert 'no image on /camera/image for 2 s' in stream.assess()[1]


def test_no_warning_while_the_first_image_may_still_come(stream):
    stream.now += 1.0
    assert stream.assess() == (OK, 'waiting for the first image')


def test_slow_results_are_a_warning(stream):
    level, text = stream.run(8, 30, dropped_of=1).run(0.2, 5).assess()
    assert level == WARN and 'below diagnostics.min_rate_hz 10; use a smaller model' in text


def test_slow_camera_is_named_as_such(stream):
    level, text = stream.run(8, 4).assess()
    assert level == WARN and text.startswith('images arrive at 4.0 Hz, below')


def test_late_results_are_a_warning(stream):
    level, text = stream.run(8, 30, latency_ms=150).assess()
    assert level == WARN and 'images are 150 ms old when published, above' in text


def test_stamps_from_the_future_point_to_the_clocks(stream):
    level, text = stream.run(8, 30, latency_ms=-3000).assess()
    assert level == WARN and '3000 ms in the future' in text and 'use_sim_time' in text


def test_zero_limits_turn_the_warnings_off(stream):
    off = replace(LIMITS, min_rate_hz=0.0, max_latency_ms=0.0)
    assert stream.run(8, 2, latency_ms=4000).assess(limits=off)[0] == OK


def test_error_is_shown_for_a_while_and_kept_as_the_last(stream):
    stream.run(8, 30)
    stream.diagnostics.error('JPEG image is truncated')
    assert stream.run(1, 30).assess() == (WARN, 'JPEG image is truncated')
    assert stream.run(5, 30).assess()[0] == OK
    assert stream.diagnostics.snapshot().last_error == 'JPEG image is truncated'


def test_error_without_results_is_an_error(stream):
    stream.run(3, 30, dropped_of=1)
    stream.diagnostics.error('image encoding is not supported')
    assert stream.assess() == (ERROR, 'image encoding is not supported')


@pytest.mark.parametrize('lifecycle', ['unconfigured', 'inactive'])
def test_failed_configuration_stays_an_error(stream, lifecycle):
    stream.diagnostics.error('not configured: the checkpoint is missing')
    stream.now += 100.0
    state = ACTIVE._replace(lifecycle=lifecycle)
    assert stream.assess(state) == (ERROR, 'not configured: the checkpoint is missing')
    stream.diagnostics.reset()
    assert stream.assess(state) == (OK, f'{lifecycle}; activate the node to track')


def test_uncertain_objects_are_a_warning_that_names_them(stream):
    uncertain = ACTIVE._replace(uncertain=('left', 'clip'))
    level, text = stream.run(8, 32).assess(uncertain)
    assert level == WARN and text.startswith('UNCERTAIN: left, clip; the masks may be wrong')
    message = stream.diagnostics.message(Time(), '/surgsam2', uncertain, LIMITS)
    values = {value.key: value.value for value in message.status[0].values}
    assert values['uncertain_objects'] == 'left, clip'


def test_two_objects_on_one_place_are_a_warning_with_its_remedy(stream):
    state = ACTIVE._replace(uncertain=('left', 'clip'), rivals=(('clip', 'left'),))
    level, text = stream.run(8, 32).assess(state)
    assert level == WARN
    assert 'clip and left claim the same place (tracking.max_overlap); correct or remove' in text


def test_pause_is_a_warning_and_no_silence(stream):
    stream.now += 60.0
    assert stream.assess(ACTIVE._replace(enabled=False))[0] == WARN


def test_message_holds_every_number(stream):
    stream.run(8, 30)
    message = stream.diagnostics.message(Time(sec=7), '/left/surgsam2', ACTIVE, LIMITS)
    (status,) = message.status
    assert (status.level, status.name, status.hardware_id) == (
        OK,
        '/left/surgsam2: tracking',
        'camera',
    )
    assert message.header.stamp.sec == 7
    values = {value.key: value.value for value in status.values}
    assert values['device'] == 'cpu' and values['frames_received'] == '240'
    assert values['latency_ms_p99'] == '50.0' and values['inference_ms_max'] == '20.0'
    assert {'rate_hz', 'frames_dropped', 'last_error', 'model', 'precision'} <= values.keys()


def test_a_slower_engine_than_asked_for_is_told_as_long_as_it_runs(stream):
    slower = ACTIVE._replace(engine='torch', engine_failures=('no onnxruntime; install it',))
    level, text = stream.run(8, 32).assess(slower)
    assert (level, text) == (WARN, 'no onnxruntime; install it')
    message = stream.diagnostics.message(Time(), '/left/surgsam2', slower, LIMITS)
    values = {value.key: value.value for value in message.status[0].values}
    assert values['engine'] == 'torch'
    assert values['engine_failures'] == 'no onnxruntime; install it'


def test_a_gap_of_any_length_takes_no_memory(stream):
    stream.diagnostics.frame_received(10**9)
    snapshot = stream.diagnostics.snapshot()
    assert snapshot.frames_received == 10**9
    assert snapshot.input_rate_hz == pytest.approx(10**9)


def test_two_cameras_on_one_topic_are_a_warning_with_their_names(stream):
    cameras = ACTIVE._replace(publishers=2, publisher_names=('/left/camera', '/right/camera'))
    level, text = stream.run(8, 32).assess(cameras)
    assert level == WARN
    assert '2 publishers on /camera/image (/left/camera, /right/camera)' in text


def test_a_hang_is_an_error_whatever_else_is_said(stream):
    hanging = ACTIVE._replace(hang='the image of stamp 12.0 has been in work for 7 s')
    assert stream.run(8, 32).assess(hanging) == (ERROR, hanging.hang)


def test_a_transition_under_way_is_told(stream):
    level, text = stream.assess(NodeDescription('unconfigured', True, '', underway='configuring'))
    assert level == OK
    assert text.startswith('configuring')
