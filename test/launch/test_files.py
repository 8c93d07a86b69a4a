# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the launch files start: arguments, parameters, remappings, environment."""

from __future__ import annotations

import launch_stand_in
import pytest
import yaml
from launch_stand_in import LaunchError, declared_arguments, resolve
from repository import REPO

LAUNCH_FILES = sorted((REPO / 'launch').glob('*.launch.py'))
SURGSAM2 = REPO / 'launch' / 'surgsam2.launch.py'
REPLAY = REPO / 'launch' / 'replay.launch.py'
DEMO = REPO / 'launch' / 'demo.launch.py'


@pytest.fixture(autouse=True)
def executables(monkeypatch):
    """Find every executable, installed or not: what is started is looked at, not run."""
    monkeypatch.setattr(
        launch_stand_in, 'find_executable', lambda package, name: f'{package}/{name}'
    )


@pytest.fixture
def commands(tmp_path):
    """Give a function that resolves a launch file to its commands by name."""

    def resolve_by_name(path, **arguments):
        return {command.name: command for command in resolve(path, arguments, tmp_path)}

    return resolve_by_name


@pytest.mark.parametrize('path', LAUNCH_FILES, ids=lambda path: path.name)
def test_every_argument_says_what_it_means(path):
    arguments = declared_arguments(path).values()
    assert arguments
    assert not [a.name for a in arguments if not (a.description or '').endswith('.')]


@pytest.mark.parametrize('path', LAUNCH_FILES, ids=lambda path: path.name)
def test_switches_are_true_or_false(path):
    switches = [
        a for a in declared_arguments(path).values() if a.default_value in {'true', 'false'}
    ]
    assert not [a.name for a in switches if list(a.choices) != ['true', 'false']]


def test_the_node_has_its_documented_arguments():
    assert set(declared_arguments(SURGSAM2)) == {
        'namespace', 'image_topic', 'transport', 'params_file', 'model', 'checkpoint', 'device',
        'use_sim_time', 'reset_on_jump', 'rviz', 'autostart', 'respawn', 'log_level',
    }  # fmt: skip


def test_a_default_launch_leaves_the_parameter_file_alone(commands):
    started = commands(SURGSAM2)
    assert set(started) == {'surgsam2'}
    node = started['surgsam2']
    assert node.argv[0] == 'surgsam2_ros/surgsam2_node'
    assert node.parameters == {'autostart': True, 'use_sim_time': False}
    assert str(REPO / 'config' / 'surgsam2.yaml') in node.argv


def test_arguments_win_over_the_parameter_file(commands):
    node = commands(
        SURGSAM2,
        model='models/sam2.1_hiera_s_512.yaml',
        checkpoint='123',
        device='cuda:1',
        transport='compressed',
        use_sim_time='true',
        autostart='false',
    )['surgsam2']
    assert node.parameters == {
        'model.config': 'models/sam2.1_hiera_s_512.yaml',
        'model.checkpoint': '123',
        'model.device': 'cuda:1',
        'input.transport': 'compressed',
        'use_sim_time': True,
        'autostart': False,
    }
    files = [node.argv[i + 1] for i, part in enumerate(node.argv) if part == '--params-file']
    assert files[0] == str(REPO / 'config' / 'surgsam2.yaml'), 'the later file wins'
    assert len(files) == 2


def test_parameters_that_are_set_exist_in_the_node(commands):
    schema = yaml.safe_load(
        (REPO / 'surgsam2_ros' / 'nodes' / 'tracker' / 'parameters.yaml').read_text()
    )
    node = commands(
        SURGSAM2, model='a', checkpoint='b', device='c', transport='raw', reset_on_jump='false'
    )['surgsam2']
    assert set(node.parameters) - {'use_sim_time'} <= set(schema)


@pytest.mark.parametrize('given', ['/camera/image', '/camera/image/compressed'])
def test_both_inputs_follow_the_image_topic(commands, given):
    node = commands(SURGSAM2, image_topic=given)['surgsam2']
    assert node.remappings == {
        'image': '/camera/image',
        'image/compressed': '/camera/image/compressed',
    }


@pytest.mark.parametrize(
    ('transport', 'topic', 'expected'),
    [
        ('', '/image', None),
        ('', '/image/compressed', 'compressed'),
        ('raw', '/image/compressed', 'raw'),
        ('compressed', '/image', 'compressed'),
    ],
)
def test_the_transport_follows_the_topic_unless_told(commands, transport, topic, expected):
    node = commands(SURGSAM2, transport=transport, image_topic=topic)['surgsam2']
    assert node.parameters.get('input.transport') == expected


