# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A small real desk in memory: drawn pictures that move, masks as prompts ask for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import cv2
import numpy as np

from surgsam2_ros.console.desk import (
    Description,
    DeskError,
    Instrument,
    Mode,
    Notice,
    Picture,
    Preview,
)
from surgsam2_ros.instrument_classes import InstrumentClasses
from surgsam2_ros.tracking.prompts import Prompt
from surgsam2_ros.tracking.states import TrackState

CLASSES = InstrumentClasses({'grasper': None, 'scissors': None})
POINT_RADIUS = 24


class Given(NamedTuple):
    """A prompt that the desk was given."""

    picture: Picture
    prompt: Prompt
    author: str


def prompted_mask(prompt: Prompt, size: tuple[int, int]) -> np.ndarray:
    """Return what this desk takes a prompt for: bool [H, W].

    A mask as it is, a box full, a disc around each point on the object, none around those off it.
    """
    canvas = np.zeros(size, np.uint8)
    if prompt.mask is not None:
        canvas[np.asarray(prompt.mask) != 0] = 1
    if prompt.box is not None:
        x0, y0, x1, y1 = (round(value) for value in prompt.box)
        canvas[y0:y1, x0:x1] = 1
    if prompt.points is not None:
        for wanted in (1, 0):
            for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
                if label == wanted:
                    cv2.circle(canvas, (int(x), int(y)), POINT_RADIUS, wanted, -1)
    return canvas > 0


