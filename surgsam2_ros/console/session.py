# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What one server works on, and what it keeps of each open page."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from surgsam2_ros.console.desk import Desk, DeskError, Picture, clean_name
from surgsam2_ros.console.panels import Panel
from surgsam2_ros.console.pixel_stream import SharedPictures, ShownPictures

P = ParamSpec('P')
R = TypeVar('R')

_DESK_THREADS = 16


class Session:
    """One open page: who it is, what it looks at, and the pictures that it may prompt.

    Attributes:
        key: names the page towards the server; not to be guessed.
        name: of its operator.
        camera: that it looks at.
        pictures: that it shows and may prompt.
    """

    def __init__(self, name: str, camera: str) -> None:
        """Start without a picture."""
        self.key = secrets.token_urlsafe(16)
        self.name = name
        self.camera = camera
        self.pictures = ShownPictures()

    def picture(self, camera: object, serial: object) -> Picture:
        """Return a picture that the page shows.

        Raises:
            DeskError: when it was not sent to this page, or is too old.
        """
        picture = self.pictures.find(camera, serial)
        if picture is None:
            raise DeskError(
                'the picture that you drew in is no longer there; press Escape, draw in a new one'
            )
        return picture


class Console:
    """A desk with its pages.

    Attributes:
        desk: what the pages work on.
        panels: further parts of each page.
        sessions: open pages by their key.
    """

    def __init__(self, desk: Desk, panels: Sequence[Panel]) -> None:
        """Start without pages; `close` ends the threads, not the desk."""
        self.desk = desk
        self.panels = tuple(panels)
        self.sessions: dict[str, Session] = {}
        self._feeds: dict[str, SharedPictures] = {}
        self._visitors = itertools.count(1)
        self._threads = ThreadPoolExecutor(_DESK_THREADS, thread_name_prefix='desk')
        self._naming = threading.Lock()
        self._named: set[tuple[str, str]] = set()

    def open_session(self, name: str) -> Session:
        """Start a page; an operator without a name is given one."""
        visitor = next(self._visitors)
        session = Session(clean_name(name) or f'Operator {visitor}', self.desk.cameras[0])
        self.sessions[session.key] = session
        return session

    def feed(self, camera: str) -> SharedPictures | None:
        """Return the feed of a camera; None when there is no such camera."""
        if camera in self.desk.cameras and camera not in self._feeds:
            self._feeds[camera] = SharedPictures(self.desk, camera)
        return self._feeds.get(camera)

    def new_object_id(self, camera: str, class_name: str) -> str:
        """Return an object id that nobody has been given, e.g. `'grasper_2'`; may block."""
        stem = re.sub(r'\W+', '_', class_name).strip('_').lower()[:60] or 'instrument'
        known = {instrument.object_id for instrument in self.desk.instruments(camera)}
        with self._naming:
            for number in itertools.count(1):
                object_id = f'{stem}_{number}'
                if object_id not in known and (camera, object_id) not in self._named:
                    self._named.add((camera, object_id))
                    return object_id
        raise AssertionError('counting ends nowhere')

    async def call(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run what may block, such as any method of the desk, in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(*args, **kwargs))

    def close(self) -> None:
        """End the feeds; calls of the desk that still run are not waited for."""
        for feed in self._feeds.values():
            feed.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
