# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What viewers without a browser note of the pictures that they are shown."""

from __future__ import annotations

import json
import struct
import time
from types import SimpleNamespace

from memory_desk import MemoryDesk

from surgsam2_ros.console.server import ServerSettings, running
from surgsam2_ros.live.viewers import Shown, Viewer, read_shown, viewer_row

MS = 1_000_000


def shown(number: int, lag_ms: float = 0.0, is_tracked: bool = True) -> Shown:
    """Return the picture of an image every 100 ms, from 1 s on, tracked after 50 ms."""
    stamp_ns = 1000 * MS + 100 * MS * number
    return Shown(number, stamp_ns, stamp_ns + round((50 + lag_ms) * MS), 50.0, is_tracked)


def viewer(pictures: list[Shown], is_slow: bool = False) -> SimpleNamespace:
    return SimpleNamespace(shown=pictures, is_slow=is_slow)


def test_the_header_tells_whose_picture_it_is_and_how_old():
    fields = {'serial': 3, 'stamp_ns': str(7 * MS), 'latency_ms': 2.5, 'labels': 9}
    header = json.dumps(fields).encode()
    message = struct.pack('<I', len(header)) + header + b'jpeg and labels'
    picture = read_shown(message, 19 * MS)
    assert picture == Shown(3, 7 * MS, 19 * MS, 2.5, True)
    assert picture.lag_ms == 9.5


def test_a_viewer_goes_from_picture_to_picture_as_a_page_does():
    desk = MemoryDesk(rate_hz=50, cameras=('/left/surgsam2',))
    with running(desk, ServerSettings(port=0)) as server:
        looking = Viewer(server.port, '/left/surgsam2')
        deadline = time.monotonic() + 60
        while len(looking.shown) < 5 and time.monotonic() < deadline:
            time.sleep(0.02)
        looking.close()
    serials = [picture.serial for picture in looking.shown]
    assert len(serials) >= 5
    assert serials == sorted(set(serials))


def test_pictures_count_that_are_tracked_and_of_the_measured_time():
    pictures = [shown(k, lag_ms=10.0 * k) for k in range(12)]
    pictures.append(shown(5, lag_ms=500.0, is_tracked=False))
    row = viewer_row([viewer(pictures)], pictures[1].stamp_ns, pictures[10].stamp_ns)
    assert row['shown_hz'] == round(10 / 0.9, 2)
    assert (row['lag_ms_p50'], row['lag_ms_max']) == (55.0, 100.0)


def test_the_worst_viewer_counts_and_the_slow_one_does_not():
    few, many = ([shown(k) for k in range(0, 11, step)] for step in (2, 1))
    slow = [shown(0, lag_ms=900.0)]
    row = viewer_row([viewer(many), viewer(few), viewer(slow, is_slow=True)], 1000 * MS, 2000 * MS)
    assert (row['viewers'], row['shown_hz'], row['lag_ms_max']) == (3, 6.0, 0.0)


def test_without_viewers_nothing_was_shown():
    assert viewer_row([], 0, 1) == {
        'viewers': 0,
        'shown_hz': None,
        'lag_ms_p50': None,
        'lag_ms_p95': None,
        'lag_ms_max': None,
    }
