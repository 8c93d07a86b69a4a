# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The file of snapshots: whole or not there, and refused by name when it is not our own."""

from __future__ import annotations

import hashlib
import os
import pickle
import resource
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from surgsam2_ros.streaming.snapshot_file import (
    SnapshotFile,
    SnapshotRefusedError,
    StoredSnapshot,
    default_path,
)
from surgsam2_ros.tracking.snapshot import TrackerSnapshot

BINDING = {'node': '/left/surgsam2', 'image topic': '/left/image', 'weights (SHA-256)': 'ab' * 32}


def stored(**changes) -> StoredSnapshot:
    snapshot = TrackerSnapshot(
        {'frame_index': 7, 'objects': []},
        {'memories': torch.arange(6, dtype=torch.bfloat16).reshape(2, 3)},
    )
    return StoredSnapshot(
        snapshot, **{'binding': BINDING, 'session': 5, 'taken_s': 100.0, **changes}
    )


NEW = stored(session=6).to_bytes()


@pytest.fixture(name='file')
def _file(tmp_path) -> SnapshotFile:
    return SnapshotFile(tmp_path / 'node.snapshot')


def test_what_was_written_is_read_back(file):
    assert file.write(stored().to_bytes(), file.edition)
    read = StoredSnapshot.from_bytes(file.read())
    assert (read.binding, read.session, read.taken_s) == (BINDING, 5, 100.0)
    assert read.snapshot.state == {'frame_index': 7, 'objects': []}
    assert torch.equal(read.snapshot.tensors['memories'], stored().snapshot.tensors['memories'])
    read.check(BINDING, began_s=101.0, now_s=101.0, max_age_s=2.0)


def test_nobody_else_may_read_it_and_nothing_lies_beside_it(file):
    file.write(stored().to_bytes(), file.edition)
    file.write(stored(session=6).to_bytes(), file.edition)
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.path.parent.iterdir()] == ['node.snapshot']


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'node': '/right/surgsam2'}, "its node is '/right/surgsam2', not '/left/surgsam2'"),
        ({'image topic': '/x'}, "its image topic is '/x'"),
        ({'weights (SHA-256)': 'cd' * 32}, 'its weights .SHA-256. is'),
    ],
)
def test_that_of_another_camera_or_other_weights_is_refused(changes, reason):
    other = stored(binding={**BINDING, **changes})
    with pytest.raises(SnapshotRefusedError, match=reason):
        other.check(BINDING, began_s=100.0, now_s=100.0, max_age_s=10.0)


@pytest.mark.parametrize('taken_s', [89.9, 101.1, float('nan'), float('inf')])
def test_an_old_one_is_refused_and_one_from_the_future(taken_s):
    with pytest.raises(SnapshotRefusedError, match=r'10\.1 s old|1\.1 s from now|nan s old|inf s'):
        stored(taken_s=taken_s).check(BINDING, began_s=100.0, now_s=100.0, max_age_s=10.0)


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_one_changed_byte_or_a_cut_is_found(data):
    whole = stored().to_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole[: place + 1] if data.draw(st.booleans()) else whole)
    damaged[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SnapshotRefusedError, match=r'it is damaged|it is no snapshot'):
        StoredSnapshot.from_bytes(bytes(damaged))


def with_checksum(body: bytes) -> bytes:
    """Make a file that whoever knows the format may have written."""
    magic = stored().to_bytes().partition(b'1 ')[0] + b'1 '
    return magic + hashlib.sha256(body).hexdigest().encode() + b'\n' + body


