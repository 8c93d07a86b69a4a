# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A served desk and pages that look at it, for tests that drive a real Chromium.

A module says by `desk_settings` and `panels` what is served to its tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from console_browser import Page, chromium
from memory_desk import MemoryDesk

from surgsam2_ros.console.panels import Panel
from surgsam2_ros.console.server import ServerSettings, running


@pytest.fixture(scope='module')
def desk_settings() -> dict[str, Any]:
    """Give the arguments of the `MemoryDesk`."""
    return {'rate_hz': 10}


@pytest.fixture(scope='module')
def panels() -> tuple[Panel, ...]:
    """Give the further parts of the page."""
    return ()


@pytest.fixture(scope='module')
def browser() -> Iterator[Any]:
    """Give a Chromium."""
    with chromium() as started:
        yield started


@pytest.fixture(scope='module')
def served(
    desk_settings: dict[str, Any], panels: tuple[Panel, ...]
) -> Iterator[tuple[MemoryDesk, str]]:
    """Give a desk and the address of its page."""
    desk = MemoryDesk(**desk_settings)
    with running(desk, ServerSettings(port=0), panels) as server:
        yield desk, server.url


@pytest.fixture
def desk(served: tuple[MemoryDesk, str]) -> MemoryDesk:
    """Give the desk, to which nothing was done yet."""
    served[0].reset()
    return served[0]


@pytest.fixture
def open_page(served: tuple[MemoryDesk, str], browser: Any) -> Iterator[Callable[..., Page]]:
    """Give what opens a page; its arguments go to Playwright's context."""
    pages: list[Page] = []

    def start(**context: Any) -> Page:
        pages.append(Page(browser, served[1], **context))
        return pages[-1]

    yield start
    for page in pages:
        page.close()


@pytest.fixture(scope='module')
def one_page(served: tuple[MemoryDesk, str], browser: Any) -> Iterator[Page]:
    """Give the page that all tests of a module share; see `page`."""
    page = Page(browser, served[1])
    yield page
    page.close()


@pytest.fixture
def page(desk: MemoryDesk, one_page: Page) -> Page:
    """Give a page on which nothing was done yet."""
    one_page.begin_anew()
    one_page.page.locator('.instrument').first.wait_for(state='detached')
    return one_page
