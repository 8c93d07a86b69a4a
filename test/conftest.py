# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the tests share: recorded data, a ROS domain of their own, real processes with logs."""

from __future__ import annotations

import fcntl
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
DATA = REPO.parent / 'shared' / 'data'
# Domain ids whose DDS ports stay clear of Linux' ephemeral ports; low ones are left to people.
DOMAIN_IDS = range(70, 102)


def shared_data(relative: str = '.') -> Path:
    """Return the path of recorded test data, or skip the calling test when it is not there.

    Args:
        relative: file or folder below the data folder, e.g. `'bags/two_tools.mcap'`.
    """
    path = DATA / relative
    if not path.exists():
        pytest.skip(f'recorded data {relative!r} is not beside the repository (../shared/data)')
    return path


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
    profile = str(REPO / 'config' / 'fastdds.xml')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_DOMAIN_ID', str(domain_id))
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        patch.setenv('FASTDDS_DEFAULT_PROFILES_FILE', profile)
        patch.setenv('FASTRTPS_DEFAULT_PROFILES_FILE', profile)
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


class TestProcess:
    """A real process of a test, with its output in a file.

    Attributes:
        name: how it is called in messages.
        log: the file that standard output and standard error go to.
    """

    __test__ = False  # not a test class, whatever its name begins with

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        log: Path,
        *,
        name: str,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start `command`; `env` is added to the environment of the test process."""
        self.name = name
        self.log = log
        with log.open('wb') as stream:
            self._process = subprocess.Popen(
                [os.fspath(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Return whether the process has not ended yet."""
        return self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        """Return the exit status, None while running; negative when ended by a signal."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """Return everything written so far."""
        return self.log.read_text(errors='replace')

    def wait_for_output(self, text: str, timeout: float = 60.0) -> str:
        """Wait until `text` has been written and return the whole output so far.

        Raises:
            AssertionError: when the process ends first or `timeout` seconds pass.
        """
        deadline = time.monotonic() + timeout
        while text not in (output := self.output):
            ended = not self.running
            if ended and text in (output := self.output):
                break
            if ended:
                raise AssertionError(
                    f'{self.name} ended with {self.returncode} before it wrote {text!r}:\n{output}'
                )
            if time.monotonic() > deadline:
                raise AssertionError(
                    f'{self.name} did not write {text!r} in {timeout} s:\n{output}'
                )
            time.sleep(0.05)
        return output

    def wait(self, timeout: float = 60.0) -> int:
        """Wait for the process to end and return its exit status.

        Raises:
            AssertionError: when `timeout` seconds pass.
        """
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f'{self.name} did not end in {timeout} s:\n{self.output}'
            ) from None

    def signal(self, number: int = signal.SIGINT) -> None:
        """Send a signal, as Ctrl-C does by default."""
        if self.running:
            os.killpg(self._process.pid, number)

    def stop(self, timeout: float = 10.0) -> int:
        """End the process with SIGINT, then SIGTERM, then SIGKILL; return its exit status."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            self.signal(number)
            try:
                return self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                continue
        raise AssertionError(f'{self.name} (pid {self.pid}) could not be ended')


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
