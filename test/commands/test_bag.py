# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 bag` as users run it: in processes of its own, over the middleware."""

from __future__ import annotations

import sys
import time

import numpy as np
import pytest

from surgsam2_ros.cli import main
from surgsam2_ros.sources import BagReader, BagWriter, open_source

SURGSAM2 = [sys.executable, '-m', 'surgsam2_ros.cli']


@pytest.fixture(name='bag')
def _bag(tmp_path):
    with BagWriter(tmp_path / 'scene.mcap') as bag:
        for index in range(10):
            rgb = np.full((48, 64, 3), index, np.uint8)
            stamp = {'stamp_ns': 10**18 + index * 10**8, 'frame_id': 'camera'}
            bag.write_image('/image', rgb, encoding='rgb8', **stamp)
            bag.write_image('/truth', rgb[..., 0], encoding='mono8', **stamp)
    return tmp_path / 'scene.mcap'


def test_info_shows_files_times_and_topics(bag, capsys):
    assert main(['bag', 'info', str(bag)]) == 0
    shown = capsys.readouterr().out
    assert 'mcap, 1 file(s)' in shown
    assert 'duration  0.900 s' in shown
    assert 'messages  20' in shown
    line = next(line for line in shown.splitlines() if line.startswith('/truth'))
    assert line.split() == ['/truth', 'sensor_msgs/msg/Image', '10', '10.00', 'Hz']


def test_info_of_an_official_bag(shared_data, capsys):
    bags = shared_data('rosbag2_official/rosbag2_py_test_resources/mcap/reindex_test_bags')
    assert main(['bag', 'info', str(bags / 'multiple_files')]) == 0
    assert '3 file(s)' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('arguments', 'complaint'),
    [
        (['bag', 'info', 'nowhere.mcap'], 'nowhere.mcap does not exist'),
        (['bag', 'play', 'BAG', '--topics', '/nowhere'], 'no topic /nowhere; it has /image'),
        (['bag', 'play', 'BAG', '--remap', '/image'], 'write OLD:=NEW'),
        (['bag', 'play', 'BAG', '--remap', '/nowhere:=/a'], 'no topic /nowhere'),
        (['bag', 'play', 'BAG', '--rate', '0'], '--rate must be above 0'),
        (['bag', 'record', '--output', 'BAG', '--all'], 'exists already'),
    ],
)
def test_errors_are_one_line(bag, capsys, arguments, complaint):
    assert main([str(bag) if a == 'BAG' else a for a in arguments]) == 1
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert complaint in error[0]


def test_a_played_bag_is_recorded_by_another_process(bag, start_process, tmp_path):
    copy = tmp_path / 'copy.mcap'
    record = start_process(
        [*SURGSAM2, 'bag', 'record', '--output', copy, '--topics', '/seen', '/truth'],
        name='record',
    )
    record.wait_for_output('recording; Ctrl-C ends')
    play = start_process(
        [
            *(*SURGSAM2, 'bag', 'play', bag, '--remap', '/image:=/seen'),
            *('--rate', '2', '--clock', '--wait-for-subscribers', '60'),
        ],
        name='play',
    )
    assert play.wait(90) == 0
    assert 'published 20 messages' in play.output
    time.sleep(0.5)
    record.signal()
    assert record.wait(30) == 0
    assert 'recorded 20 messages' in record.output
    with BagReader(bag) as original, BagReader(copy) as recorded:
        for topic, name in (('/seen', '/image'), ('/truth', '/truth')):
            data = [m.data for m in recorded.messages([topic])]
            assert data == [m.data for m in original.messages([name])]
    with open_source(copy, topic='/seen') as source:
        assert [frame.rgb[0, 0, 0] for frame in source] == list(range(10))


def test_waiting_for_subscribers_that_never_come_fails(bag, capsys):
    arguments = ['bag', 'play', str(bag), '--topics', '/image', '--wait-for-subscribers', '0.3']
    assert main(arguments) == 1
    assert 'nobody subscribed to /image within 0.3 s' in capsys.readouterr().err
