# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the client against a stand-in for the node; the tests of services call the real one."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import numpy as np
import pytest
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.callback_groups import ReentrantCallbackGroup
from std_srvs.srv import SetBool

from surgsam2_msgs.msg import TrackArray
from surgsam2_msgs.srv import AddObjects
from surgsam2_ros.nodes.client import NodeState, SurgSam2Client, SurgSam2Error, asking
from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.messages import qos

# A node whose answers are lost in the second after it was first asked, as while it does not know
# yet who asked.
FORGETFUL = """
import sys, time
import rclpy
from lifecycle_msgs.srv import GetState
from rclpy.service import Service
from std_srvs.srv import SetBool
from surgsam2_msgs.msg import TrackerStatus
from surgsam2_ros.nodes.messages import qos

send, asked = Service.send_response, []

def send_or_lose(self, response, header):
    asked.append(time.monotonic())
    if asked[-1] - asked[0] > 1.0:
        send(self, response, header)

def enable(_request, response):
    print('enabled', flush=True)
    response.success = True
    return response

Service.send_response = send_or_lose
rclpy.init(args=[])
node = rclpy.create_node('forgetful')
node.create_publisher(TrackerStatus, f'{sys.argv[1]}/status', qos.STATUS)
node.create_service(SetBool, f'{sys.argv[1]}/enable', enable)
node.create_service(GetState, f'{sys.argv[1]}/get_state', lambda _request, response: response)
rclpy.spin(node)
"""
TARGET = f'/stand_in_{os.getpid()}/surgsam2'


@pytest.fixture(scope='module')
def stand_in():
    owner = NodeThread('stand_in')
    owner.node.answer_state = lambda _request, response: response
    owner.node.create_service(
        GetState,
        f'{TARGET}/get_state',
        lambda request, response: owner.node.answer_state(request, response),
        callback_group=ReentrantCallbackGroup(),
    )
    yield owner.node
    owner.close()


@pytest.fixture(scope='module')
def client():
    with SurgSam2Client(TARGET, timeout_s=20.0) as client:
        yield client


def test_a_missing_node_is_named():
    with (
        SurgSam2Client('/nobody/surgsam2', timeout_s=0.2) as client,
        pytest.raises(SurgSam2Error, match=r'no service /nobody/surgsam2/get_state after 0\.2 s'),
    ):
        client.state()


def test_a_lost_answer_about_the_state_is_asked_for_again(stand_in, client, monkeypatch):
    asked, lost = [], threading.Event()

    def answer(request, response):
        asked.append(request)
        if len(asked) == 1:
            lost.wait(10.0)  # its answer comes too late to be waited for
        response.current_state.id = State.PRIMARY_STATE_ACTIVE
        return response

    monkeypatch.setattr(asking, 'REPEAT_S', 0.3)
    monkeypatch.setattr(stand_in, 'answer_state', answer)
    timer = threading.Timer(1.0, lost.set)
    timer.start()
    assert client.state() is NodeState.ACTIVE
    timer.join()
    deadline = time.monotonic() + 10.0  # what was asked meanwhile waits behind the first answer
    while len(asked) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(asked) >= 2


def test_no_answer_is_lost_in_a_nodes_first_moment_nor_after_its_restart(
    start_process, ros_namespace
):
    target = f'{ros_namespace}_{os.getpid()}/surgsam2'
    with SurgSam2Client(target, timeout_s=30.0) as client:
        for start in range(2):
            process = start_process([sys.executable, '-c', FORGETFUL, target], name=f'node_{start}')
            client.enable(False)
            assert process.output.count('enabled') == 1, 'it has an effect and is sent once'
            process.signal(signal.SIGKILL)


def test_prompts_become_messages(stand_in, client):
    requests = []

    def answer(request, response):
        requests.append(request)
        response.success, response.object_ids, response.object_indices = True, ['a'], [7]
        return response

    service = stand_in.create_service(AddObjects, f'{TARGET}/add_objects', answer)
    mask = np.zeros((4, 6))
    mask[1, 2] = 5
    assert client.add_object('a', points=[(1, 2), (3, 4)], class_name='scissors') == 7
    client.add_object('a', box=(1.5, 2.5, 3.2, 4.0), allow_update=False, keep_old_points=True)
    client.add_object('a', mask=mask)
    stand_in.destroy_service(service)

    assert [r.allow_update for r in requests] == [True, False, True]
    (points,), (box,), (masked,) = (r.prompts for r in requests)
    assert (points.object_id, points.class_name) == ('a', 'scissors')
    assert [(point.x, point.y) for point in points.points] == [(1, 2), (3, 4)]
    assert list(points.labels) == [1, 1]
    region, image = box.box, masked.mask
    assert (region.x_offset, region.y_offset, region.width, region.height) == (1, 2, 3, 2)
    assert [p.keep_old_points for p in (points, box, masked)] == [False, True, False]
    assert (image.encoding, image.height, image.width) == ('mono8', 4, 6)
    assert np.count_nonzero(image.data) == 1


def test_a_refusal_raises_the_reason_and_the_objects(stand_in, client):
    def answer(_request, response):
        response.message, response.rejected_object_ids = 'outside', ['a']
        return response

    service = stand_in.create_service(AddObjects, f'{TARGET}/add_objects', answer)
    with pytest.raises(SurgSam2Error, match='outside') as caught:
        client.add_object('a', points=[(1, 2)])
    stand_in.destroy_service(service)
    assert caught.value.object_ids == ('a',)


def test_a_node_of_the_callers_own_may_be_used(stand_in):
    def answer(_request, response):
        response.success = True
        return response

    service = stand_in.create_service(SetBool, f'{TARGET}/enable', answer)
    caller = NodeThread('caller')
    with SurgSam2Client(TARGET, node=caller.node, timeout_s=20.0) as client:
        client.enable(False)
    caller.close()
    stand_in.destroy_service(service)


def test_waiting_for_tracks_takes_the_one_with_the_stamp(stand_in, client):
    publisher = stand_in.create_publisher(TrackArray, f'{TARGET}/tracks', qos.TRACKS)
    client.follow_tracks()
    with pytest.raises(SurgSam2Error, match=r'within 0\.1 s'):
        client.wait_for_tracks(timeout_s=0.1)
    deadline = time.monotonic() + 15.0
    while publisher.get_subscription_count() == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    messages = [TrackArray(frame_index=k) for k in range(3)]
    for message in messages:
        message.header.stamp.sec = 1 + message.frame_index
        publisher.publish(message)
    assert client.wait_for_tracks(stamp=messages[1].header.stamp).frame_index == 1
    client.wait_for_tracks(stamp=messages[2].header.stamp)
    client.forget_tracks()
    assert client.tracks == []
    stand_in.destroy_publisher(publisher)
