# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Signals end the node's process soon and with status 0, at any moment, however often they come."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip('rclpy')

from processes import TestProcess

from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.tracker.life.ending import DEADLINE_S

INT, TERM = signal.SIGINT, signal.SIGTERM
SLACK_S = 7.0  # for a machine that is busy; a node that waits for its thread takes 10 s and more
STARTING = 'import sys; from surgsam2_ros.nodes.tracker.__main__ import main; sys.exit(main())'
# A node whose network takes ten minutes to load, in a call that nothing interrupts.
LOADING = """
import sys, time
from surgsam2_ros.nodes.tracker import pipeline
pipeline.load_tracker = lambda *_: print('loading', flush=True) or time.sleep(600)
from surgsam2_ros.nodes.tracker.__main__ import main
sys.exit(main())
"""


@pytest.fixture
def start(start_process, ros_namespace):
    """Give a function that starts a process which configures a node at once."""

    def start(code: str, *parameters: str, env: dict[str, str] | None = None) -> TestProcess:
        ros = ['--ros-args', '-r', f'__ns:={ros_namespace}']
        for parameter in ('autostart:=true', 'model.device:=cpu', *parameters):
            ros += ['-p', parameter]
        return start_process([sys.executable, '-c', code, *ros], name='surgsam2_node', env=env)

    return start


@pytest.fixture
def others():
    """Give a node that sees the others."""
    owner = NodeThread('observer')
    yield owner.node
    owner.close()


def handled_signals(process: TestProcess) -> int:
    """Return the mask of the signals that a process has handlers for."""
    lines = Path(f'/proc/{process.pid}/status').read_text().splitlines()
    return int(next(line for line in lines if line.startswith('SigCgt')).split()[1], 16)


def wait_until(condition, timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def end(process: TestProcess, *numbers: signal.Signals) -> None:
    """Send signals, a moment apart, and check how the process ends."""
    started = time.monotonic()
    for number in numbers:
        process.signal(number)
        time.sleep(0.2)
    assert process.wait(60.0) == 0, process.output
    assert time.monotonic() - started < DEADLINE_S + SLACK_S, process.output
    assert 'Traceback' not in process.output


@pytest.mark.parametrize('numbers', [[INT], [TERM, TERM, INT]])
def test_before_the_libraries_are_loaded(start, numbers):
    process = start(STARTING)
    wait_until(lambda: handled_signals(process) >> (TERM - 1) & 1, 60.0, process.output)
    end(process, *numbers)
    assert 'waiting' not in process.output


@pytest.mark.parametrize('numbers', [[TERM], [INT, INT, INT]])
def test_while_the_network_is_loaded_and_the_node_says_goodbye(
    start, others, ros_namespace, numbers
):
    def is_seen() -> bool:
        return ('surgsam2', ros_namespace) in others.get_node_names_and_namespaces()

    process = start(LOADING)
    process.wait_for_output('loading', 120.0)
    wait_until(is_seen, 15.0, 'the node is not seen')
    end(process, *numbers)
    wait_until(lambda: not is_seen(), 6.0, 'others think that the node is still there')


def test_while_the_node_tracks(start):
    process = start(STARTING)
    process.wait_for_output('active: waiting for images', 240.0)
    end(process, INT, TERM, INT)


@pytest.mark.slow
def test_while_the_network_is_exported(start, tmp_path):
    pytest.importorskip('onnx')
    process = start(STARTING, 'model.backend:=onnx', env={'XDG_CACHE_HOME': str(tmp_path)})
    wait_until(lambda: list(tmp_path.rglob('unfinished_*')), 240.0, process.output)
    time.sleep(2.0)  # within the export
    end(process, TERM, INT)
    assert not list(tmp_path.rglob('manifest.json')), 'the export was done before the signal'
