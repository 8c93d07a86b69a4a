# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The player publishes what was recorded, unchanged and on time; the recorder writes it down."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.replay.player import SERVICE_NAMESPACE, BagPlayer
from surgsam2_ros.nodes.replay.recorder import TopicRecorder
from surgsam2_ros.sources import BagReader, BagWriter, SourceError

TOPIC = '/camera/image_raw'
START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 50_000_000


@pytest.fixture(name='bag')
def _bag(tmp_path):
    with BagWriter(tmp_path / 'scene.mcap') as bag:
        for index in range(20):
            stamp_ns = START_NS + index * PERIOD_NS
            rgb = np.full((48, 64, 3), index, np.uint8)
            bag.write_image(TOPIC, rgb, stamp_ns=stamp_ns, frame_id='camera', encoding='rgb8')
    with BagReader(tmp_path / 'scene.mcap') as reader:
        yield reader


@pytest.fixture(name='node')
def _node():
    with contextlib.closing(NodeThread('player_test')) as owner:
        yield owner.node


def wait_until(condition, timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, 'it did not happen in time'
        time.sleep(0.01)


def test_every_message_arrives_byte_for_byte(bag, node, ros_namespace):
    received = []
    topic = f'{ros_namespace}/image'
    node.create_subscription(Image, topic, received.append, 100, raw=True)
    player = BagPlayer(node, bag, remap={TOPIC: topic}, rate=4)
    assert player.wait_for_subscribers(15) == []
    assert player.play() == 20
    wait_until(lambda: len(received) == 20)
    assert received == [message.data for message in bag.messages()]


def test_the_schedule_is_absolute_so_that_delays_do_not_add_up(bag, node, ros_namespace):
    times = []

    def slow(message, began_ns):
        times.append(began_ns)
        time.sleep(0.02)

    player = BagPlayer(node, bag, remap={TOPIC: f'{ros_namespace}/a'}, rate=1)
    player.play(after=slow)
    assert (times[-1] - times[0]) / 1e9 == pytest.approx(19 * 0.05, abs=0.15)


@pytest.mark.parametrize('clock_hz', [0.0, 10.0])
def test_it_sleeps_between_messages(bag, node, ros_namespace, clock_hz):
    waits = []
    player = BagPlayer(node, bag, remap={TOPIC: f'{ros_namespace}/a'}, clock_hz=clock_hz)
    player.play(meanwhile=lambda: waits.append(time.monotonic()))
    # Three looks in 50 ms, one or two more for a sleep that ended early or for the clock.
    assert len(waits) <= 19 * 5


def test_the_clock_runs_with_the_bag(bag, node, ros_namespace):
    clock = []
    node.create_subscription(
        Clock, '/clock', lambda m: clock.append(m.clock.sec * 10**9 + m.clock.nanosec), 1000
    )
    player = BagPlayer(node, bag, remap={TOPIC: f'{ros_namespace}/a'}, clock_hz=100)
    wait_until(lambda: node.count_publishers('/clock') == 1)
    time.sleep(0.3)
    player.play()
    wait_until(lambda: clock and clock[-1] == bag.end_ns)
    assert clock == sorted(clock)
    assert clock[0] >= bag.start_ns
    assert {START_NS + i * PERIOD_NS for i in range(1, 20)} <= set(clock)
    assert len(clock) > 40, 'nothing between the images'


def test_a_paused_player_starts_on_request_and_shifts_its_schedule(bag, node, ros_namespace):
    player = BagPlayer(node, bag, remap={TOPIC: f'{ros_namespace}/a'}, rate=4, paused=True)
    thread = threading.Thread(target=player.play)
    thread.start()
    time.sleep(0.3)
    assert player.published == 0
    with contextlib.closing(NodeThread('caller')) as caller:
        client = caller.node.create_client(Trigger, f'{SERVICE_NAMESPACE}/resume')
        assert client.wait_for_service(15)
        resumed = time.monotonic()
        client.call_async(Trigger.Request())
        thread.join(15)
    assert player.published == 20
    assert time.monotonic() - resumed > 0.2, 'it hurried to make up for the pause'


def test_a_stopped_player_returns_at_once(bag, node, ros_namespace):
    player = BagPlayer(node, bag, remap={TOPIC: f'{ros_namespace}/a'}, rate=0.01)
    threading.Timer(0.2, player.stop).start()
    started = time.monotonic()
    assert player.play() <= 2
    assert time.monotonic() - started < 2


def test_topics_whose_type_is_not_installed_are_skipped_with_the_reason(tmp_path, node):
    with BagWriter(tmp_path / 'a.mcap') as bag:
        definition = ('uint8 data\n', 'RIHS01_' + '0' * 64)
        bag.add_topic('/strange', 'nowhere_msgs/msg/Thing', definition=definition)
        bag.write('/strange', 'nowhere_msgs/msg/Thing', 1, b'\x00\x01\x00\x00\x05')
    with (
        BagReader(tmp_path / 'a.mcap') as reader,
        pytest.raises(SourceError, match=r'nothing .* can be published.*nowhere_msgs'),
    ):
        BagPlayer(node, reader)


@pytest.mark.parametrize('option', [{'rate': 0}, {'rate': -1}, {'clock_hz': -5}])
def test_impossible_speeds_are_refused(bag, node, option):
    with pytest.raises(ValueError, match='impossible'):
        BagPlayer(node, bag, **option)


def test_latched_topics_stay_latched(shared_data, node, tmp_path):
    talker = shared_data('rosbag2_official/rosbag2_py_test_resources/sqlite3/talker')
    from rclpy.qos import DurabilityPolicy

    shutil.copytree(talker, tmp_path / 'talker')
    with sqlite3.connect(tmp_path / 'talker' / 'talker.db3') as database:
        database.execute(
            'UPDATE topics SET offered_qos_profiles = replace(offered_qos_profiles, '
            "'durability: 2', 'durability: 1') WHERE name = '/topic'"
        )
    database.close()
    with BagReader(tmp_path / 'talker') as reader:
        player = BagPlayer(node, reader, topics=['/topic', '/rosout'])
    assert player.topics == ['/topic', '/rosout']
    wait_until(lambda: node.get_publishers_info_by_topic('/topic'))
    offered = node.get_publishers_info_by_topic('/topic')[0].qos_profile
    assert offered.durability == DurabilityPolicy.TRANSIENT_LOCAL


def test_an_unknown_topic_is_refused(bag, node):
    with pytest.raises(SourceError, match='no topic /nowhere; it has /camera/image_raw'):
        BagPlayer(node, bag, topics=['/nowhere'])


def test_what_the_player_publishes_the_recorder_writes(bag, node, ros_namespace, tmp_path):
    topic = f'{ros_namespace}/image'
    with BagWriter(tmp_path / 'copy.db3') as writer:
        recorder = TopicRecorder(node, writer)
        assert recorder.discover([topic]) == [topic]
        player = BagPlayer(node, bag, remap={TOPIC: topic}, rate=4)
        wait_until(lambda: recorder.discover([topic]) == [])
        assert player.wait_for_subscribers(15) == []
        player.play()
        wait_until(lambda: writer.counts[topic] == 20)
    with BagReader(tmp_path / 'copy.db3') as copy:
        assert [m.data for m in copy.messages()] == [m.data for m in bag.messages()]
        assert copy.topics[topic].type_name == 'sensor_msgs/msg/Image'
