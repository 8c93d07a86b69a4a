# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A real Chromium that looks at the operator's page, and an operator's hands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path('/usr/bin/chromium')
WAIT_MS = 30_000


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a Chromium; skips where there is none."""
    playwright = pytest.importorskip('playwright.sync_api')
    if not CHROMIUM.exists():
        pytest.skip(f'{CHROMIUM} is not there; apt install chromium')
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        yield browser
        browser.close()


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = 30.0) -> None:
    """Wait for what the server's side comes to."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f'waited for {what} in vain'
        time.sleep(0.02)


class Page:
    """An open page with the hands of its operator.

    Attributes:
        page: of Playwright.
        size: (H, W) of the picture.
        errors: what scripts threw.
        asked: addresses that were asked for.
    """

    def __init__(
        self, browser: Any, url: str, size: tuple[int, int] = (240, 320), **context: Any
    ) -> None:
        """Open the page and wait for its first picture; `context` goes to Playwright."""
        settings = {'viewport': {'width': 1280, 'height': 800}, 'color_scheme': 'dark', **context}
        self._context = browser.new_context(**settings)
        self._context.set_default_timeout(WAIT_MS)
        self.size = size
        self.page = self._context.new_page()
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.page.on('pageerror', lambda error: self.errors.append(str(error)))
        self.page.on('request', lambda request: self.asked.append(request.url))
        self.page.goto(url)
        self.wait('window.operatorPage?.board.picture && window.socket?.connected')

    def close(self) -> None:
        """Close it; scripts that threw fail the test."""
        self._context.close()
        assert not self.errors, self.errors

    def wait(self, script: str) -> None:
        """Wait until a script's value is true."""
        self.page.wait_for_function(script)

    def begin_anew(self) -> None:
        """Drop what is drawn, show all of the picture, choose the first tool and view."""
        self.page.evaluate(
            """() => {
                const { board, look } = operatorPage;
                board.setTool('prompt');
                board.setMode('overlay');
                board.painter.crosshair = null;
                document.getElementById('toasts').replaceChildren();
                look(board.stream.camera);
            }"""
        )
        self.wait('!operatorPage.board.stream.held && !operatorPage.board.sending')
        self.wait('operatorPage.board.picture.instruments.length === 0')

    @property
    def keys(self) -> Any:
        """Its keyboard."""
        return self.page.keyboard

    @property
    def mouse(self) -> Any:
        """Its mouse."""
        return self.page.mouse

    @property
    def touchscreen(self) -> Any:
        """Its touch screen, for contexts that have one."""
        return self.page.touchscreen

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a pixel of the picture lies in the window while all of the picture is shown.

        Worked out from the sizes alone: the picture is as large as fits, and in the middle.
        """
        box = self.page.locator('#picture').bounding_box()
        height, width = self.size
        scale = min(box['width'] / width, box['height'] / height)
        return (
            box['x'] + box['width'] / 2 + (x - width / 2) * scale,
            box['y'] + box['height'] / 2 + (y - height / 2) * scale,
        )

    def click(self, x: float, y: float, **how: Any) -> None:
        """Click on a pixel of the picture."""
        self.mouse.click(*self.place(x, y), **how)

    def drag(self, *spots: tuple[float, float], button: str = 'left') -> None:
        """Press on the first pixel of the picture, go over all others, release."""
        self.mouse.move(*self.place(*spots[0]))
        self.mouse.down(button=button)
        for spot in spots[1:]:
            self.mouse.move(*self.place(*spot), steps=5)
        self.mouse.up(button=button)

    def shown_at(self, place: tuple[float, float]) -> tuple[int, int, int]:
        """RGB of the canvas at a place of the window."""
        script = """([x, y]) => {
            const canvas = document.getElementById('picture');
            const box = canvas.getBoundingClientRect();
            const scale = canvas.width / box.width;
            const at = [Math.round((x - box.left) * scale), Math.round((y - box.top) * scale)];
            return [...canvas.getContext('2d').getImageData(...at, 1, 1).data].slice(0, 3);
        }"""
        return tuple(self.page.evaluate(script, list(place)))

    def wait_for_colour(
        self, place: tuple[float, float], wanted: Callable[[tuple[int, int, int]], bool]
    ) -> None:
        """Wait until the canvas has a colour at a place of the window."""
        deadline = time.monotonic() + WAIT_MS / 1000
        while not wanted(colour := self.shown_at(place)):
            assert time.monotonic() < deadline, f'the canvas is {colour} at {place}'
            self.page.wait_for_timeout(50)

    def text(self, selector: str) -> str:
        """Return what an element says."""
        return self.page.locator(selector).first.inner_text()

    def wait_for_text(self, text: str) -> None:
        """Wait until a text is seen."""
        self.page.get_by_text(text).first.wait_for(state='visible')