@pytest.mark.parametrize('namespace', ['endoscope/left', '/endoscope/left'])
def test_the_namespace_is_absolute(commands, namespace):
    node = commands(SURGSAM2, namespace=namespace)['surgsam2']
    assert node.namespace == '/endoscope/left'
    assert '__ns:=/endoscope/left' in node.argv


def test_large_images_travel_in_shared_memory(commands, monkeypatch):
    for name in ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE'):
        monkeypatch.delenv(name, raising=False)
    node = commands(SURGSAM2)['surgsam2']
    profile = str(REPO / 'config' / 'fastdds.xml')
    assert node.env['FASTDDS_DEFAULT_PROFILES_FILE'] == profile
    assert node.env['FASTRTPS_DEFAULT_PROFILES_FILE'] == profile


def test_a_profile_of_the_user_is_kept(commands, monkeypatch):
    monkeypatch.setenv('FASTDDS_DEFAULT_PROFILES_FILE', '/home/me/dds.xml')
    assert commands(SURGSAM2)['surgsam2'].env['FASTDDS_DEFAULT_PROFILES_FILE'] == '/home/me/dds.xml'


def test_rviz_shows_the_topics_of_this_camera(commands):
    started = commands(SURGSAM2, rviz='true', namespace='left', image_topic='/left/image')
    rviz = started['rviz2']
    config = yaml.safe_load((REPO / 'config' / 'surgsam2.rviz').read_text())
    displays = config['Visualization Manager']['Displays']
    shown = {rviz.remappings[display['Topic']['Value']] for display in displays}
    assert shown == {'/left/image', '/left/surgsam2/overlay', '/left/surgsam2/label_image'}
    assert str(REPO / 'config' / 'surgsam2.rviz') in rviz.argv


@pytest.mark.parametrize(
    ('argument', 'value'),
    [('transport', 'jpeg'), ('rviz', 'yes'), ('log_level', 'loud'), ('params_file', '/no.yaml')],
)
def test_a_wrong_argument_is_refused(commands, argument, value):
    with pytest.raises(LaunchError, match=value):
        commands(SURGSAM2, **{argument: value})


def test_replay_needs_a_bag(commands):
    with pytest.raises(LaunchError, match="'bag' is required"):
        commands(REPLAY)


def test_replay_runs_the_node_on_the_time_of_the_bag(commands):
    started = commands(
        REPLAY, bag='/data/run.mcap', image_topic='/left/image/compressed', rate='0.5', loop='true'
    )
    node, player = started['surgsam2'], started['player']
    assert node.parameters == {
        'autostart': True,
        'use_sim_time': True,
        'input.transport': 'compressed',
        'input.reset_on_jump': True,
    }
    assert player.argv[:4] == ['surgsam2_ros/surgsam2', 'bag', 'play', '/data/run.mcap']
    assert {'--clock', '--wait-for-subscribers', '--loop'} <= set(player.argv)
    assert player.argv[player.argv.index('--rate') + 1] == '0.5'
    assert player.argv[player.argv.index('--topics') + 1] == '/left/image/compressed'


def test_replay_hands_its_arguments_on_with_the_same_defaults():
    node, replay = declared_arguments(SURGSAM2), declared_arguments(REPLAY)
    shared = node.keys() & replay.keys()
    assert shared == node.keys() - {'use_sim_time', 'reset_on_jump', 'autostart', 'respawn'}
    for name in shared:
        assert replay[name].default_value == node[name].default_value, name
        assert replay[name].choices == node[name].choices, name


def test_the_demo_gets_what_was_given_and_no_more(commands, monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', '17')
    demo = commands(DEMO, bag='/data/run.mcap', truth_topic='/truth', rate='15')['demo']
    assert demo.argv == [
        'surgsam2_ros/surgsam2', 'demo', '--bag', '/data/run.mcap', '--truth-topic', '/truth',
        '--rate', '15', '--output', 'build/demo', '--domain-id', '17',
    ]  # fmt: skip


def test_commands_that_are_launched_exist(commands):
    """The command line takes every option that the launch files give it."""
    cli = pytest.importorskip('surgsam2_ros.cli')
    arguments = {name: '1' for name in declared_arguments(DEMO) if name != 'rviz'}
    arguments['scene'] = 'composed'
    argv = commands(DEMO, **arguments)['demo'].argv
    assert cli.create_parser().parse_args(argv[1:]).run
    argv = commands(REPLAY, bag='run.mcap', loop='true')['player'].argv
    assert cli.create_parser().parse_args(argv[1:]).run


def test_the_demo_shows_the_topic_it_renders(commands):
    render = pytest.importorskip('surgsam2_ros.commands.render')
    assert commands(DEMO, rviz='true')['rviz2'].remappings == {'/image': render.IMAGE_TOPIC}
