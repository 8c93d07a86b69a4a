# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The tree builds as a ROS workspace does, and what it installs is complete and runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from repository import REPO

VENV = Path(sys.prefix)

pytest.importorskip('colcon_core')
pytest.importorskip('surgsam2_msgs')
pytestmark = pytest.mark.slow  # half a minute of compiling


def _workspace_environment() -> dict[str, str]:
    """Return the environment of a shell in which only the wheels of this venv stand for ROS."""
    leaking = {'PYTHONPATH', 'AMENT_PREFIX_PATH', 'CMAKE_PREFIX_PATH', 'COLCON_PREFIX_PATH'}
    env = {name: value for name, value in os.environ.items() if name not in leaking}
    return {**env, 'AMENT_PREFIX_PATH': str(VENV), 'CMAKE_PREFIX_PATH': str(VENV)}


@pytest.fixture(scope='module')
def install_space(tmp_path_factory) -> Path:
    """Build both packages with colcon; returns the install folder."""
    if not (VENV / 'share' / 'rosidl_default_generators').is_dir():
        pytest.skip('the wheels that build messages are not installed (requirements/ros/)')
    workspace = tmp_path_factory.mktemp('workspace')
    command = [
        VENV / 'bin' / 'colcon',
        '--log-base',
        workspace / 'log',
        'build',
        '--base-paths',
        '.',
        'surgsam2_msgs',
        '--build-base',
        workspace / 'build',
        '--install-base',
        workspace / 'install',
        '--event-handlers',
        'console_direct+',
        '--cmake-args',
        f'-DCMAKE_PROJECT_INCLUDE={REPO}/surgsam2_msgs/pip_ros.cmake',
        f'-DPython3_EXECUTABLE={VENV}/bin/python3',
        '-DCMAKE_CXX_FLAGS=-O0',
        '-DCMAKE_C_FLAGS=-O0',
    ]
    environment = {**_workspace_environment(), 'PATH': f'{VENV}/bin:{os.environ["PATH"]}'}
    done = subprocess.run(
        command, cwd=REPO, env=environment, capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return workspace / 'install'


def run_in_workspace(install_space: Path, command: str) -> subprocess.CompletedProcess:
    """Run a shell command as a user does who sourced the workspace's setup file."""
    environment = {**_workspace_environment(), 'PATH': f'{VENV}/bin:{os.environ["PATH"]}'}
    return subprocess.run(
        ['sh', '-c', f'. {install_space}/setup.sh && {command}'],
        cwd=install_space,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_both_packages_are_built(install_space):
    assert {'surgsam2_ros', 'surgsam2_msgs'} <= {path.name for path in install_space.iterdir()}


@pytest.mark.parametrize('executable', ['surgsam2_node', 'surgsam2', 'surgsam2_console'])
def test_executables_are_where_ros2_run_looks(install_space, executable):
    path = install_space / 'surgsam2_ros' / 'lib' / 'surgsam2_ros' / executable
    assert os.access(path, os.X_OK), sorted((install_space / 'surgsam2_ros').rglob(executable))


def test_the_install_space_is_what_is_imported(install_space):
    done = run_in_workspace(
        install_space,
        'python3 -c "import surgsam2_ros, surgsam2_msgs.msg;'
        'print(surgsam2_ros.__file__); print(surgsam2_msgs.__file__);'
        'print(surgsam2_msgs.msg.TrackArray().header.stamp.sec)"',
    )
    assert done.returncode == 0, done.stderr
    package, messages, stamp = done.stdout.split()
    assert Path(package).is_relative_to(install_space)
    assert Path(messages).is_relative_to(install_space)
    assert stamp == '0'


def test_share_files_are_installed_and_found(install_space):
    done = run_in_workspace(
        install_space,
        'python3 -c "from surgsam2_ros.share import share_folder; print(share_folder())"',
    )
    assert done.returncode == 0, done.stderr
    share = Path(done.stdout.strip())
    assert share == install_space / 'surgsam2_ros' / 'share' / 'surgsam2_ros'
    for folder, suffixes in {
        'launch': {'.py'},
        'config': {'.yaml', '.xml', '.rviz'},
        'models': {'.yaml'},
        'resource': {'.jpg', '.png', '.txt'},
    }.items():
        wanted = {
            path.relative_to(REPO) for path in (REPO / folder).rglob('*') if path.suffix in suffixes
        }
        missing = [path for path in wanted if not (share / path).is_file()]
        assert wanted and not missing, (folder, missing)


def test_every_python_module_and_its_data_are_installed(install_space):
    (package,) = install_space.glob('surgsam2_ros/lib/python*/site-packages/surgsam2_ros')
    wanted = {
        path.relative_to(REPO / 'surgsam2_ros')
        for path in (REPO / 'surgsam2_ros').rglob('*')
        if path.suffix in {'.py', '.yaml'}
    }
    assert not [path for path in wanted if not (package / path).is_file()]


def test_the_installed_node_starts_and_ends_on_request(install_space, start_process, ros_namespace):
    rclpy = pytest.importorskip('rclpy')
    executable = install_space / 'surgsam2_ros' / 'lib' / 'surgsam2_ros' / 'surgsam2_node'
    node = start_process(
        [
            'sh',
            '-c',
            f'. {install_space}/setup.sh && exec {executable} --ros-args -r __ns:={ros_namespace}',
        ],
        name='surgsam2_node',
        env={'PYTHONPATH': '', 'AMENT_PREFIX_PATH': str(VENV)},
        cwd=install_space,
    )
    with rclpy.init():
        observer = rclpy.create_node('observer')
        deadline = time.monotonic() + 60
        while ('surgsam2', ros_namespace) not in observer.get_node_names_and_namespaces():
            assert node.running and time.monotonic() < deadline, node.output
            time.sleep(0.1)
        observer.destroy_node()
    assert node.stop() == 0, node.output


def test_a_message_built_by_colcon_travels_like_one_built_by_pip(install_space):
    """The type hash decides whether two nodes talk."""
    installed = 'share/surgsam2_msgs/msg/TrackArray.json'
    by_colcon = install_space / 'surgsam2_msgs' / installed
    assert by_colcon.read_text() == (VENV / installed).read_text()


@pytest.fixture(scope='module', autouse=True)
def _tree_stays_clean():
    """Check that building out of the tree leaves nothing in it."""
    before = {path.name for path in REPO.iterdir()}
    yield
    for name in {path.name for path in REPO.iterdir()} - before:
        if name.endswith('.egg-info'):
            shutil.rmtree(REPO / name)
            pytest.fail(f'the build left {name} in the tree')


def test_colcon_run_in_the_tree_finds_both_packages():
    """A bare `colcon build` here would leave the messages out, were it not for the defaults."""
    defaults = yaml.safe_load((REPO / 'colcon_defaults.yaml').read_text())
    assert defaults['build']['base-paths'] == ['.', 'surgsam2_msgs']
    assert defaults['test'] == defaults['build']