class RunsCode:
    """Would leave a file behind, were it unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_nothing_in_it_is_run(tmp_path):
    evil = pickle.dumps(RunsCode(tmp_path / 'was_here'))
    for body in (evil, b'{}\n' + evil, b'{"tracker": {}}\n' + evil, b'[' * 100_000):
        with pytest.raises(SnapshotRefusedError, match='it is damaged'):
            StoredSnapshot.from_bytes(with_checksum(body))
    assert not (tmp_path / 'was_here').exists()


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    body=st.one_of(
        st.binary(max_size=200),
        st.builds(lambda head, rest: head.encode() + b'\n' + rest, st.text(), st.binary()),
        st.builds(
            lambda place, change: (
                (whole := stored().to_bytes().split(b'\n', 1)[1])[:place]
                + change
                + whole[place + len(change) :]
            ),
            st.integers(0, 300),
            st.binary(min_size=1, max_size=8),
        ),
    )
)
def test_whatever_it_holds_it_is_read_or_refused(body):
    try:
        StoredSnapshot.from_bytes(with_checksum(body))
    except SnapshotRefusedError as error:
        assert 'it is damaged' in str(error)


def test_a_symbolic_link_is_refused_and_never_written_through(file, tmp_path):
    target = tmp_path / 'precious'
    target.write_bytes(stored().to_bytes())
    file.path.symlink_to(target)
    with pytest.raises(SnapshotRefusedError, match='it is a symbolic link'):
        file.read()
    with pytest.raises(OSError, match='is no snapshot and is not replaced'):
        file.write(NEW, file.edition)
    file.path.unlink()
    file.path.with_name('node.snapshot.part').symlink_to(target)
    file.write(NEW, file.edition)
    assert file.read() == NEW
    assert target.read_bytes() == stored().to_bytes()


def test_a_file_that_is_no_snapshot_is_neither_replaced_nor_removed(file):
    file.path.write_text('weights, or whatever else was named by mistake')
    with pytest.raises(OSError, match='is no snapshot and is not replaced'):
        file.write(NEW, file.edition)
    file.discard()
    assert file.path.read_text().startswith('weights')


def test_what_others_may_write_to_is_refused(file):
    file.path.write_bytes(stored().to_bytes())
    file.path.chmod(0o620)
    with pytest.raises(SnapshotRefusedError, match='others than its owner may write to it'):
        file.read()


@pytest.mark.skipif(os.geteuid() != 0, reason='only root gives files away')
def test_a_file_of_another_user_is_refused(file):
    file.path.write_bytes(stored().to_bytes())
    os.chown(file.path, 12345, -1)
    with pytest.raises(SnapshotRefusedError, match='it belongs to user 12345'):
        file.read()


def test_a_fifo_or_a_folder_is_refused_without_a_wait(file):
    os.mkfifo(file.path)
    with pytest.raises(SnapshotRefusedError, match='it is no regular file'):
        file.read()
    file.path.unlink()
    file.path.mkdir()
    with pytest.raises(SnapshotRefusedError):
        file.read()


def test_a_huge_file_is_not_read(file):
    with file.path.open('wb') as stream:
        stream.truncate((1 << 30) + 1)
    file.path.chmod(0o600)
    with pytest.raises(SnapshotRefusedError, match='too many'):
        file.read()


def test_a_write_that_fails_leaves_what_was_there(file):
    file.write(NEW, file.edition)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError, match='File too large'):
            file.write(b'x' * 100_000, file.edition)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert file.read() == NEW
    assert [path.name for path in file.path.parent.iterdir()] == ['node.snapshot']


def test_a_full_disk_is_not_filled_to_the_brim(file, monkeypatch):
    space = os.statvfs(file.path.parent)
    free = space.f_frsize * space.f_bavail
    monkeypatch.setattr('surgsam2_ros.streaming.snapshot_file.MOST_BYTES', free)

    class HalfFull(bytes):
        def __len__(self) -> int:
            return free // 2 + space.f_frsize

    with pytest.raises(OSError, match='No space left'):
        file.write(HalfFull(), file.edition)


def test_nothing_that_was_begun_before_a_discard_replaces_it(file):
    edition = file.edition
    file.write(NEW, edition)
    file.discard()
    assert file.read() is None
    assert not file.write(stored().to_bytes(), edition)
    assert file.read() is None
    assert file.write(NEW, file.edition)


def test_each_node_has_a_file_of_its_own():
    names = ['/surgsam2', '/a/surgsam2', '/a_surgsam2', '/a/b/surgsam2', '/a_b/surgsam2']
    paths = {default_path(name, domain) for name in names for domain in (0, 7)}
    assert len(paths) == 10
    assert all(path.parent == Path('/dev/shm') for path in paths)
    assert {path.name.split('-')[1] for path in paths} == {str(os.geteuid())}


def test_the_age_counts_to_when_the_restart_began():
    stored().check(BINDING, began_s=105.0, now_s=300.0, max_age_s=10.0)
    stored().check(BINDING, began_s=95.0, now_s=101.0, max_age_s=10.0)  # both ran for a while
