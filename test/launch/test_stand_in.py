# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The stand-in for launch does what launch does, traps included."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest import mock

import launch_entities
import pytest
import yaml
from launch_entities import (
    DeclareLaunchArgument,
    ExecuteProcess,
    GroupAction,
    IncludeLaunchDescription,
    LaunchConfiguration,
    LaunchDescription,
    Node,
    PushROSNamespace,
    PythonLaunchDescriptionSource,
    SetEnvironmentVariable,
)
from launch_stand_in import resolve, resolve_description
from repository import REPO

CASES = {
    'surgsam2': {},
    'surgsam2 one camera': {'namespace': 'left', 'transport': 'compressed', 'rviz': 'true'},
    'surgsam2 checkpoint': {'checkpoint': '123', 'device': 'cpu', 'autostart': 'false'},
    'replay': {'bag': 'run.mcap', 'loop': 'true', 'namespace': '/robot/left'},
    'stereo': {'device': 'cpu', 'rviz': 'true'},
    'demo': {'bag': 'run.mcap', 'rviz': 'true'},
}


@pytest.fixture(autouse=True)
def executables(monkeypatch):
    """Find every executable, installed or not."""
    monkeypatch.setattr(launch_entities, 'find_executable', lambda package, name: f'/bin/{name}')


def argument_reader(folder: Path) -> Path:
    """Write a launch file that starts `echo` with the value of its argument."""
    path = folder / 'reader.launch.py'
    path.write_text(
        'from launch import LaunchDescription\n'
        'from launch.actions import DeclareLaunchArgument, ExecuteProcess\n'
        'from launch.substitutions import LaunchConfiguration\n'
        'def generate_launch_description():\n'
        "    value = LaunchConfiguration('value')\n"
        "    argument = DeclareLaunchArgument('value', default_value='default')\n"
        "    return LaunchDescription([argument, ExecuteProcess(cmd=['echo', value])])\n"
    )
    return path


def include(path: Path, **arguments: str) -> IncludeLaunchDescription:
    source = PythonLaunchDescriptionSource(str(path))
    return IncludeLaunchDescription(source, launch_arguments=list(arguments.items()))


def values(tmp_path: Path, *entities: Any) -> list[str]:
    commands = resolve_description(LaunchDescription(entities), {}, tmp_path)
    return [command.argv[-1] for command in commands]


def test_an_argument_of_an_include_stays_for_the_next_one(tmp_path):
    reader = argument_reader(tmp_path)
    assert values(tmp_path, include(reader, value='given'), include(reader)) == ['given', 'given']


def test_a_group_ends_what_was_set_in_it(tmp_path):
    reader = argument_reader(tmp_path)
    first = GroupAction([SetEnvironmentVariable('A', '1'), include(reader, value='given')])
    assert values(tmp_path, first, include(reader)) == ['given', 'default']
    commands = resolve_description(
        LaunchDescription([first, ExecuteProcess(cmd=['b'])]), {}, tmp_path
    )
    assert [command.env for command in commands] == [{'A': '1'}, {}]


def test_what_was_set_before_an_include_wins_over_its_default(tmp_path):
    outer = DeclareLaunchArgument('value', default_value='outer')
    assert values(tmp_path, outer, include(argument_reader(tmp_path))) == ['outer']


@pytest.mark.parametrize(
    ('namespace', 'expected'),
    [('left', '/robot/left'), ('', '/robot'), (None, '/robot'), ('/left', '/left')],
)
def test_a_pushed_namespace_comes_before_relative_ones(tmp_path, namespace, expected):
    node = Node(package='p', executable='e', namespace=namespace)
    description = LaunchDescription([PushROSNamespace('robot'), node])
    (command,) = resolve_description(description, {}, tmp_path)
    assert command.namespace == expected


def test_a_parameter_file_that_is_missing_is_left_out_with_a_warning(tmp_path, caplog):
    node = Node(package='p', executable='e', parameters=['/no.yaml'])
    (command,) = resolve_description(LaunchDescription([node]), {}, tmp_path)
    assert '--params-file' not in command.argv
    assert '/no.yaml' in caplog.text


def test_a_value_that_nobody_set_is_an_error(tmp_path):
    with pytest.raises(launch_entities.LaunchError, match="'unset'"):
        values(tmp_path, ExecuteProcess(cmd=[LaunchConfiguration('unset')]))


def comparable(argv: list[str]) -> list[str]:
    """Put the contents of written parameter files in place of their names, executables by name."""
    parts = [Path(argv[0]).name]
    for part in argv[1:]:
        written = 'launch_params_' in part
        parts.append(_parameters_of(Path(part)) if written else part)
    return parts


def _parameters_of(path: Path) -> str:
    # One node name or another: launch_ros writes the node's own where it is known.
    (rules,) = yaml.safe_load(path.read_text()).values()
    return yaml.safe_dump(rules['ros__parameters'])


def resolve_with_launch(path: Path, arguments: dict[str, str]) -> list[tuple[list[str], dict]]:
    """Return arguments and own variables of the processes that the real launch would start."""
    launch = pytest.importorskip('launch', reason='launch is not installed')
    pytest.importorskip('launch_ros.actions', reason='launch_ros is not installed')
    from launch.actions import ExecuteLocal
    from launch.actions import IncludeLaunchDescription as Include
    from launch.launch_description_sources import PythonLaunchDescriptionSource as Source
    from launch.utilities import visit_all_entities_and_collect_futures
    from launch_ros.actions import lifecycle_node
    from launch_ros.substitutions import ExecutableInPackage

    before = dict(os.environ)
    started = []

    def note(action, context):
        action.prepare(context)
        details = action.process_details
        own = {k: v for k, v in details['env'].items() if before.get(k) != v}
        started.append((details['cmd'], own))

    with (
        mock.patch.object(ExecuteLocal, 'execute', note),
        mock.patch.object(lifecycle_node, 'get_ros_node'),
        mock.patch.object(
            ExecutableInPackage, 'perform', lambda self, context: self.executable[0].text
        ),
    ):
        entity = Include(Source(str(path)), launch_arguments=list(arguments.items()))
        visit_all_entities_and_collect_futures(entity, launch.LaunchContext())
    return started


@pytest.mark.parametrize('case', CASES)
def test_launch_itself_starts_the_same(case, tmp_path, monkeypatch):
    for name in ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE'):
        monkeypatch.delenv(name, raising=False)
    path = REPO / 'launch' / f'{case.split()[0]}.launch.py'
    real = [(comparable(argv), env) for argv, env in resolve_with_launch(path, CASES[case])]
    stand_in = resolve(path, CASES[case], tmp_path)
    assert [(comparable(c.argv), c.env) for c in stand_in] == real
