# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""An output folder belongs to one run: what may change when it goes on, and what may not."""

from __future__ import annotations

import pytest

from surgsam2_ros.evaluation.records import RecordError, RunRecord, read_run
from surgsam2_ros.evaluation.runs.output_folder import RunFolderError, prepare_output


def run(started='now', videos=('a',), **settings):
    return RunRecord(
        name='run',
        command='surgsam2 evaluate',
        settings={'prompt': 'mask', 'through': 'tracker', 'rate_hz': None, **settings},
        model={'sha256': 'abc'},
        started=started,
        videos=list(videos),
    )


def test_the_node_may_be_added_to_a_run_of_the_tracker(tmp_path):
    prepare_output(tmp_path / 'out', run('first'))
    prepare_output(tmp_path / 'out', run('second', through='node', rate_hz=15.0))
    written = read_run(tmp_path / 'out')
    assert written.settings['through'] == 'both'
    assert written.settings['rate_hz'] == 15.0
    assert written.started == 'first'


def test_the_rate_of_the_node_stays_what_it_was(tmp_path):
    prepare_output(tmp_path / 'out', run(through='both', rate_hz=15.0))
    with pytest.raises(RunFolderError, match=r'rate_hz was 15\.0, now 30\.0'):
        prepare_output(tmp_path / 'out', run(through='node', rate_hz=30.0))
    prepare_output(tmp_path / 'out', run())
    assert read_run(tmp_path / 'out').settings['rate_hz'] == 15.0
    with pytest.raises(RunFolderError, match='rate_hz'):
        prepare_output(tmp_path / 'out', run(through='both', rate_hz=30.0))


def test_a_run_keeps_the_videos_that_it_had(tmp_path):
    prepare_output(tmp_path / 'out', run(videos=['a', 'b']))
    prepare_output(tmp_path / 'out', run(videos=['b', 'c']))
    assert read_run(tmp_path / 'out').videos == ['b', 'c', 'a']


def test_settings_within_settings_are_compared_by_name(tmp_path):
    prepare_output(tmp_path / 'out', run(tracker={'max_objects': 4, 'num_maskmem': 7}))
    with pytest.raises(RunFolderError, match=r'settings: tracker\.max_objects was 4, now 5\. Give'):
        prepare_output(tmp_path / 'out', run(tracker={'max_objects': 5, 'num_maskmem': 7}))


def test_overwriting_removes_what_the_run_wrote_and_nothing_else(tmp_path):
    output = tmp_path / 'out'
    prepare_output(output, run(videos=['a', 'b']))
    ours = [
        'a/003/0.png',
        'b/all/0.png',
        'node/a/003/0.png',
        'records/tracker/a.json',
        'report.html',
    ]
    for name in (*ours, 'notes.txt', 'c/003/0.png'):
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).touch()
    prepare_output(output, run(prompt='box', videos=['b']), overwrite=True)
    assert not any((output / name).exists() for name in ours)
    assert (output / 'notes.txt').exists()
    assert (output / 'c/003/0.png').exists()
    assert read_run(output).settings['prompt'] == 'box'


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(
        RunFolderError, match=r'--output .*file/out cannot be written to \(Not a dir'
    ):
        prepare_output(tmp_path / 'file/out', run())


def test_a_damaged_run_is_named_with_a_remedy_that_works(tmp_path):
    prepare_output(tmp_path / 'out', run())
    (tmp_path / 'out/run.json').write_text('{"schema": 1, "na')
    with pytest.raises(RecordError, match=r'run\.json is damaged .* into another folder'):
        prepare_output(tmp_path / 'out', run())


def test_a_file_or_a_folder_of_other_things_is_refused(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(RunFolderError, match='is a file; name a folder'):
        prepare_output(tmp_path / 'file', run())
    with pytest.raises(RunFolderError, match='holds other files and no run'):
        prepare_output(tmp_path, run(), overwrite=True)
