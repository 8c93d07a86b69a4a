# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the tests share: recorded data, a ROS domain of their own, real processes with logs."""

from __future__ import annotations

import fcntl
import gc
import itertools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from processes import TestProcess
from repository import REPO, shared_data

from surgsam2_ros.live.ros_environment import large_image_profile

# Domain ids whose DDS ports stay clear of Linux' ephemeral ports; low ones are left to people.
DOMAIN_IDS = range(70, 102)


def pytest_collection_finish() -> None:
    """Keep the collector from what all imports made: whatever frees a network looks at it all."""
    gc.collect()
    gc.freeze()


@pytest.fixture(name='shared_data')
def _shared_data() -> Callable[[str], Path]:
    """Give the function `shared_data`."""
    return shared_data


@pytest.fixture(scope='module', autouse=True)
def torch_threads() -> Iterator[None]:
    """Give every module the threads that torch starts with: sums depend on their number."""
    try:
        import torch
    except ModuleNotFoundError:  # as on a machine that only converts messages
        yield
        return
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def _claim_domain_id() -> tuple[int, int]:
    """Lock a domain id no other test process here holds; return it and the lock's descriptor."""
    folder = Path(tempfile.gettempdir()) / f'surgsam2_ros_test_domains_{os.getuid()}'
    folder.mkdir(exist_ok=True)
    for domain_id in DOMAIN_IDS:
        descriptor = os.open(folder / str(domain_id), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
        else:
            return domain_id, descriptor
    raise RuntimeError(f'all ROS domain ids in {DOMAIN_IDS} are in use by other test processes')


@pytest.fixture(scope='session', autouse=True)
def ros_domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Keep this test process and its children in a ROS domain of their own on this machine."""
    domain_id, descriptor = _claim_domain_id()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_DOMAIN_ID', str(domain_id))
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        for name, profile in large_image_profile().items():
            patch.setenv(name, profile)
        patch.setenv('ROS_LOG_DIR', str(tmp_path_factory.mktemp('ros_log')))
        patch.setenv('RCUTILS_COLORIZED_OUTPUT', '0')
        patch.setenv('PYTHONUNBUFFERED', '1')
        patch.setenv('PYTHONPATH', str(REPO), prepend=os.pathsep)
        yield domain_id
    os.close(descriptor)


_namespace_numbers = itertools.count(1)


@pytest.fixture
def ros_namespace() -> str:
    """Give a ROS namespace no other test of this process uses, e.g. `'/test_3'`."""
    return f'/test_{next(_namespace_numbers)}'


@pytest.fixture
def start_process(tmp_path: Path) -> Iterator[Callable[..., TestProcess]]:
    """Give a function that starts a process which ends with the test at the latest.

    `start_process(command, name=…, env=…, cwd=…) -> TestProcess`. The report of a failing test
    shows the output.
    """
    processes: list[TestProcess] = []

    def start(
        command: Sequence[str | os.PathLike[str]],
        *,
        name: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> TestProcess:
        name = name or Path(os.fspath(command[0])).name
        log = tmp_path / f'{len(processes)}_{name.replace(os.sep, "_")}.log'
        process = TestProcess(command, log, name=name, env=env, cwd=cwd)
        processes.append(process)
        return process

    yield start
    for process in reversed(processes):
        process.stop()
        print(f'---- output of {process.name} ----\n{process.output}')


@pytest.fixture
def start_node(start_process: Callable[..., TestProcess]) -> Callable[..., TestProcess]:
    """Give a function that starts a ROS node of this package as a process.

    `start_node('surgsam2_node', name=…, namespace=…, parameters={…}, remappings={…},
    arguments=[…])`: `parameters` maps names to Python values, `arguments` go to `--ros-args`.
    """

    def start(
        executable: str = 'surgsam2_node',
        *,
        name: str | None = None,
        namespace: str | None = None,
        parameters: Mapping[str, object] | None = None,
        remappings: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> TestProcess:
        command = [sys.executable, '-m', 'surgsam2_ros.nodes.tracker', '--ros-args']
        if name is not None:
            command += ['-r', f'__node:={name}']
        if namespace is not None:
            command += ['-r', f'__ns:={namespace}']
        for source, target in (remappings or {}).items():
            command += ['-r', f'{source}:={target}']
        for parameter, value in (parameters or {}).items():
            command += ['-p', f'{parameter}:={_yaml_scalar(value)}']
        return start_process([*command, *arguments], name=executable, env=env)

    return start


def _yaml_scalar(value: object) -> str:
    """Write a parameter value the way `--ros-args -p` reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, Path)):
        return f"'{value}'"
    if isinstance(value, (list, tuple)):
        return '[' + ', '.join(_yaml_scalar(item) for item in value) + ']'
    return str(value)
