# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the two topics that matter offer and ask for, read back from Fast DDS, and their counts."""

from __future__ import annotations

import dataclasses
import time
from types import SimpleNamespace

import pytest

rclpy = pytest.importorskip('rclpy')

from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.lifecycle import LifecycleNode  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from rclpy.qos import (  # noqa: E402
    DurabilityPolicy,
    LivelinessPolicy,
    QoSPolicyKind,
    ReliabilityPolicy,
)

from surgsam2_ros.nodes.tracker.endpoints.image_input import ImageInput  # noqa: E402
from surgsam2_ros.nodes.tracker.endpoints.result_publisher import ResultPublisher  # noqa: E402
from surgsam2_ros.nodes.tracker.endpoints.topic_quality import TopicQuality  # noqa: E402
from surgsam2_ros.nodes.tracker.health.quality_counts import QualityCounts  # noqa: E402
from surgsam2_ros.nodes.tracker.parameters import Parameters  # noqa: E402

DEFAULTS = Parameters.defaults()
MS = 1_000_000


@pytest.fixture
def make_node(ros_namespace):
    """Give a function that makes a node with overrides of `~/tracks` and of `image`."""
    made = []

    def make(**overrides) -> LifecycleNode:
        context = rclpy.Context()
        rclpy.init(context=context, args=[])
        prefixes = {
            'tracks': f'qos_overrides.{ros_namespace}/surgsam2/tracks.publisher.',
            'image': f'qos_overrides.{ros_namespace}/image.subscription.',
        }
        parameters = [
            Parameter(prefixes[topic] + policy, value=value)
            for topic, policies in overrides.items()
            for policy, value in policies.items()
        ]
        node = LifecycleNode(
            'surgsam2',
            context=context,
            namespace=ros_namespace,
            parameter_overrides=parameters,
        )
        made.append(node)
        return node

    yield make
    for node in made:
        node.destroy_node()
        rclpy.shutdown(context=node.context)


def offered_on_tracks(node, **output):
    """Make the outputs, and give what Fast DDS says is offered on `~/tracks`."""
    settings = dataclasses.replace(DEFAULTS.output, **output)
    results = ResultPublisher(node, TopicQuality(print), settings, DEFAULTS.discovery)
    (endpoint,) = node.get_publishers_info_by_topic('surgsam2/tracks')
    results.destroy()
    return endpoint.qos_profile


def asked_of_images(node, quality=None, **settings):
    """Subscribe to images, and give what Fast DDS says is asked for."""
    images = ImageInput(
        node,
        dataclasses.replace(DEFAULTS.input, **settings),
        quality or TopicQuality(print),
        is_enabled=lambda: True,
        on_received=print,
        now_ns=lambda: 0,
    )
    (endpoint,) = node.get_subscriptions_info_by_topic('image')
    images.destroy()
    return endpoint.qos_profile


def test_nothing_is_promised_by_default(make_node):
    offered = offered_on_tracks(make_node())
    assert offered.reliability == ReliabilityPolicy.RELIABLE
    assert offered.durability == DurabilityPolicy.VOLATILE
    assert offered.liveliness == LivelinessPolicy.AUTOMATIC
    year_ns = 365 * 24 * 3600 * 1000 * MS
    assert offered.deadline.nanoseconds > year_ns
    assert offered.liveliness_lease_duration.nanoseconds > year_ns


def test_deadline_and_lease_are_offered_as_set(make_node):
    offered = offered_on_tracks(make_node(), deadline_ms=150.0, liveliness_lease_ms=2000.0)
    assert offered.deadline.nanoseconds == pytest.approx(150 * MS, abs=10)
    assert offered.liveliness == LivelinessPolicy.MANUAL_BY_TOPIC
    assert offered.liveliness_lease_duration.nanoseconds == pytest.approx(2000 * MS, abs=10)


def test_policies_of_both_topics_can_be_overridden(make_node):
    node = make_node(
        tracks={'reliability': 'best_effort', 'durability': 'transient_local'},
        image={'reliability': 'reliable'},
    )
    offered = offered_on_tracks(node)
    assert offered.reliability == ReliabilityPolicy.BEST_EFFORT
    assert offered.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert asked_of_images(node).reliability == ReliabilityPolicy.RELIABLE


