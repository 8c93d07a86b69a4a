# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The SROS2 policies name what the node has, and a node that cannot be protected does not run."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

import pytest
import rclpy
from node_processes import write_random_checkpoint
from repository import REPO

from surgsam2_ros.nodes.tracker.node import SUCCESS, SurgSam2Node

POLICY = REPO / 'config' / 'security' / 'policy.xml'
CAMERA = '/endoscope/left/image_raw'
KEYSTORE = REPO / 'tools' / 'make_keystore.sh'
# What this version of ROS need not have, or has for its own use; annotations need foxglove_msgs.
DEPENDS_ON_ROS = {
    '/surgsam2/get_type_description',
    '/surgsam2/annotations',
    '/clock',
    '/parameter_events',
}


def allowed(enclave: str, text: str | None = None) -> dict[str, set[str]]:
    """Return the absolute names that an enclave may publish, subscribe, reply and request."""
    root = ElementTree.fromstring(text or POLICY.read_text())
    (profile,) = root.findall(f'.//enclave[@path="{enclave}"]//profile')
    namespace = profile.get('ns').rstrip('/')

    def absolute(name: str) -> str:
        if name.startswith('~/'):
            return f'{namespace}/{profile.get("node")}{name[1:]}'
        return name if name.startswith('/') else f'{namespace}/{name}'

    names = {kind: set() for kind in ('publish', 'subscribe', 'reply', 'request')}
    for group in profile:
        for kind in names.keys() & group.attrib.keys():
            assert group.get(kind) == 'ALLOW'
            names[kind] |= {absolute(entry.text) for entry in group}
    return names


@pytest.fixture(scope='module')
def offered(tmp_path_factory) -> dict[str, set[str]]:
    """Give the names that the node has while it is active, with either transport."""
    weights = write_random_checkpoint(tmp_path_factory.mktemp('model') / 'random.safetensors')
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    found = {kind: set() for kind in ('publish', 'subscribe', 'reply', 'request')}
    for transport, name in (('raw', 'image'), ('compressed', 'image/compressed')):
        topic = CAMERA + name.removeprefix('image')
        arguments = ['-r', f'{name}:={topic}', '-p', f'input.transport:={transport}']
        arguments += ['-p', f"model.checkpoint:='{weights}'", '-p', 'model.device:=cpu']
        node = SurgSam2Node(context=context, cli_args=['--ros-args', *arguments])
        try:
            assert node.trigger_configure() == node.trigger_activate() == SUCCESS
            for kind, names_of in (
                ('publish', node.get_publisher_names_and_types_by_node),
                ('subscribe', node.get_subscriber_names_and_types_by_node),
                ('reply', node.get_service_names_and_types_by_node),
                ('request', node.get_client_names_and_types_by_node),
            ):
                found[kind] |= names(names_of)
            node.trigger_deactivate()
            node.trigger_cleanup()
        finally:
            node.destroy_node()
    rclpy.shutdown(context=context)
    return found


def names(names_of: Callable) -> set[str]:
    return {name for name, _types in names_of('surgsam2', '/')}


@pytest.mark.parametrize('kind', ['publish', 'subscribe', 'reply', 'request'])
def test_the_node_may_do_what_it_does_and_nothing_else(offered, kind):
    policy = allowed('/surgsam2')[kind]
    assert policy - DEPENDS_ON_ROS == offered[kind] - DEPENDS_ON_ROS
    assert offered[kind] <= policy


@pytest.mark.parametrize('enclave', ['/surgsam2_operator', '/surgsam2_client'])
def test_others_are_allowed_nothing_that_the_node_does_not_have(offered, enclave):
    policy = allowed(enclave)
    own = {'/rosout', '/parameter_events'}
    assert policy['publish'] - own <= offered['subscribe']
    assert (
        policy['subscribe'] - {CAMERA, f'{CAMERA}/compressed', '/clock'} - own
        <= (offered['publish'])
    )
    assert policy['request'] <= offered['reply']
    assert policy['reply'] == set()


def test_who_acts_on_the_results_can_change_nothing():
    client = allowed('/surgsam2_client')
    assert client['publish'] == {'/rosout', '/parameter_events'}
    assert client['request'] == {'/surgsam2/list_objects', '/surgsam2/get_state'}


def test_the_operator_may_ask_for_all_that_our_client_asks_for():
    source = (REPO / 'surgsam2_ros' / 'nodes' / 'client' / 'client.py').read_text()
    asked = set(re.findall(r"_call\(\s*\w+,\s*'(\w+)'", source))
    assert {'add_objects', 'change_state'} <= asked
    assert {f'/surgsam2/{name}' for name in asked} <= allowed('/surgsam2_operator')['request']


@pytest.mark.skipif(shutil.which('bash') is None, reason='bash is not installed')
def test_the_keystore_is_made_for_another_camera(tmp_path):
    command = [
        KEYSTORE,
        tmp_path / 'keys',
        '--namespace',
        'robot/left',
        '--image-topic',
        '/c/image',
    ]
    done = subprocess.run([*command, '--dry-run'], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    commands, _, policy = done.stdout.partition('<?xml')
    assert commands.count('ros2 security create_enclave') == 3
    node = allowed('/surgsam2', '<?xml' + policy)
    assert '/robot/left/surgsam2/tracks' in node['publish']
    assert {'/c/image', '/c/image/compressed', '/robot/left/prompts'} <= node['subscribe']
    client = allowed('/surgsam2_client', '<?xml' + policy)
    assert '/robot/left/surgsam2/tracks' in client['subscribe']
    assert not (tmp_path / 'keys').exists()


@pytest.mark.parametrize('wrong', [['--namespace', 'a b'], [], ['--image-topic', '#x']])
def test_a_name_that_is_none_makes_no_keystore(tmp_path, wrong):
    command = [KEYSTORE, *([tmp_path / 'keys'] if wrong else []), *wrong]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert not (tmp_path / 'keys').exists()


def test_a_node_that_cannot_be_protected_does_not_run_unprotected(
    start_node, ros_namespace, tmp_path
):
    """Also where Fast DDS was built without its security plugins, as in the wheels."""
    enclave = tmp_path / 'keystore' / 'enclaves' / 'surgsam2'
    enclave.mkdir(parents=True)
    for name in ('identity_ca.cert', 'cert', 'key', 'permissions_ca.cert'):
        (enclave / f'{name}.pem').touch()
    for name in ('governance', 'permissions'):
        (enclave / f'{name}.p7s').touch()
    process = start_node(
        namespace=ros_namespace,
        env={
            'ROS_SECURITY_ENABLE': 'true',
            'ROS_SECURITY_STRATEGY': 'Enforce',
            'ROS_SECURITY_KEYSTORE': str(tmp_path / 'keystore'),
            'ROS_SECURITY_ENCLAVE_OVERRIDE': '/surgsam2',
        },
    )
    assert process.wait(90.0) != 0
    assert 'security' in process.output.lower()