class MemoryDesk:
    """Implements `Desk`; records what it is told.

    Attributes:
        given, removed, described: what was asked, in order.
        previews: prompts that were previewed.
        refusal: a sentence with which everything is refused; None: nothing is.
        preview_delay_s: how long a preview takes.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int] = (240, 320),
        rate_hz: float = 20.0,
        cameras: tuple[str, ...] = ('camera',),
        classes: InstrumentClasses = CLASSES,
        draw: Callable[[int], np.ndarray] | None = None,
        mode: Mode = Mode.LIVE,
    ) -> None:
        """Start without instruments.

        Args:
            size: (H, W) of the pictures.
            rate_hz: how often there is a new picture; 0: only when something changed.
            cameras: their names; all show the same.
            classes: to choose from.
            draw: gives the picture of a number, uint8 [H, W, 3]; by default a moving pattern.
            mode: that it says it is in.
        """
        self.mode, self.cameras, self.classes = mode, cameras, classes
        self.given: list[Given] = []
        self.removed: list[tuple[str, str]] = []
        self.described: list[tuple[str, dict[str, Any]]] = []
        self.previews: list[Prompt] = []
        self.refusal: str | None = None
        self.preview_delay_s = 0.0
        self.asked = 0
        self._size, self._rate_hz, self._draw = size, rate_hz, draw or self._pattern
        self._start = time.monotonic()
        self._changes = 0
        self._lock = threading.RLock()
        self._instruments: dict[str, Instrument] = {}
        self._masks: dict[str, np.ndarray] = {}
        self._undo: list[tuple[str, dict, dict]] = []
        self._notices: list[Notice] = []
        self._newest: dict[str, Picture] = {}

    def wait_for_picture(self, camera: str, after: int, timeout_s: float) -> Picture | None:
        self.asked += 1
        deadline = time.monotonic() + timeout_s
        while (serial := self._serial()) <= after:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.01)
        with self._lock:
            newest = self._newest.get(camera)
            if newest is None or newest.serial < serial:
                newest = self._newest[camera] = self._picture(camera, serial)
            return newest

    def instruments(self, camera: str) -> tuple[Instrument, ...]:
        with self._lock:
            return tuple(self._instruments.values())

    def preview(self, picture: Picture, prompt: Prompt) -> Preview:
        self._refuse()
        self.previews.append(prompt)
        time.sleep(self.preview_delay_s)
        return Preview(prompted_mask(prompt, self._size), 0.9)

    def give(self, picture: Picture, prompt: Prompt, author: str = '') -> None:
        self._refuse(prompt.object_id)
        with self._lock:
            self._remember('the prompt of ' + prompt.object_id)
            known = self._instruments.get(prompt.object_id)
            self.given.append(Given(picture, prompt, author))
            self._masks[prompt.object_id] = prompted_mask(prompt, self._size)
            if known is None:
                taken = {each.instance for each in self._instruments.values()}
                instance = next(n for n in range(1, 255) if n not in taken)
                known = Instrument(
                    prompt.object_id, instance, prompt.object_id, '', TrackState.TRACKED, 0.9, 1.0
                )
            self._instruments[prompt.object_id] = replace(
                known, class_name=prompt.class_name or known.class_name, state=TrackState.TRACKED
            )
            self.notify(f'{known.name} was prompted', author)

    def remove(self, camera: str, object_id: str, author: str = '') -> None:
        self._refuse(object_id)
        with self._lock:
            self._remember('the removal of ' + object_id)
            self.removed.append((object_id, author))
            del self._instruments[object_id]
            self._masks.pop(object_id, None)
            self.notify(f'{object_id} was removed', author)

    def describe(
        self, camera: str, object_id: str, description: Description, author: str = ''
    ) -> None:
        wanted = description.said
        if description.locked is None:
            self._refuse(object_id)
        with self._lock:
            self._remember('the description of ' + object_id)
            self.described.append((object_id, wanted))
            self._instruments[object_id] = replace(self._instruments[object_id], **wanted)
            self.notify(f'{object_id} was described', author)

    def undo(self, camera: str, author: str = '') -> str:
        with self._lock:
            if not self._undo:
                raise DeskError('there is nothing to take back')
            what, self._instruments, self._masks = self._undo.pop()
            self.notify(f'{what} was taken back', author)
            return f'{what} was taken back'

    def notices(self, after: int = 0) -> tuple[Notice, ...]:
        with self._lock:
            return tuple(notice for notice in self._notices if notice.serial > after)

    def close(self) -> None:
        pass

    def notify(self, text: str, author: str = '', *, is_problem: bool = False) -> None:
        """Tell every operator something, and show the picture again."""
        with self._lock:
            self._notices.append(Notice(len(self._notices) + 1, text, author, is_problem))
            self._changes += 1

    def put(self, instrument: Instrument, mask: np.ndarray | None = None) -> None:
        """Add or change an instrument as if the tracker had."""
        with self._lock:
            self._instruments[instrument.object_id] = instrument
            if mask is not None:
                self._masks[instrument.object_id] = mask
            self._changes += 1

    def reset(self) -> None:
        """Forget everything but the time."""
        with self._lock:
            for record in (self.given, self.removed, self.described, self.previews, self._undo):
                record.clear()
            self._instruments, self._masks = {}, {}
            self.refusal, self.preview_delay_s = None, 0.0
            self._changes += 1

    def _serial(self) -> int:
        ticks = int((time.monotonic() - self._start) * self._rate_hz)
        return 1 + ticks + self._changes

    def _picture(self, camera: str, serial: int) -> Picture:
        labels = np.zeros(self._size, np.uint8)
        for object_id, instrument in self._instruments.items():
            mask = self._masks.get(object_id)
            if mask is not None and instrument.state.name not in ('OCCLUDED', 'LOST'):
                labels[mask] = instrument.instance
        return Picture(
            camera,
            serial,
            1_700_000_000_000_000_000 + serial * 50_000_001,
            serial,
            self._draw(serial),
            labels,
            tuple(self._instruments.values()),
            37.5,
        )

    def _pattern(self, serial: int) -> np.ndarray:
        """Red to the right, green downwards, a white bar that moves: places can be told apart."""
        height, width = self._size
        rgb = np.zeros((height, width, 3), np.uint8)
        rgb[..., 0] = np.linspace(20, 200, width, dtype=np.uint8)
        rgb[..., 1] = np.linspace(20, 200, height, dtype=np.uint8)[:, None]
        x = serial * 4 % width
        cv2.rectangle(rgb, (x, 0), (x + 6, 10), (255, 255, 255), -1)
        return rgb

    def _refuse(self, object_id: str = '') -> None:
        if self.refusal:
            raise DeskError(self.refusal)
        known = self._instruments.get(object_id)
        if known is not None and known.locked:
            raise DeskError(f'{known.name} is locked; unlock it first')

    def _remember(self, what: str) -> None:
        self._undo.append((what, dict(self._instruments), dict(self._masks)))
