# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is recorded beside a real node opens with our readers; a full disk ends it in good order."""

from __future__ import annotations

import os

import numpy as np
import pytest
from live_stage import PATIENCE_S, live_stage, wait_until
from node_processes import HEIGHT, WIDTH

from surgsam2_ros.console.desk import DeskError
from surgsam2_ros.console.live_desk import LiveDesk
from surgsam2_ros.console.live_recording import RESERVE_BYTES, LiveRecording
from surgsam2_ros.sources import BagFrames, BagReader
from surgsam2_ros.tracking import Prompt

PLENTY = 10 * RESERVE_BYTES


@pytest.fixture(scope='module')
def desk():
    with live_stage(f'/recording_{os.getpid()}') as stage:
        desk = LiveDesk([stage.target], timeout_s=PATIENCE_S)
        wait_until(lambda: desk.camera(stage.target).node.report.input_topic, 'no node')
        yield desk
        desk.close()


def texts(desk: LiveDesk) -> str:
    return '\n'.join(notice.text for notice in desk.notices())


def test_images_tracks_and_prompts_are_recorded_and_open_with_our_readers(desk, tmp_path):
    (camera,) = desk.cameras
    recording = LiveRecording(desk, tmp_path / 'made', lambda _folder: PLENTY)
    recording.start('Anna')
    with pytest.raises(DeskError, match='being recorded already'):
        recording.start()
    picture = wait_until(
        lambda: (p := desk.wait_for_picture(camera, 0, 0.5)) and p.labels is not None and p, 'none'
    )
    tracks = f'{camera}/tracks'
    images = desk.camera(camera).node.report.input_topic
    for topic in (images, tracks):  # each is joined when it is found
        wait_until(lambda topic=topic: recording.state.counts.get(topic, 0) > 3, f'no {topic}')
    picture = desk.wait_for_picture(camera, picture.serial, 10.0)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[30:60, 20:50] = True
    desk.give(picture, Prompt('left', mask=mask))
    path = recording.stop('Anna')
    assert path.parent == tmp_path / 'made'
    assert [entry.name for entry in path.parent.iterdir()] == [path.name], 'nothing is left beside'

    with BagFrames(path) as frames:
        stamps = [frame.stamp_ns for frame in frames if frame.rgb.shape == (HEIGHT, WIDTH, 3)]
    assert len(stamps) > 2
    with BagReader(path) as bag:
        namespace = camera.rpartition('/')[0]
        (prompts,) = map(bag.deserialize, bag.messages([f'{namespace}/prompts']))
        results = [bag.deserialize(message) for message in bag.messages([tracks])]
    stamp = prompts.header.stamp
    assert stamp.sec * 1_000_000_000 + stamp.nanosec == picture.stamp_ns
    assert prompts.prompts[0].object_id == 'left'
    assert np.count_nonzero(prompts.prompts[0].mask.data) == mask.sum()
    assert results
    with pytest.raises(DeskError, match='nothing is being recorded'):
        recording.stop()


def test_a_disk_that_gets_full_ends_a_recording_which_is_complete(desk, tmp_path):
    free = PLENTY
    recording = LiveRecording(desk, tmp_path, lambda _folder: free)
    recording.start()
    wait_until(lambda: recording.state.messages > 3, 'nothing is recorded')
    free = RESERVE_BYTES
    wait_until(lambda: not recording.state.name, 'it goes on')
    wait_until(lambda: 'was stopped: 1 GB are left' in texts(desk), 'not told')
    (path,) = tmp_path.iterdir()
    with BagReader(path) as bag:
        assert sum(topic.count for topic in bag.topics.values()) > 3
    with pytest.raises(DeskError, match=r'only 1\.0 GB are free.*--record-to'):
        recording.start()


def test_the_state_is_shown_in_a_line(desk, tmp_path):
    recording = LiveRecording(desk, tmp_path, lambda _folder: PLENTY)
    assert recording.state.text == '10.0 GB free'
    recording.start()
    assert recording.state.text.startswith('0:0')
    recording.close()
    recording.close()


def test_a_folder_that_cannot_be_is_refused(desk, tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(DeskError, match='recordings cannot go to'):
        LiveRecording(desk, tmp_path / 'file' / 'folder')
