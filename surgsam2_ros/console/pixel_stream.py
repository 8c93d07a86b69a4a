# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures on their way to browsers: encoded once for all, one under way to each, newest wins.

The WebSocket `/pixels/<camera>` sends one binary message per picture, little-endian:

    uint32      N, length of the header in bytes
    N bytes     header, JSON in UTF-8: `serial`, `stamp_ns` (a string, it exceeds what JavaScript
                counts exactly), `frame_index`, `width`, `height`, `latency_ms`, `jpeg` (bytes of
                the next part), `labels` (bytes of the last part, 0: not tracked), and
                `instruments`, each with `object_id`, `instance`, `name`, `class_name`, `state`
                (its name), `score`, `presence`, `locked`
    jpeg bytes  the image as JPEG
    labels bytes  the label image as runs, see `surgsam2_ros.console.runs`

A client answers with the serial of the picture, as text, as soon as it shows it and can take
another one; until then nothing more is sent to it, and what came meanwhile is left out. A client
that wants the picture to stand still just does not answer the one after it. Text messages to the
client are JSON: `{"waiting": seconds}` every second without a new picture, `{"problem": sentence}`
when the desk cannot give one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from typing import NoReturn

import cv2
from fastapi import WebSocket, WebSocketDisconnect

from surgsam2_ros.console.desk import Desk, DeskError, Picture
from surgsam2_ros.console.runs import encode_runs

_log = logging.getLogger(__name__)

JPEG_QUALITY = 85
_DESK_WAIT_S = 0.25
_TELL_S = 1.0
_SEND_S = 10.0
_GONE = (WebSocketDisconnect, OSError, asyncio.TimeoutError)


@dataclass(frozen=True, eq=False)
class EncodedPicture:
    """A picture with the message that shows it."""

    picture: Picture
    message: bytes


def encode_picture(picture: Picture) -> EncodedPicture:
    """Return the message of a picture; the module's text describes it."""
    height, width = picture.rgb.shape[:2]
    bgr = cv2.cvtColor(picture.rgb, cv2.COLOR_RGB2BGR)
    done, jpeg = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise DeskError(f'the picture of {width}x{height} pixels cannot be encoded as JPEG')
    labels = b'' if picture.labels is None else encode_runs(picture.labels)
    header = json.dumps(
        {
            'serial': picture.serial,
            'stamp_ns': str(picture.stamp_ns),
            'frame_index': picture.frame_index,
            'width': width,
            'height': height,
            'latency_ms': round(picture.latency_ms, 1),
            'jpeg': len(jpeg),
            'labels': len(labels),
            'instruments': [
                {**asdict(each), 'state': each.state.name} for each in picture.instruments
            ],
        }
    ).encode()
    parts = (struct.pack('<I', len(header)), header, jpeg.tobytes(), labels)
    return EncodedPicture(picture, b''.join(parts))


@dataclass(frozen=True, eq=False)
class _Wish:
    """A viewer that waits for a picture newer than `after`."""

    after: int
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[EncodedPicture]


