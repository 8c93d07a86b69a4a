# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A stage of a pipeline in a thread of its own: the next items are made while one is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar('Item')
_END = object()


def look_ahead(items: Iterable[Item], depth: int = 2) -> Iterator[Item]:
    """Yield the items in their order while one other thread makes the next ones.

    What raises in making an item is raised here in its place. Close the iterator (use
    `contextlib.closing`) where it may be left early: the thread then ends after the item that it
    is at.

    Args:
        items: made one after the other, all in the same thread.
        depth: items made before they are asked for, at most.

    Example:
        >>> prepared = (tracker.prepare(rgb) for rgb in images)
        >>> with closing(look_ahead(prepared)) as frames:
        ...     results = [tracker.track(frame) for frame in frames]
    """
    thread = ThreadPoolExecutor(1)
    source = iter(items)
    try:
        coming = deque(thread.submit(next, source, _END) for _ in range(depth))
        while (item := coming.popleft().result()) is not _END:
            coming.append(thread.submit(next, source, _END))
            yield item
    finally:
        thread.shutdown(cancel_futures=True)
