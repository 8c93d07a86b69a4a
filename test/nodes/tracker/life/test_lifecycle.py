# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tests of the node's transitions, in processes of their own."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from node_processes import STOP_TIMEOUT_S, running_node, write_random_checkpoint

from surgsam2_ros.nodes.client import NodeState, SurgSam2Error

START_TIMEOUT_S = 60.0


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory) -> Path:
    return write_random_checkpoint(tmp_path_factory.mktemp('weights') / 'random.safetensors')


@pytest.fixture(scope='module')
def parameters(checkpoint):
    return {'model.checkpoint': checkpoint, 'model.device': 'cpu', 'input.qos': 'DEFAULT'}


@pytest.fixture(scope='module')
def node(tmp_path_factory, parameters):
    """Give one node for the tests that leave it unconfigured."""
    with running_node(tmp_path_factory.mktemp('node'), '/lifecycle', parameters) as node:
        yield node
        assert node.process.stop(STOP_TIMEOUT_S) == 0


def test_every_transition_can_be_repeated(node):
    client = node.client
    for _ in range(2):
        assert client.state() is NodeState.UNCONFIGURED
        client.configure()
        assert client.state() is NodeState.INACTIVE
        node.activate_and_wait()
        assert client.state() is NodeState.ACTIVE
        client.deactivate()
        assert client.state() is NodeState.INACTIVE
        client.cleanup()
        client.forget_tracks()


def test_deactivation_keeps_objects_and_cleanup_forgets_them(node):
    client = node.client
    client.configure()
    node.activate_and_wait()
    added = node.add_while_sending('needle_driver', box=(20, 30, 50, 60))
    client.deactivate()
    node.activate_and_wait()
    assert [t.object_id for t in node.track().tracks] == ['needle_driver']
    assert node.track().tracks[0].instance == added
    client.deactivate()
    client.cleanup()
    client.configure()
    node.activate_and_wait()
    assert node.track().tracks == []
    client.deactivate()
    client.cleanup()


def test_a_transition_that_the_state_does_not_have_is_refused_and_not_left_unanswered(node):
    with pytest.raises(SurgSam2Error, match='did not deactivate'):
        node.client.deactivate()
    assert node.client.state() is NodeState.UNCONFIGURED


def test_a_pause_ends_with_the_configuration(node):
    client = node.client
    client.configure()
    node.activate_and_wait()
    client.enable(False)
    client.deactivate()
    client.cleanup()
    client.configure()
    node.activate_and_wait()
    assert client.wait_for_status(lambda s: s.lifecycle_state == NodeState.ACTIVE).enabled
    client.deactivate()
    client.cleanup()


def test_status_tells_every_state_to_late_subscribers(node):
    client = node.client
    client.configure()
    status = client.wait_for_status(lambda s: s.lifecycle_state == NodeState.INACTIVE)
    assert status.model == 'surgsam2_nano_320'
    assert status.device == 'cpu'
    assert status.checkpoint.endswith('random.safetensors')
    assert status.input_topic == f'{node.namespace}/image'
    client.cleanup()
    status = client.wait_for_status(lambda s: s.lifecycle_state == NodeState.UNCONFIGURED)
    assert status.model == status.checkpoint == ''


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('model.checkpoint', '/nowhere.pt', r"model\.checkpoint is '/nowhere\.pt'.*do not exist"),
        ('model.config', 'models/x.yaml', r"model\.config is 'models/x\.yaml'.*one: .*nano"),
        ('model.device', 'cuda:7', r"model\.device is 'cuda:7'.*set model\.device to auto"),
        ('memory.num_maskmem', 32, 'num_maskmem'),
        ('model.checkpoint', 'corrupt', 'corrupt'),
    ],
)
def test_a_failed_configure_says_why_and_can_be_corrected(
    node, parameters, tmp_path, name, value, reason
):
    good = parameters.get(name, {'model.config': 'models/surgsam2_nano_320.yaml'}.get(name, 7))
    if value == 'corrupt':
        value = tmp_path / 'corrupt.safetensors'
        value.write_bytes(b'these are no weights')
    client = node.client
    client.set_parameters({name: value if isinstance(value, int) else str(value)})
    with pytest.raises(SurgSam2Error, match=reason):
        client.configure()
    assert client.state() is NodeState.UNCONFIGURED
    client.set_parameters({name: good if isinstance(good, int) else str(good)})
    client.configure()
    client.cleanup()


def test_services_say_what_is_missing_while_not_active(node):
    client = node.client
    with pytest.raises(SurgSam2Error, match='not configured; configure and activate it first'):
        client.add_object('a', box=(1, 1, 9, 9))
    with pytest.raises(SurgSam2Error, match='not configured'):
        client.reset()
    with pytest.raises(SurgSam2Error, match='not configured'):
        client.list_objects()
    client.configure()
    assert client.list_objects() == []
    with pytest.raises(SurgSam2Error, match='inactive; activate it first'):
        client.add_object('a', box=(1, 1, 9, 9))
    client.reset()
    client.cleanup()


def test_what_the_network_was_built_from_cannot_change_while_configured(node):
    node.client.configure()
    with pytest.raises(SurgSam2Error, match='clean up the node first'):
        node.client.set_parameters({'model.device': 'auto'})
    node.client.set_parameters({'input.max_age_ms': 0.0})
    node.client.cleanup()


def test_autostart_with_a_parameter_file_and_shutdown(tmp_path, parameters):
    file = tmp_path / 'parameters.yaml'
    lines = [f"    {key}: '{value}'" for key, value in parameters.items()]
    file.write_text('\n'.join(['/**:', '  ros__parameters:', '    autostart: true', *lines]))
    with running_node(tmp_path, '/autostart', {}, '--params-file', str(file)) as node:
        node.process.wait_for_output('active: waiting for images', START_TIMEOUT_S)
        assert len(node.track_when_connected().tracks) == 0
        node.client.shutdown()
        assert node.client.state() is NodeState.FINALIZED
        node.process.signal(signal.SIGTERM)
        assert node.process.wait(STOP_TIMEOUT_S) == 0


def test_a_failed_autostart_ends_the_process_since_nobody_would_correct_it(tmp_path):
    parameters = {'model.checkpoint': '/nowhere.pt', 'autostart': True, 'model.device': 'cpu'}
    with running_node(tmp_path, '/autostart_failed', parameters) as node:
        assert node.process.wait(START_TIMEOUT_S) == os.EX_CONFIG
        assert 'not configured: model.checkpoint' in node.process.output
        assert 'Traceback' not in node.process.output


def test_a_parameter_out_of_range_ends_the_process_with_one_clear_line(tmp_path):
    with running_node(tmp_path, '/out_of_range', {'input.policy': 'newest'}) as node:
        assert node.process.wait(START_TIMEOUT_S) == os.EX_CONFIG
        assert 'input.policy' in node.process.output
        assert 'latest, every_frame' in node.process.output
        assert 'Traceback' not in node.process.output