def test_an_override_wins_over_the_parameter_also_the_second_time(make_node):
    node, quality = make_node(image={'reliability': 'reliable'}), TopicQuality(print)
    for name in ('SENSOR_DATA', 'SENSOR_DATA', 'DEFAULT'):
        asked = asked_of_images(node, quality, qos=name)
        assert asked.reliability == ReliabilityPolicy.RELIABLE


def test_without_an_override_the_parameter_counts_also_the_second_time(make_node):
    node, quality = make_node(), TopicQuality(print)
    for name, reliability in (
        ('SENSOR_DATA', ReliabilityPolicy.BEST_EFFORT),
        ('DEFAULT', ReliabilityPolicy.RELIABLE),
        ('SENSOR_DATA', ReliabilityPolicy.BEST_EFFORT),
    ):
        assert asked_of_images(node, quality, qos=name).reliability == reliability


def test_an_override_that_makes_no_sense_is_refused_by_name(make_node):
    with pytest.raises(RuntimeError, match=r'reliability.*sometimes'):
        offered_on_tracks(make_node(tracks={'reliability': 'sometimes'}))


def test_a_tracker_that_shows_no_life_is_counted(make_node):
    node, said = make_node(), []
    quality = TopicQuality(said.append)
    output = dataclasses.replace(DEFAULTS.output, liveliness_lease_ms=200.0)
    results = ResultPublisher(node, quality, output, DEFAULTS.discovery)
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    results.assert_liveliness()
    deadline = time.monotonic() + 60.0
    while not quality.counts.liveliness_lost and time.monotonic() < deadline:
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    results.destroy()
    assert quality.counts.liveliness_lost == 1
    assert len(said) == 1


class Events:
    """The callbacks of both topics, called with what rclpy would hand over."""

    def __init__(self, node) -> None:
        self.now, self.said = 100.0, []
        self.quality = TopicQuality(self.said.append, clock=lambda: self.now)
        output = dataclasses.replace(DEFAULTS.output, deadline_ms=50.0)
        self.tracks = self.quality.tracks(node, '~/tracks', output)['event_callbacks']
        self.images = self.quality.images(node, 'image', DEFAULTS.input)['event_callbacks']


def event(change=1, kind=QoSPolicyKind.DEADLINE):
    return SimpleNamespace(total_count_change=change, last_policy_kind=kind)


@pytest.fixture
def events(make_node):
    return Events(make_node())


def test_missed_deadlines_are_counted_and_warned_of_for_a_while(events):
    events.tracks.deadline(event(2))
    events.tracks.deadline(event())
    counts = events.quality.counts
    assert counts.deadlines_missed == 3
    (text,) = counts.warnings
    assert '3 times since activation (output.deadline_ms 50)' in text
    events.now += 5.1
    assert events.quality.counts.warnings == ()
    assert events.quality.counts.deadlines_missed == 3


def test_lost_liveliness_is_counted_and_logged(events):
    events.tracks.liveliness(event())
    assert events.quality.counts.liveliness_lost == 1
    assert 'output.liveliness_lease_ms' in events.said[0]
    assert 'lost 1 times' in events.quality.counts.warnings[0]


def test_whoever_does_not_fit_stays_in_the_warnings(events):
    events.tracks.incompatible_qos(event(kind=QoSPolicyKind.DEADLINE))
    events.images.incompatible_qos(event(kind=QoSPolicyKind.RELIABILITY))
    events.now += 1000.0
    counts = events.quality.counts
    assert (counts.incompatible_subscribers, counts.incompatible_publishers) == (1, 1)
    of_tracks, of_images = counts.warnings
    assert 'a subscriber of ~/tracks asks for a DEADLINE that is not offered' in of_tracks
    assert 'offers another RELIABILITY than is asked for' in of_images
    assert 'input.qos' in of_images
    assert events.said == [of_tracks, of_images]


def test_an_activation_counts_deadlines_anew_and_keeps_who_does_not_fit(events):
    events.tracks.deadline(event())
    events.tracks.liveliness(event())
    events.tracks.incompatible_qos(event())
    events.quality.reset()
    counts = events.quality.counts
    assert counts[:3] == (0, 0, 1)
    assert len(counts.warnings) == 1


def test_topics_that_are_made_anew_begin_from_zero(events, make_node):
    node = make_node()
    events.tracks.incompatible_qos(event())
    events.images.incompatible_qos(event())
    events.quality.tracks(node, '~/tracks', DEFAULTS.output)
    events.quality.images(node, 'image', DEFAULTS.input)
    assert events.quality.counts == QualityCounts()
