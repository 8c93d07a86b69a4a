# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A node that is killed comes back with its objects; one that is stopped does not."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from node_processes import STOP_TIMEOUT_S, RunningNode, running_node, write_random_checkpoint
from tiny_network import LEAN, noise_frames, tiny_network

from surgsam2_ros.nodes.client import ObjectState
from surgsam2_ros.nodes.tracker.life.restart import warm_up
from surgsam2_ros.tracking import StreamingTracker, TrackState
from surgsam2_ros.tracking.snapshot import restore_snapshot, take_snapshot

ACTIVE = 'active: waiting for images'
START_TIMEOUT_S = 120.0
BOX, OTHER = (20, 30, 50, 60), (70, 30, 100, 60)


@pytest.fixture(scope='module', name='checkpoint')
def _checkpoint(tmp_path_factory) -> Path:
    return write_random_checkpoint(tmp_path_factory.mktemp('weights') / 'random.safetensors')


@pytest.fixture(name='snapshot')
def _snapshot(tmp_path) -> Path:
    return tmp_path / 'node.snapshot'


@pytest.fixture(name='start')
def _start(tmp_path, checkpoint, snapshot):
    @contextlib.contextmanager
    def start(**parameters) -> Iterator[RunningNode]:
        values = {
            'model.checkpoint': checkpoint,
            'model.device': 'cpu',
            'input.qos': 'DEFAULT',
            'model.warmup_frames': 0,
            'autostart': True,
            'restart.snapshot_file': snapshot,
            'restart.max_age_s': 600.0,  # of a machine that has other things to do
            **parameters,
        }
        with running_node(tmp_path, '/restart', values) as node:
            node.process.wait_for_output(ACTIVE, START_TIMEOUT_S)
            node.track_when_connected()
            yield node

    return start


def prompt_both(node: RunningNode) -> None:
    node.add_while_sending('needle_driver', box=BOX, class_name='tool')
    node.add_while_sending('scissors', box=OTHER)


def kill(node: RunningNode) -> None:
    node.process.signal(signal.SIGKILL)
    assert node.process.wait() == -signal.SIGKILL


def wait_for(file: Path, *, after_s: float = 0.0) -> None:
    """Wait for a file that was written after a time."""
    deadline = time.monotonic() + 30.0
    while not file.exists() or file.stat().st_mtime <= after_s:
        assert time.monotonic() < deadline, f'{file} is not written'
        time.sleep(0.02)


def names(objects) -> dict[str, int]:
    return {one.object_id: one.instance for one in objects}


def test_a_killed_node_is_back_with_its_objects_and_a_removed_one_is_not(start, snapshot):
    with start() as node:
        prompt_both(node)
        node.add_while_sending('gone', box=OTHER)
        node.client.remove_object('gone')
        session = node.track().session
        wait_for(snapshot)
        assert snapshot.stat().st_mode & 0o777 == 0o600
        kill(node)
    # More frames than it may take until both sides are connected.
    with start(**{'model.warmup_frames': 2, 'tracking.tentative_frames': 12}) as node:
        assert 'restored 2 objects (needle_driver, scissors) from a snapshot' in node.process.output
        result = node.track()
        assert names(result.tracks) == {'needle_driver': 1, 'scissors': 2}
        assert [t.class_name for t in result.tracks] == ['tool', '']
        assert result.session == session
        assert node.client.wait_for_status(lambda s: 'restored 2 objects' in s.message)
        for _ in range(14):
            result = node.track()
        assert {t.state for t in result.tracks} <= {ObjectState.TRACKED, ObjectState.UNCERTAIN}
        assert node.add_while_sending('new', box=BOX) == 4, 'no instance is given out twice'


def test_a_removal_and_a_reset_are_on_disk_before_they_are_answered(start, snapshot):
    with start(**{'restart.snapshot_period_s': 60.0}) as node:
        prompt_both(node)
        wait_for(snapshot)
        node.client.remove_object('scissors')
        kill(node)
    with start() as node:
        assert 'scissors' not in names(node.track().tracks)
        node.client.reset()
        assert not snapshot.exists()


@pytest.mark.parametrize(
    'number', [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_stop_that_is_meant_forgets_the_objects(start, snapshot, number):
    with start() as node:
        prompt_both(node)
        wait_for(snapshot)
        node.process.signal(number)
        assert node.process.wait(STOP_TIMEOUT_S) == 0
    assert not list(snapshot.parent.glob('node.snapshot*'))


def test_a_deactivation_forgets_what_was_saved_until_images_come_again(start, snapshot):
    with start() as node:
        prompt_both(node)
        wait_for(snapshot)
        node.client.deactivate()
        assert not snapshot.exists()
        node.activate_and_wait()
        wait_for(snapshot)
        node.client.deactivate()
        node.client.cleanup()
        assert not snapshot.exists()


def test_the_process_knows_when_it_was_started():
    code = (
        'import time; began = time.time(); time.sleep(1.0)\n'
        'from surgsam2_ros.nodes.tracker.life.restart import process_start_s\n'
        'print(began - process_start_s())'
    )
    before = time.monotonic()
    output = subprocess.run([sys.executable, '-c', code], check=True, capture_output=True).stdout
    assert -0.1 < float(output) < time.monotonic() - before, 'imports and naps are not in it'


def test_a_snapshot_that_is_not_the_nodes_own_is_refused_in_one_line(start, snapshot):
    snapshot.write_bytes(b'\x80\x04nonsense')
    with start() as node:
        assert node.track().tracks == []
        lines = [line for line in node.process.output.splitlines() if str(snapshot) in line]
        assert len(lines) == 1
        assert 'it is no snapshot' in lines[0] and lines[0].endswith('tracking starts empty')


def restored(network, snapshot) -> StreamingTracker:
    tracker = StreamingTracker(network)
    restore_snapshot(tracker, snapshot)
    return tracker


def test_a_warm_up_with_restored_objects_leaves_no_trace():
    network, frames = tiny_network(**LEAN), noise_frames(16)
    first = StreamingTracker(network)
    first.add_object('a', box=(8, 8, 40, 30))
    first.add_object('b', box=(30, 20, 60, 44))
    for frame in frames[:12]:
        first.track(frame)
    snapshot = take_snapshot(first)
    plain, warmed = restored(network, snapshot), restored(network, snapshot)
    tracked = []
    one_step = warmed.track
    warmed.track = lambda image: (
        tracked.append((image.shape, len(warmed.objects))) or one_step(image)
    )
    warm_up(warmed, 3)
    assert tracked == [(frames[0].shape, 2)] * 3, 'of the size of the images, with the objects'
    assert warmed.objects == plain.objects
    assert {one.state for one in warmed.objects} <= {TrackState.LOST, TrackState.TENTATIVE}
    for frame in frames[12:]:
        mine, other = one_step(frame), plain.track(frame)
        for track, same in zip(mine.tracks, other.tracks, strict=True):
            assert track.state == same.state
            assert np.array_equal(track.logits, same.logits)
