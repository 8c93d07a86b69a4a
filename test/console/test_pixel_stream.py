# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures on their way to browsers, without a browser."""

from __future__ import annotations

import asyncio
import itertools
import json
import struct
import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from fastapi import WebSocket
from memory_desk import MemoryDesk
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from surgsam2_ros.console.desk import DeskError, Instrument
from surgsam2_ros.console.pixel_stream import SharedPictures, ShownPictures, encode_picture
from surgsam2_ros.console.runs import decode_runs
from surgsam2_ros.console.server import ConsoleServer, ServerSettings, running
from surgsam2_ros.tracking.states import TrackState


def taken_apart(message: bytes) -> tuple[dict, np.ndarray, np.ndarray]:
    """Return header, image and label image of a message."""
    (length,) = struct.unpack_from('<I', message)
    header = json.loads(message[4 : 4 + length])
    start = 4 + length
    jpeg = message[start : start + header['jpeg']]
    runs = message[start + header['jpeg'] :]
    assert len(runs) == header['labels']
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return header, bgr[..., ::-1], decode_runs(runs, (header['height'], header['width']))


@pytest.fixture
def desk() -> MemoryDesk:
    return MemoryDesk(rate_hz=50)


@pytest.fixture
def feed(desk: MemoryDesk) -> Iterator[SharedPictures]:
    feed = SharedPictures(desk, 'camera')
    yield feed
    feed.close()


@pytest.fixture
def server(desk: MemoryDesk) -> Iterator[ConsoleServer]:
    with running(desk, ServerSettings(port=0)) as server:
        yield server


def viewer(server: ConsoleServer, camera: str = 'camera') -> ClientConnection:
    return connect(f'ws://127.0.0.1:{server.port}/pixels/{camera}')


def next_picture(connection: ClientConnection) -> dict:
    """Return the header of the next picture."""
    while isinstance(message := connection.recv(30), str):
        pass
    return taken_apart(message)[0]


def test_a_message_has_the_picture_with_its_stamp_labels_and_instruments(desk):
    mask = np.zeros((240, 320), bool)
    mask[50:90, 100:180] = True
    desk.put(Instrument('a', 3, 'A', 'grasper', TrackState.UNCERTAIN, 0.5, 0.9, True), mask)
    picture = desk.wait_for_picture('camera', 0, 5)
    header, rgb, labels = taken_apart(encode_picture(picture).message)
    assert header['serial'] == picture.serial
    assert int(header['stamp_ns']) == picture.stamp_ns
    assert (header['width'], header['height']) == (320, 240)
    assert header['latency_ms'] == 37.5
    assert np.abs(rgb.astype(int) - picture.rgb).mean() < 4
    assert np.array_equal(labels, mask * 3)
    assert header['instruments'] == [
        {
            'object_id': 'a',
            'instance': 3,
            'name': 'A',
            'class_name': 'grasper',
            'state': 'UNCERTAIN',
            'score': 0.5,
            'presence': 0.9,
            'locked': True,
        }
    ]


def test_viewers_share_what_was_encoded(feed):
    async def look() -> list[tuple[int, ...]]:
        return [
            tuple(
                encoded.picture.serial
                for encoded in await asyncio.gather(*(feed.next_picture(-1) for _ in range(20)))
            )
        ]

    asyncio.run(look())
    assert feed.encoded <= 3


def test_nothing_is_encoded_or_asked_for_when_nobody_looks(feed, desk):
    time.sleep(0.3)
    assert (feed.encoded, desk.asked) == (0, 0)
    asyncio.run(feed.next_picture(-1))
    time.sleep(0.3)
    asked = desk.asked
    time.sleep(0.5)
    assert (feed.encoded, desk.asked) == (1, asked)


def test_a_viewer_that_gave_up_leaves_nothing_behind(feed, desk):
    async def give_up() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(feed.next_picture(10**9), 0.2)

    asyncio.run(give_up())
    time.sleep(0.5)
    asked = desk.asked
    time.sleep(0.5)
    assert desk.asked == asked


def test_what_the_desk_refuses_is_told(feed, desk, monkeypatch):
    def refuse(*_: object) -> None:
        raise DeskError('the node is gone')

    monkeypatch.setattr(desk, 'wait_for_picture', refuse)
    with pytest.raises(DeskError, match='the node is gone'):
        asyncio.run(feed.next_picture(-1))


def test_one_picture_is_under_way_and_the_newest_comes_next(server, desk):
    with viewer(server) as connection:
        first = next_picture(connection)
        time.sleep(0.5)
        with pytest.raises(TimeoutError):
            connection.recv(0.1)  # not asked for
        newest = desk.wait_for_picture('camera', 0, 1).serial
        connection.send(str(first['serial']))
        assert next_picture(connection)['serial'] >= newest > first['serial'] + 5


def test_a_slow_and_a_vanished_viewer_cost_the_others_nothing(server):
    with viewer(server) as slow, viewer(server) as vanished, viewer(server) as connection:
        next_picture(slow)
        vanished.socket.close()  # without a word
        serials = []
        for _ in range(10):
            serials.append(next_picture(connection)['serial'])
            connection.send(str(serials[-1]))
    assert all(one < other for one, other in itertools.pairwise(serials))


def test_a_camera_that_is_not_there_is_named(server):
    with viewer(server, 'left') as connection, pytest.raises(ConnectionClosed) as closed:
        connection.recv(10)
    assert closed.value.rcvd.code == 4404
    assert "'left'" in closed.value.rcvd.reason


def test_a_viewer_without_a_picture_is_told_so(server, desk, monkeypatch):
    monkeypatch.setattr(desk, 'wait_for_picture', lambda *_: time.sleep(0.05))
    with viewer(server) as connection:
        assert json.loads(connection.recv(20))['waiting'] >= 1


def test_a_picture_that_cannot_be_sent_ends_the_connection(server, monkeypatch):
    """The page then connects anew; without a word it would wait for ever."""
    monkeypatch.setattr(WebSocket, 'send_bytes', broken)
    with viewer(server) as connection, pytest.raises(ConnectionClosed):
        connection.recv(30)


async def broken(*_: object) -> None:
    raise ValueError('no bytes')


def test_a_picture_that_stands_still_is_kept_whatever_is_sent_after_it(desk):
    pictures = ShownPictures()
    shown = desk.wait_for_picture('camera', 0, 5)
    pictures.sent(shown)
    pictures.shown(shown.serial)
    for _ in range(3):
        later = desk.wait_for_picture('camera', shown.serial, 5)
        pictures.sent(later)
        assert pictures.find('camera', shown.serial) is shown
        assert pictures.find('camera', later.serial) is later
    pictures.shown(later.serial)
    assert pictures.find('camera', shown.serial) is None
    assert pictures.find('other', later.serial) is None
