# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The journal: what it acknowledged is there, whatever ended the process."""

import resource

import pytest

from surgsam2_ros.console.label.journal import Journal, JournalError

FIRST = {'serial': 0, 'do': 'begin'}


def _write(path, entries=3):
    journal = Journal(path, FIRST)
    for serial in range(1, entries + 1):
        journal.append({'serial': serial, 'do': 'clear'})
    journal.close()


def _serials(path):
    journal = Journal(path, FIRST)
    journal.close()
    return [entry['serial'] for entry in journal.entries]


def test_entries_are_there_when_it_is_opened_again(tmp_path):
    _write(tmp_path / 'j')
    assert _serials(tmp_path / 'j') == [0, 1, 2, 3]


@pytest.mark.parametrize('cut', [1, 5, 30])
def test_a_torn_last_line_is_cut_off_and_the_next_entry_follows_what_is_sound(tmp_path, cut):
    path = tmp_path / 'j'
    _write(path)
    path.write_bytes(path.read_bytes()[:-cut])
    journal = Journal(path, FIRST)
    assert [entry['serial'] for entry in journal.entries] == [0, 1, 2]
    assert journal.torn > 0
    journal.append({'serial': 3, 'do': 'clear'})
    journal.close()
    assert _serials(path) == [0, 1, 2, 3]


def test_a_damaged_last_line_is_cut_off(tmp_path):
    path = tmp_path / 'j'
    _write(path)
    content = bytearray(path.read_bytes())
    content[-4] ^= 1
    path.write_bytes(content)
    assert _serials(path) == [0, 1, 2]


def test_a_damaged_line_with_others_after_it_is_refused_and_named(tmp_path):
    path = tmp_path / 'j'
    _write(path)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'clear', b'cleer')
    path.write_bytes(b''.join(lines))
    with pytest.raises(JournalError, match=r'line 2 of .* is damaged'):
        Journal(path, FIRST)
    assert path.read_bytes() == b''.join(lines)


def test_a_second_process_is_told_that_it_is_open(tmp_path):
    journal = Journal(tmp_path / 'j', FIRST)
    with pytest.raises(JournalError, match='open in another console'):
        Journal(tmp_path / 'j', FIRST)
    journal.close()
    journal.close()
    Journal(tmp_path / 'j', FIRST).close()


def test_an_entry_that_does_not_fit_on_the_disk_leaves_no_trace(tmp_path):
    path = tmp_path / 'j'
    _write(path)
    before = path.read_bytes()
    journal = Journal(path, FIRST)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, limits[1]))
    try:
        with pytest.raises(OSError, match='File too large'):
            journal.append({'serial': 4, 'do': 'clear'})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    journal.append({'serial': 4, 'do': 'clear'})
    journal.close()
    assert _serials(path) == [0, 1, 2, 3, 4]
