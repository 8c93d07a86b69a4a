# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The keeper of snapshots: off the frame's way, never with an object that was removed."""

from __future__ import annotations

import threading
import time

import pytest
from tiny_network import noise_frames, tiny_network

from surgsam2_ros.streaming.snapshot_file import SnapshotFile, SnapshotRefusedError, StoredSnapshot
from surgsam2_ros.streaming.snapshots import SnapshotKeeper
from surgsam2_ros.tracking import StreamingTracker, TrackerConfig

BINDING = {'node': '/surgsam2'}
BOX, OTHER = (8, 8, 40, 30), (30, 20, 60, 44)
SESSION = 77


@pytest.fixture(scope='module', name='network')
def _network():
    return tiny_network()


@pytest.fixture(scope='module', name='frames')
def _frames():
    return noise_frames(6)


@pytest.fixture(name='tracker')
def _tracker(network, frames) -> StreamingTracker:
    tracker = StreamingTracker(network)
    tracker.add_object('a', box=BOX)
    tracker.add_object('b', box=OTHER)
    tracker.track(frames[0])
    return tracker


@pytest.fixture(name='file')
def _file(tmp_path) -> SnapshotFile:
    return SnapshotFile(tmp_path / 'node.snapshot')


@pytest.fixture(name='problems')
def _problems() -> list[str]:
    return []


@pytest.fixture(name='keep')
def _keep(file, problems):
    keepers = []

    def keep(**options) -> SnapshotKeeper:
        options = {'period_s': 0.0, 'report': lambda _kind, text: problems.append(text), **options}
        keepers.append(SnapshotKeeper(file, BINDING, **options))
        return keepers[-1]

    yield keep
    for keeper in keepers:
        keeper.close()


def restore(keeper: SnapshotKeeper, network, *, max_age_s: float = 600.0, **config):
    tracker = StreamingTracker(network, TrackerConfig(**config))
    session = keeper.restore(tracker, 1, began_s=time.time(), max_age_s=max_age_s)
    return tracker, session


def test_what_is_saved_comes_back_in_the_next_process(keep, tracker, network):
    first = keep()
    first.frame_done(tracker, SESSION, prompted=False)
    first.close()
    second = keep()
    back, session = restore(second, network)
    assert [o.object_id for o in back.objects] == ['a', 'b']
    assert session == SESSION
    assert str(second.restored).startswith('restored 2 objects (a, b) from a snapshot 0.')


def test_without_a_file_tracking_starts_empty_and_in_silence(keep, network, problems):
    keeper = keep()
    back, session = restore(keeper, network)
    assert (back.objects, session, keeper.restored, problems) == ((), 1, None, [])


@pytest.mark.parametrize(
    ('spoil', 'options', 'reason'),
    [
        (lambda file: file.path.write_bytes(file.path.read_bytes()[:-3]), {}, 'damaged'),
        (lambda file: time.sleep(0.15), {'max_age_s': 0.1}, r'restart\.max_age_s = 0\.1'),
        (lambda file: None, {'num_maskmem': 3}, 'num_maskmem'),
        (lambda file: file.path.chmod(0o666), {}, 'others than its owner'),
    ],
)
def test_what_must_not_be_used_is_refused_by_name(
    keep, tracker, network, file, spoil, options, reason
):
    first = keep()
    first.frame_done(tracker, SESSION, prompted=False)
    first.close()
    spoil(file)
    keeper = keep()
    with pytest.raises(
        SnapshotRefusedError, match=rf'{file.path} is not used: .*{reason}'
    ) as error:
        restore(keeper, network, **options)
    assert '\n' not in str(error.value)
    assert keeper.restored is None


def test_snapshots_keep_their_period_and_prompts_do_not_wait_for_it(keep, tracker, file):
    keeper = keep(period_s=600.0)
    keeper.frame_done(tracker, SESSION, prompted=False)
    wait_until(file.path.exists)
    file.path.unlink()
    for _ in range(20):
        keeper.frame_done(tracker, SESSION, prompted=False)
    keeper.frame_done(tracker, SESSION + 1, prompted=True)
    wait_until(file.path.exists)
    assert StoredSnapshot.from_bytes(file.read()).session == SESSION + 1


def test_a_removed_object_is_gone_from_the_disk_when_the_call_is_done(keep, tracker, file):
    keeper = keep(period_s=600.0)
    keeper.frame_done(tracker, SESSION, prompted=False)
    wait_until(file.path.exists)
    tracker.remove_object('a')
    keeper.call_done(tracker, SESSION)
    data = file.read()
    assert data is None or names(data) == {'b'}
    wait_until(file.path.exists)
    assert names(file.read()) == {'b'}


def test_an_object_that_took_the_name_of_a_removed_one_is_another(keep, tracker, file):
    keeper = keep(period_s=600.0)
    keeper.frame_done(tracker, SESSION, prompted=False)
    tracker.remove_object('a')
    tracker.add_object('a', box=BOX)
    keeper.call_done(tracker, SESSION)
    wait_until(file.path.exists)
    assert names(file.read()) == {'b'}, 'the new one has been in no frame yet'


def test_a_snapshot_in_the_writing_does_not_bring_a_removed_object_back(
    keep, tracker, file, monkeypatch
):
    begun, go_on = threading.Event(), threading.Event()
    write = file.write

    def slow_write(data: bytes, edition: int) -> bool:
        begun.set()
        assert go_on.wait(30)
        return write(data, edition)

    monkeypatch.setattr(file, 'write', slow_write)
    keeper = keep(period_s=600.0)
    keeper.frame_done(tracker, SESSION, prompted=False)
    assert begun.wait(30)
    tracker.reset()
    keeper.call_done(tracker, SESSION)
    go_on.set()
    keeper.close()
    assert not file.path.exists()


def test_after_a_stop_that_is_meant_nothing_is_saved_until_it_goes_on(keep, tracker, file):
    keeper = keep()
    keeper.frame_done(tracker, SESSION, prompted=False)
    wait_until(file.path.exists)
    keeper.suspend()
    keeper.frame_done(tracker, SESSION, prompted=True)
    time.sleep(0.2)
    assert not file.path.exists()
    keeper.resume()
    keeper.frame_done(tracker, SESSION, prompted=False)
    wait_until(file.path.exists)


def test_a_disk_that_takes_nothing_is_reported_once_and_stops_nothing(
    keep, tracker, file, problems, frames
):
    file.path.with_name('node.snapshot.part').mkdir()  # the system refuses to write there
    keeper = keep()
    for frame in frames[1:4]:
        tracker.track(frame)
        keeper.frame_done(tracker, SESSION, prompted=False)
        time.sleep(0.1)
    wait_until(lambda: problems)
    assert len(problems) == 1
    assert 'a snapshot was not written' in problems[0] and str(file.path) in problems[0]
    assert not file.path.exists()


def test_memory_is_bounded_while_the_disk_is_slow(keep, tracker, file, monkeypatch):
    go_on, written = threading.Event(), []

    def slow_write(data: bytes, _edition: int) -> bool:
        assert go_on.wait(30)
        written.append(StoredSnapshot.from_bytes(data).session)
        return True

    monkeypatch.setattr(file, 'write', slow_write)
    keeper = keep()
    for session in range(50):
        keeper.frame_done(tracker, session, prompted=False)
    go_on.set()
    keeper.close()
    assert len(written) <= 2 and written[-1] == 49


def names(data: bytes) -> set[str]:
    return {one['object_id'] for one in StoredSnapshot.from_bytes(data).snapshot.state['objects']}


def wait_until(condition, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
