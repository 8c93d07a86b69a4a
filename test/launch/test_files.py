# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the launch files start: arguments, parameters, remappings, environment."""

from __future__ import annotations

import os

import launch_entities
import pytest
import yaml
from launch_entities import (
    ExecuteProcess,
    GroupAction,
    IncludeLaunchDescription,
    LaunchDescription,
    LaunchError,
    PushROSNamespace,
    PythonLaunchDescriptionSource,
)
from launch_stand_in import declared_arguments, resolve, resolve_description
from repository import REPO

LAUNCH_FILES = sorted((REPO / 'launch').glob('*.launch.py'))
SURGSAM2 = REPO / 'launch' / 'surgsam2.launch.py'
REPLAY = REPO / 'launch' / 'replay.launch.py'
STEREO = REPO / 'launch' / 'stereo.launch.py'
DEMO = REPO / 'launch' / 'demo.launch.py'
PROFILE = str(REPO / 'config' / 'fastdds.xml')
NEW_VARIABLE, OLD_VARIABLE = 'FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE'


@pytest.fixture(autouse=True)
def executables(monkeypatch):
    """Find every executable, installed or not: what is started is looked at, not run."""
    monkeypatch.setattr(
        launch_entities, 'find_executable', lambda package, name: f'{package}/{name}'
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
        'namespace', 'cameras', 'image_topic', 'transport', 'params_file', 'model', 'checkpoint',
        'device', 'use_sim_time', 'reset_on_jump', 'rviz', 'autostart', 'respawn', 'log_level',
        'console', 'console_port',
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


@pytest.fixture
def no_profile(monkeypatch):
    """Take away the profile that the tests themselves run with, and the distribution."""
    for name in (NEW_VARIABLE, OLD_VARIABLE, 'ROS_DISTRO'):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ('distribution', 'variable'),
    [('humble', OLD_VARIABLE), ('jazzy', OLD_VARIABLE), ('kilted', NEW_VARIABLE)],
)
def test_large_images_travel_in_shared_memory(commands, no_profile, distribution, variable):
    no_profile.setenv('ROS_DISTRO', distribution)
    started = commands(SURGSAM2, rviz='true')
    envs = [started[name].env for name in ('surgsam2', 'rviz2')]
    assert envs == 2 * [{variable: PROFILE}], 'the other name makes Kilted warn'


def test_a_profile_of_the_user_is_kept(commands, no_profile):
    no_profile.setenv(NEW_VARIABLE, '/home/me/dds.xml')
    assert commands(SURGSAM2)['surgsam2'].env[NEW_VARIABLE] == '/home/me/dds.xml'


@pytest.mark.parametrize('path', [SURGSAM2, STEREO], ids=lambda path: path.name)
def test_what_is_launched_later_keeps_its_environment(tmp_path, no_profile, path):
    *_, later = resolve_description(
        LaunchDescription([include(path), ExecuteProcess(cmd=['later'])]), {}, tmp_path
    )
    assert later.argv == ['later']
    assert later.env == {}


def test_rviz_shows_the_topics_of_this_camera(commands):
    started = commands(SURGSAM2, rviz='true', namespace='left', image_topic='/left/image')
    rviz = started['rviz2']
    config = yaml.safe_load((REPO / 'config' / 'surgsam2.rviz').read_text())
    displays = config['Visualization Manager']['Displays']
    shown = {rviz.remappings[display['Topic']['Value']] for display in displays}
    assert rviz.namespace == started['surgsam2'].namespace == '/left'
    assert shown == {'/left/image', 'surgsam2/overlay', 'surgsam2/label_image'}
    assert str(REPO / 'config' / 'surgsam2.rviz') in rviz.argv


@pytest.mark.parametrize(
    ('argument', 'value'),
    [('transport', 'jpeg'), ('rviz', 'yes'), ('log_level', 'loud')],
)
def test_a_wrong_argument_is_refused(commands, argument, value):
    with pytest.raises(LaunchError, match=value):
        commands(SURGSAM2, **{argument: value})


@pytest.mark.parametrize('path', [SURGSAM2, REPLAY, STEREO], ids=lambda path: path.name)
def test_a_mistyped_parameter_file_is_refused_in_one_line(commands, path):
    arguments = {'bag': 'run.mcap'} if path == REPLAY else {}
    with pytest.raises(RuntimeError, match=r"'/no\.yaml' is not a file.*surgsam2\.yaml") as refusal:
        commands(path, params_file='/no.yaml', **arguments)
    assert '\n' not in str(refusal.value)


def test_a_node_that_cannot_start_fails_the_launch(commands):
    node = commands(SURGSAM2)['surgsam2']
    with pytest.raises(RuntimeError, match='surgsam2 could not start'):
        node.exited(os.EX_CONFIG)


@pytest.mark.parametrize('returncode', [0, -9, 1], ids=['asked to', 'killed', 'crashed'])
def test_a_node_that_ends_otherwise_leaves_the_launch_alone(commands, returncode):
    commands(SURGSAM2)['surgsam2'].exited(returncode)


def include(path, **arguments):
    """Return the include of a launch file."""
    source = PythonLaunchDescriptionSource(str(path))
    return IncludeLaunchDescription(source, launch_arguments=list(arguments.items()))


