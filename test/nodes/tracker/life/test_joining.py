# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A process is known before its libraries are loaded, and is not taken for the one before it."""

from __future__ import annotations

import contextlib
import itertools
import socket
import sys
import time

import pytest

pytest.importorskip('rclpy')

from surgsam2_ros.nodes.client.node_thread import NodeThread
from surgsam2_ros.nodes.tracker.life.joining import PLACES, discovery_port

# A process that has joined with this process id, and tells whether anything heavy was loaded.
CODE = """
import os, sys, time
os.getpid = lambda: int(sys.argv[1])
from surgsam2_ros.nodes.tracker.life.joining import join
node = join([])
print('joined, torch' if 'torch' in sys.modules else 'joined, light', flush=True)
time.sleep(600)
"""


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.bind(('', port))
        except OSError:
            return False
    return True


def test_it_is_seen_without_the_libraries_in_the_last_place_too(start_process):
    process = start_process([sys.executable, '-c', CODE, '4255'], name='joining')
    assert 'joined, light' in process.wait_for_output('joined')
    watcher = NodeThread('watcher')
    try:
        deadline = time.monotonic() + 20.0
        while '_surgsam2_4255' not in watcher.node.get_node_names():
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        watcher.close()


def test_processes_that_follow_each_other_have_other_places(start_process, ros_domain):
    def place(pid: int) -> int:
        """Give the participant id of a process, that of nobody else."""
        free = [i for i in range(2 * PLACES) if is_free(discovery_port(i, ros_domain))]
        process = start_process([sys.executable, '-c', CODE, str(pid)], name='joining')
        process.wait_for_output('joined')
        (taken,) = [i for i in free if not is_free(discovery_port(i, ros_domain))]
        process.stop()
        return taken

    first = place(6 * PLACES + 5)
    assert first >= 5
    assert place(6 * PLACES + 6) != first


def test_processes_that_follow_each_other_have_other_places_behind_those_of_others(
    start_process, ros_domain
):
    with contextlib.ExitStack() as stack:
        for participant_id in range(3):
            other = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with contextlib.suppress(OSError):  # taken already
                other.bind(('', discovery_port(participant_id, ros_domain)))
        places = []
        for pid in (6 * PLACES, 6 * PLACES + 1):
            free = [i for i in range(2 * PLACES) if is_free(discovery_port(i, ros_domain))]
            process = start_process([sys.executable, '-c', CODE, str(pid)], name='joining')
            process.wait_for_output('joined')
            places += [i for i in free if not is_free(discovery_port(i, ros_domain))]
            process.stop()
    first, second = places
    assert first != second


def test_who_has_the_profile_announces_itself_each_second(start_process, ros_domain):
    unused = 2 * PLACES - 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(('127.0.0.1', discovery_port(unused, ros_domain)))
        peer.settimeout(20.0)
        start_process([sys.executable, '-c', CODE, '0'], name='joining')
        arrivals: dict[bytes, list[float]] = {}
        while not (longest := max(arrivals.values(), key=len, default=[]))[24:]:
            sender = peer.recv(65536)[8:20]  # the GUID prefix
            arrivals.setdefault(sender, []).append(time.monotonic())
    gaps = sorted(b - a for a, b in itertools.pairwise(longest) if b - a > 0.5)
    assert gaps[len(gaps) // 2] < 2.0
