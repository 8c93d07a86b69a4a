# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""An operator's hands and eyes in label mode: keys, clicks, and what the page says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from console_browser import Page

from label_hour.ledger import Seen
from label_hour.recording import SIZE
from label_hour.server import Server

ANSWER_S = 60.0
_SOON_S = 1.0

_WATCH = """() => {
    if (window.hour) return;
    const hour = window.hour = { seen: [], told: [], digesting: 0 };
    const { board } = operatorPage;
    const note = async (picture) => {
        hour.digesting += 1;
        const { frame_index: frame, serial, labels } = picture;
        const instances = picture.instruments.map((each) => each.instance);
        let digest = '';
        if (labels) {
            const bytes = new Uint8Array(await crypto.subtle.digest('SHA-1', labels));
            digest = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
        }
        hour.seen.push({ serial, frame, digest, instances });
        hour.digesting -= 1;
    };
    const show = board.show.bind(board);
    board.show = (picture) => { show(picture); note(picture); };
    note(board.picture);
    new MutationObserver((changes) => {
        for (const change of changes) for (const toast of change.addedNodes) {
            hour.told.push(toast.textContent);
        }
    }).observe(document.getElementById('toasts'), { childList: true });
}"""
_STATE = """() => {
    const strip = document.querySelector('canvas[role=slider]').parentElement;
    const { columns, ...state } = getElement(Number(strip.id.slice(1))).state;
    return state;
}"""
_ASK_S = 0.03


class ServerGoneError(Exception):
    """The console was killed while something was done."""


class Hands:
    """One open page.

    Attributes:
        page: see `console_browser`.
        errors: what scripts threw.
    """

    def __init__(self, browser: Any, server: Server) -> None:
        """Open the page."""
        self._server = server
        self.page = Page(browser, server.url, SIZE, viewport={'width': 1280, 'height': 900})
        self.watch()

    @property
    def errors(self) -> list[str]:
        """What scripts of the page threw."""
        return self.page.errors

    def watch(self) -> None:
        """Have the page note what it shows and tells."""
        self.ask(_WATCH)
        self.wait(lambda: self.ask('() => Boolean(operatorPage.board.picture)'))

    def come_back(self) -> None:
        """Wait until the page has loaded itself anew, for the console is another one."""
        self.wait(lambda: not self._tried('() => Boolean(window.hour)', True))
        script = '() => Boolean(window.operatorPage?.board.picture && window.socket?.connected)'
        self.wait(lambda: self._tried(script, False))
        self.watch()

    def ask(self, script: str, argument: Any = None) -> Any:
        """Return a script's value."""
        return self.page.page.evaluate(script, argument)

    def wait(self, is_so: Callable[[], Any], timeout_s: float = ANSWER_S) -> Any:
        """Wait until something is so, and return it.

        Raises:
            ServerGoneError: when the console is killed meanwhile.
            AssertionError: when it takes too long.
        """
        deadline = time.monotonic() + timeout_s
        while not (value := is_so()):
            self.go_on()
            assert time.monotonic() < deadline, f'waited in vain; the page told {self.told()[-3:]}'
            time.sleep(_ASK_S)
        return value

    def go_on(self) -> None:
        """Raise ServerGoneError when the console was killed."""
        self._server.check()
        if self._server.gone.is_set():
            raise ServerGoneError

    def state(self) -> dict[str, Any]:
        """Return what the time line shows, see `TimeLine.state`."""
        return self.ask(_STATE)

    def told(self) -> list[str]:
        """Return the sentences that were told since the page was loaded."""
        return self._tried('() => window.hour?.told ?? []', [])

    def shown(self) -> list[tuple[int, Seen]]:
        """Return frames and masks that were shown since the last call, oldest first."""
        script = '() => window.hour?.digesting ? null : window.hour?.seen.splice(0) ?? []'
        deadline = time.monotonic() + 10.0
        while (seen := self.ask(script)) is None and time.monotonic() < deadline:
            time.sleep(_ASK_S)
        seen = sorted(seen or [], key=lambda each: each['serial'])
        return [
            (each['frame'], Seen(each['digest'], frozenset(each['instances']))) for each in seen
        ]

    def instruments(self) -> list[dict[str, Any]]:
        """Return the instruments in the picture."""
        return self.ask('() => operatorPage.board.picture.instruments')

    def frame(self) -> int:
        """Return which frame the picture is of."""
        return self.ask('() => operatorPage.board.picture.frame_index')

    def mask(self, instance: int) -> np.ndarray:
        """Return the mask of an instrument in the picture, bool [H, W]."""
        script = """(instance) => operatorPage.board.picture.runs
            .filter((run) => run.value === instance).flatMap((run) => [run.start, run.end])"""
        edges = np.array(self.ask(script, instance), np.int64).reshape(-1, 2)
        mask = np.zeros(SIZE[0] * SIZE[1], bool)
        for start, end in edges:
            mask[start:end] = True
        return mask.reshape(SIZE)

    def press(self, *keys: str) -> None:
        """Press keys, with the picture in focus."""
        self.page.page.locator('#picture').focus()
        for key in keys:
            self.page.keys.press(key)

    def seek(self, frame: int, frames: int, *, over: int | None = None) -> None:
        """Click on the strip where a frame is; `over`: come from there with the button held."""
        box = self.page.page.locator('canvas[role=slider]').bounding_box()
        y = box['y'] + box['height'] / 2

        def x(of: int) -> float:
            return box['x'] + 8 + (of + 0.5) / frames * (box['width'] - 16)

        self.page.mouse.move(x(frame if over is None else over), y)
        self.page.mouse.down()
        if over is not None:
            self.page.mouse.move(x(frame), y, steps=25)
        self.page.mouse.up()

    def go_to(self, frame: int, frames: int) -> None:
        """Show a frame: click near it on the strip, then go the rest with the arrow keys."""
        self.seek(frame, frames)
        near = 2 + frames / 1000
        self.wait(lambda: abs(self.state()['position'] - frame) <= near)
        while not self._soon(lambda: self.state()['position'] == self.frame() == frame):
            position = self.state()['position']
            if position == frame:
                continue
            step = 'Shift+' if abs(frame - position) >= 10 else ''
            self.press(f'Control+{step}{"ArrowRight" if frame > position else "ArrowLeft"}')
            self._soon(lambda was=position: self.state()['position'] != was)

    def _soon(self, is_so: Callable[[], bool]) -> bool:
        """Wait a moment until something is so, and return whether it is."""
        by_s = time.monotonic() + _SOON_S
        self.wait(lambda: is_so() or time.monotonic() > by_s)
        return is_so()

    def _tried(self, script: str, otherwise: Any) -> Any:
        """Return a script's value, or that when the page is just being loaded."""
        from playwright.sync_api import Error

        try:
            return self.ask(script)
        except Error:
            return otherwise
