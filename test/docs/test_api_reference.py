# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Document and parameter file against the generator, and the generator against the node."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from repository import REPO

pytest.importorskip('rclpy')
pytest.importorskip('surgsam2_msgs.msg')
import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter

from docs.tools import api_reference
from docs.tools.api_reference import PART
from surgsam2_ros.nodes.tracker import parameters as node_parameters

# What every node, and every lifecycle node, brings along.
COMMON_TOPICS = ('/rosout', '/parameter_events', '~/transition_event', '/clock')
COMMON_SERVICES = ('rcl_interfaces/', 'lifecycle_msgs/', 'type_description_interfaces/')


@pytest.fixture
def context():
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    yield context
    rclpy.shutdown(context=context)


@pytest.fixture
def node(make_node):
    return make_node(**{'discovery.source': 'external'})


@pytest.fixture
def make_node(context, monkeypatch, ros_namespace):
    """Make an active node; its tracker is a stand-in, since no image will come.

    Its namespace is its own: ROS may still know the node of the test before, which had nothing
    left, and would tell of that one.
    """
    from surgsam2_ros.nodes.tracker import pipeline
    from surgsam2_ros.nodes.tracker.node import SurgSam2Node
    from surgsam2_ros.nodes.tracker.tracker_loading import LoadedTracker

    engine = SimpleNamespace(name='torch')
    loaded = LoadedTracker(MagicMock(), 'nano', 'nano.safetensors', 'cpu', 'fp32', engine, [])
    monkeypatch.setattr(pipeline, 'load_tracker', lambda *_: loaded)
    nodes = []

    def make(**parameters) -> Node:
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        node = SurgSam2Node(context=context, namespace=ros_namespace, parameter_overrides=overrides)
        nodes.append(node)
        node.trigger_configure()
        node.trigger_activate()
        return node

    yield make
    for node in nodes:
        node.close()
        node.destroy_node()


def appears(read: Callable[[], dict[str, str]], expected: dict[str, str]) -> None:
    """Assert what ROS knows of the node, which it learns a moment after the node has made it."""
    deadline = time.monotonic() + 15.0
    while read() != expected and time.monotonic() < deadline:
        time.sleep(0.02)
    assert read() == expected


def remote(node: Node, names_and_types) -> dict[str, str]:
    """Give what ROS knows, with the names that the node has without a namespace."""
    private, namespace = f'{node.get_fully_qualified_name()}/', f'{node.get_namespace()}/'
    found = {
        name.replace(private, '~/').replace(namespace, '/'): types[0]
        for name, types in names_and_types
    }
    return {name: kind for name, kind in found.items() if name not in COMMON_TOPICS}


def own_name(node: Node) -> tuple[str, str]:
    return node.get_name(), node.get_namespace()


def documented(entries) -> dict[str, str]:
    return {
        entry.name if entry.name[0] in '~/' else f'/{entry.name}': api_reference.type_name(
            entry.type
        )
        for entry in entries
    }


def test_the_document_has_the_generated_api():
    document = (REPO / 'docs' / 'ros_api.md').read_text(encoding='utf-8')
    assert api_reference.insert_api(document) == document, (
        'run python docs/tools/api_reference.py --write docs/ros_api.md'
    )


def test_config_file_is_the_generated_one():
    config = (REPO / 'config' / 'surgsam2.yaml').read_text(encoding='utf-8')
    assert api_reference.parameter_file() == config, (
        'run python docs/tools/api_reference.py --write-config config/surgsam2.yaml'
    )


def test_config_file_gives_any_node_the_defaults(context):
    arguments = ['--ros-args', '--params-file', str(REPO / 'config' / 'surgsam2.yaml')]
    node = Node('camera_1', namespace='/left', context=context, cli_args=arguments)
    node_parameters.declare_parameters(node)
    assert len(node._parameter_overrides) >= len(api_reference.parameter_schema())
    assert node_parameters.read_parameters(node) == node_parameters.Parameters.defaults()
    node.destroy_node()


def test_documented_publications_are_those_of_the_node(node):
    appears(
        lambda: remote(node, node.get_publisher_names_and_types_by_node(*own_name(node))),
        documented(api_reference.PUBLICATIONS),
    )
    for topic in api_reference.PUBLICATIONS:
        name = node.resolve_topic_name(topic.name)
        (endpoint,) = node.get_publishers_info_by_topic(name)
        assert endpoint.qos_profile.reliability == topic.profile.reliability
        assert endpoint.qos_profile.durability == topic.profile.durability


def test_documented_subscriptions_are_those_of_the_node(node):
    expected = documented(api_reference.SUBSCRIPTIONS)
    del expected['/image/compressed']  # instead of /image, by parameter
    appears(
        lambda: remote(node, node.get_subscriber_names_and_types_by_node(*own_name(node))), expected
    )


def test_a_node_that_finds_nothing_by_itself_has_no_topics_for_it(make_node):
    node = make_node()
    expected = documented(api_reference.SUBSCRIPTIONS)
    del expected['/image/compressed'], expected['/detections']
    appears(
        lambda: remote(node, node.get_subscriber_names_and_types_by_node(*own_name(node))), expected
    )
    published = remote(node, node.get_publisher_names_and_types_by_node(*own_name(node)))
    assert '~/tracks' in published and '~/events' not in published


def test_documented_services_are_those_of_the_node(node):
    def served() -> dict[str, str]:
        services = remote(node, node.get_service_names_and_types_by_node(*own_name(node)))
        return {
            name: kind for name, kind in services.items() if not kind.startswith(COMMON_SERVICES)
        }

    appears(served, documented(api_reference.SERVICES))


def test_tables_replace_what_stood_between_the_markers():
    document = f'# Title\n{PART.begin}\nwas here before\n{PART.end}\n## More\n'
    written = api_reference.insert_api(document)
    assert written.startswith('# Title\n') and written.endswith('\n## More\n')
    assert 'was here before' not in written and '`~/tracks`' in written
    assert api_reference.insert_api(written) == written


@pytest.mark.parametrize(
    'document',
    [
        'no markers',
        PART.begin,
        f'{PART.end}\n{PART.begin}',
    ],
)
def test_document_without_its_markers_is_refused(document):
    with pytest.raises(ValueError, match='ros-api:'):
        api_reference.insert_api(document)


def test_command_writes_both_files(tmp_path):
    document = tmp_path / 'ros_api.md'
    document.write_text(f'{PART.begin}\n{PART.end}\n')
    config = tmp_path / 'surgsam2.yaml'
    assert api_reference.main(['--write', str(document), '--write-config', str(config)]) == 0
    written = document.read_text()
    assert '### Parameters' in written and '`frames_dropped`' in written
    assert '#### surgsam2_msgs/srv/AddObjects' in written and 'Prompt[] prompts' in written
    assert config.read_text() == api_reference.parameter_file()
