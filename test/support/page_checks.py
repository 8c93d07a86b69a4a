# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Looks at pages: their elements, what a real browser makes of them, what is documented of them."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import tempfile
from html.parser import HTMLParser
from pathlib import Path

import pytest
from repository import REPO

BROWSERS = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')

# Added to a copy of a page; leaves in the document what went wrong while it was shown.
_WATCH = """
<script>
addEventListener('load', () => {
  const open = [...document.querySelectorAll('details[id]')].filter((d) => d.open).map((d) => d.id);
  for (const head of document.querySelectorAll('.sortable th')) head.click();
  for (const svg of document.querySelectorAll('.chart svg')) {
    const box = svg.getBoundingClientRect();
    const at = { clientX: box.left + box.width / 2, clientY: box.top + 20, bubbles: true };
    svg.dispatchEvent(new PointerEvent('pointermove', at));
  }
  for (const details of document.querySelectorAll('details')) details.open = true;
  const drawings = [...document.querySelectorAll('section svg')];
  const images = [...document.images];
  const root = document.documentElement;
  const found = {
    images: images.length,
    broken: images.filter((image) => !image.complete || !image.naturalWidth).length,
    wide: root.scrollWidth - root.clientWidth,
    requested: performance.getEntriesByType('resource').map((entry) => entry.name),
    charts: document.querySelectorAll('.chart').length,
    tips: [...document.querySelectorAll('.tip')].filter((tip) => !tip.hidden).length,
    told: [...document.querySelectorAll('.tip')].map((tip) => tip.innerText),
    open,
    flat: drawings.filter((svg) => !svg.clientHeight).length,
  };
  document.title = 'watched ' + JSON.stringify(found);
});
</script>
"""


class Outline(HTMLParser):
    """Collects elements with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ''
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def having(self, class_: str) -> list[dict[str, str | None]]:
        """Attributes of the elements of a class."""
        return [a for _, a in self.elements if class_ in (a.get('class') or '').split()]


def show(page: Path, width: int = 1280, *, place: str = '') -> dict:
    """Show a page in a real browser and try its tables and charts; skips without one.

    Args:
        page: file to show.
        width: of the window [px].
        place: id of the element that the address leads to.

    Returns:
        'images', 'broken' (images that cannot be shown), 'wide' (px by which the page is wider
        than the window), 'requested' (addresses asked for), 'charts', 'tips' (charts that showed a
        value under the pointer), 'told' (what these showed), 'open' (ids of what is unfolded
        at first), 'flat' (drawings without height), 'console' (its lines).
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip('no Chromium is installed')
    watched = page.with_name(f'watched_{page.name}')
    watched.write_text(page.read_text(encoding='utf-8').replace('</body>', _WATCH + '</body>'))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        done = subprocess.run(
            [
                *(browser, '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run'),
                *('--disable-background-networking', '--disable-component-update'),
                *('--disable-sync', '--disable-quic', f'--user-data-dir={profile}'),
                *(f'--window-size={width},900', '--enable-logging=stderr', '--timeout=60000'),
                *('--dump-dom', f'{watched.as_uri()}#{place}'),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=True,
        )
    title = re.search(r'<title>watched (\{.*?\})</title>', done.stdout)
    assert title, done.stderr[-2000:]
    found = json.loads(html.unescape(title[1]))
    found['console'] = [line for line in done.stderr.splitlines() if 'CONSOLE' in line]
    return found


def documented_tables(section: str) -> list[dict[str, list[str]]]:
    """Read the tables of a section of docs/evaluation.md.

    Returns:
        per table, for every name in its first column the names in the second one, in their order.
    """
    text = (REPO / 'docs' / 'evaluation.md').read_text(encoding='utf-8')
    (content,) = re.findall(rf'^## {re.escape(section)}\n(.*?)(?=^## |\Z)', text, re.DOTALL | re.M)
    tables = []
    for block in re.findall(r'(?:^\|.*\n)+', content, re.M):
        rows = [line.strip('|\n').split('|', 1) for line in block.splitlines()[2:]]
        names = [[re.findall(r'`([^`]+)`', cell) for cell in row] for row in rows]
        tables.append({key: inner for keys, inner in names for key in keys})
    return tables