def test_node_and_rviz_follow_a_pushed_namespace(tmp_path):
    group = GroupAction(
        [PushROSNamespace('robot'), include(SURGSAM2, namespace='left', rviz='true')]
    )
    node, rviz = resolve_description(LaunchDescription([group]), {}, tmp_path)
    assert (node.namespace, rviz.namespace) == ('/robot/left', '/robot/left')


def test_grouped_includes_do_not_share_their_arguments(tmp_path):
    compressed = include(SURGSAM2, namespace='a', transport='compressed', device='cpu')
    plain = include(SURGSAM2, namespace='b')
    description = LaunchDescription([GroupAction([compressed]), GroupAction([plain])])
    first, second = resolve_description(description, {}, tmp_path)
    assert first.parameters['input.transport'] == 'compressed'
    assert second.parameters == {'autostart': True, 'use_sim_time': False}


def test_replay_leaves_nothing_set_for_a_node_after_it(tmp_path):
    replay = include(REPLAY, bag='run.mcap')
    live = include(SURGSAM2, namespace='live')
    *_, node = resolve_description(LaunchDescription([replay, live]), {}, tmp_path)
    assert node.namespace == '/live'
    assert node.parameters['use_sim_time'] is False
    assert 'input.reset_on_jump' not in node.parameters


def test_several_cameras_are_one_process_with_names_of_their_own(commands):
    started = commands(SURGSAM2, namespace='endoscope', cameras='left, right')
    (node,) = started.values()
    assert node.namespace == '/endoscope'
    assert node.parameters['cameras'] == ['left', 'right']
    assert node.remappings == {'image': 'image_raw', 'image/compressed': 'image_raw/compressed'}
    assert node.env['MALLOC_ARENA_MAX'] == '2'
    assert 'MALLOC_ARENA_MAX' not in commands(SURGSAM2)['surgsam2'].env


def test_several_cameras_are_shown_and_served_from_their_namespaces(commands):
    started = commands(
        SURGSAM2,
        namespace='endoscope',
        cameras='[left,right]',
        image_topic='color/image/compressed',
        rviz='true',
        console='true',
    )
    assert started['surgsam2'].parameters['input.transport'] == 'compressed'
    assert started['surgsam2'].remappings['image'] == 'color/image'
    assert started['rviz2'].namespace == '/endoscope/left'
    cli = pytest.importorskip('surgsam2_ros.cli')
    options = cli.create_parser().parse_args(
        ['console', *console_options(started['surgsam2_console'])]
    )
    assert options.node == ['/endoscope/left/surgsam2', '/endoscope/right/surgsam2']


@pytest.mark.parametrize(
    ('arguments', 'told'),
    [
        ({'cameras': 'left,,right'}, 'empty name'),
        ({'cameras': 'left,right', 'image_topic': '/image'}, "'/image' would be that of all"),
    ],
)
def test_cameras_that_cannot_be_told_apart_are_refused(commands, arguments, told):
    with pytest.raises(RuntimeError, match=told):
        commands(SURGSAM2, **arguments)


def test_stereo_leaves_nothing_set_for_a_node_after_it(tmp_path):
    description = LaunchDescription([include(STEREO), include(SURGSAM2)])
    *_, node = resolve_description(description, {}, tmp_path)
    assert node.namespace == '/'


def test_stereo_starts_a_node_for_each_camera(tmp_path):
    left, right = resolve(STEREO, {'device': 'cpu', 'right_image_topic': '/r/image'}, tmp_path)
    assert (left.namespace, right.namespace) == ('/endoscope/left', '/endoscope/right')
    assert left.remappings['image'] == '/endoscope/left/image_raw'
    assert right.remappings['image'] == '/r/image'
    assert left.parameters == right.parameters
    assert left.parameters['model.device'] == 'cpu'


def console_options(command) -> list[str]:
    """Return what a launched console's command line is given, as its executable reads it."""
    console = pytest.importorskip('surgsam2_ros.commands.console')
    return console.command_arguments(command.argv[1:])


def test_the_console_is_served_for_the_node_of_this_camera(commands):
    cli = pytest.importorskip('surgsam2_ros.cli')
    assert 'surgsam2_console' not in commands(SURGSAM2)
    started = commands(SURGSAM2, console='true', console_port='9000', namespace='left')
    console = started['surgsam2_console']
    assert console.argv[0] == 'surgsam2_ros/surgsam2_console'
    assert PROFILE in console.env.values()
    options = cli.create_parser().parse_args(['console', *console_options(console)])
    assert options.node == ['/left/surgsam2']
    assert (options.port, options.host) == (9000, '127.0.0.1')


def test_one_console_is_served_for_both_cameras(tmp_path):
    cli = pytest.importorskip('surgsam2_ros.cli')
    group = GroupAction([PushROSNamespace('robot'), include(STEREO, console='true')])
    description = LaunchDescription([group])
    *_, console = started = resolve_description(description, {}, tmp_path)
    assert [command.name for command in started] == ['surgsam2', 'surgsam2', 'surgsam2_console']
    options = cli.create_parser().parse_args(['console', *console_options(console)])
    assert options.node == ['/robot/endoscope/left/surgsam2', '/robot/endoscope/right/surgsam2']


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
    own = {'use_sim_time', 'reset_on_jump', 'autostart', 'respawn', 'cameras'}
    assert shared == node.keys() - own
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
    topics = pytest.importorskip('surgsam2_ros.live.scene_topics')
    assert commands(DEMO, rviz='true')['rviz2'].remappings == {'/image': topics.IMAGE_TOPIC}