class SharedPictures:
    """Gives the pictures of one camera to any number of viewers, each at its own pace.

    A thread asks the desk and encodes, only while a viewer waits.

    Attributes:
        encoded: pictures encoded so far.
    """

    def __init__(self, desk: Desk, camera: str) -> None:
        """Start without a picture; `close` ends the thread."""
        self.encoded = 0
        self._desk, self._camera = desk, camera
        self._wishes: list[_Wish] = []
        self._changed = threading.Condition()
        self._closed = False
        self._newest: EncodedPicture | None = None
        self._thread = threading.Thread(target=self._work, name=f'pictures {camera}', daemon=True)
        self._thread.start()

    async def next_picture(self, after: int) -> EncodedPicture:
        """Wait for a picture whose serial is above `after`: the newest there is.

        Raises:
            DeskError: when the desk cannot give one.
        """
        loop = asyncio.get_running_loop()
        wish = _Wish(after, loop, loop.create_future())
        with self._changed:
            self._wishes.append(wish)
            self._changed.notify_all()
        try:
            return await wish.answer
        finally:
            with self._changed, contextlib.suppress(ValueError):
                self._wishes.remove(wish)

    def close(self) -> None:
        """End the thread; viewers that wait go on waiting."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wishes or self._closed)
                if self._closed:
                    return
                after = min(wish.after for wish in self._wishes)
            try:
                self._serve_newest(after)
            except DeskError as error:
                self._tell_all(error)
            except Exception:
                # The page must not stand still without a word, whatever a desk does.
                _log.exception('a picture of %s could not be given', self._camera)
                self._tell_all(DeskError('the picture could not be given; see the log'))

    def _tell_all(self, error: DeskError) -> None:
        self._answer(lambda _: True, lambda wish: _set_problem(wish, error))

    def _serve_newest(self, after: int) -> None:
        picture = self._desk.wait_for_picture(self._camera, after, _DESK_WAIT_S)
        if picture is None:
            return
        if self._newest is None or self._newest.picture is not picture:
            self._newest = encode_picture(picture)
            self.encoded += 1
        newest = self._newest
        self._answer(lambda wish: wish.after < picture.serial, lambda wish: _set(wish, newest))

    def _answer(self, of: Callable[[_Wish], bool], how: Callable[[_Wish], None]) -> None:
        with self._changed:
            answered = [wish for wish in self._wishes if of(wish)]
            self._wishes = [wish for wish in self._wishes if not of(wish)]
        for wish in answered:
            # A loop that ended meanwhile has no viewers left.
            with contextlib.suppress(RuntimeError):
                wish.loop.call_soon_threadsafe(how, wish)


def _set(wish: _Wish, encoded: EncodedPicture) -> None:
    if not wish.answer.done():
        wish.answer.set_result(encoded)


def _set_problem(wish: _Wish, error: DeskError) -> None:
    if not wish.answer.done():
        wish.answer.set_exception(error)


class ShownPictures:
    """What one viewer shows, and what is on its way to it: two pictures at most.

    A picture that stands still stays here, also when the connection broke and others were sent.
    """

    def __init__(self) -> None:
        """Start without a picture."""
        self._shown: Picture | None = None
        self._sent: Picture | None = None

    def sent(self, picture: Picture) -> None:
        """Keep a picture that is on its way, in place of one that never arrived."""
        self._sent = picture

    def shown(self, serial: int) -> None:
        """Let go of all older ones: this one is shown."""
        if self._sent is not None and self._sent.serial == serial:
            self._shown = self._sent

    def find(self, camera: object, serial: object) -> Picture | None:
        """Return a picture that is kept."""
        for picture in (self._shown, self._sent):
            if picture is not None and (picture.camera, picture.serial) == (camera, serial):
                return picture
        return None


async def stream_pictures(
    websocket: WebSocket, feed: SharedPictures, pictures: ShownPictures
) -> None:
    """Send pictures over an accepted WebSocket until the client goes.

    Args:
        websocket: accepted.
        feed: of the camera that is looked at.
        pictures: keeps what is sent and shown.
    """
    asked = asyncio.Event()
    asked.set()
    both = (
        asyncio.ensure_future(_send_when_asked(websocket, feed, pictures, asked)),
        asyncio.ensure_future(_take_answers(websocket, pictures, asked)),
    )
    try:
        done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.wait(both)
    for task in done:
        # A client that is gone is no problem of anybody.
        if not isinstance(task.exception(), _GONE):
            task.result()


async def _take_answers(
    websocket: WebSocket, pictures: ShownPictures, asked: asyncio.Event
) -> NoReturn:
    while True:
        answer = (await websocket.receive_text())[:20]
        if answer.isdecimal():
            pictures.shown(int(answer))
            asked.set()


async def _send_when_asked(
    websocket: WebSocket,
    feed: SharedPictures,
    pictures: ShownPictures,
    asked: asyncio.Event,
) -> None:
    async for message in _messages(feed, pictures, asked):
        if isinstance(message, bytes):
            await asyncio.wait_for(websocket.send_bytes(message), _SEND_S)
        else:
            await asyncio.wait_for(websocket.send_text(json.dumps(message)), _SEND_S)


async def _messages(
    feed: SharedPictures, pictures: ShownPictures, asked: asyncio.Event
) -> AsyncIterator[bytes | dict[str, object]]:
    """Yield what to send: pictures when they are asked for, and why there is none."""
    after = -1
    while True:
        await asked.wait()
        since = time.monotonic()
        wish = asyncio.ensure_future(feed.next_picture(after))
        try:
            while not (await asyncio.wait({wish}, timeout=_TELL_S))[0]:
                yield {'waiting': round(time.monotonic() - since, 1)}
        finally:
            if not wish.done():
                wish.cancel()
        try:
            encoded = wish.result()
        except DeskError as error:
            yield {'problem': str(error)}
            await asyncio.sleep(_TELL_S)
            continue
        asked.clear()
        after = encoded.picture.serial
        pictures.sent(encoded.picture)
        yield encoded.message
