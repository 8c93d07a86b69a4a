# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Reads back what a replay recorded of the node: tracks by stamp, masks at image size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from surgsam2_ros.sources import BagReader, peek_header


def read_tracks(reader: BagReader, topic: str) -> Iterator[tuple[int, Any]]:
    """Yield (stamp of the image [ns], TrackArray) for every message of a topic."""
    for message in reader.messages([topic]):
        yield peek_header(message.data)[0], reader.deserialize(message)


class Aligned:
    """Looks items up by stamp while reading their stream but once; stamps asked for must rise.

    Args:
        stream: (stamp [ns], item), stamps rising.
    """

    def __init__(self, stream: Iterable[tuple[int, Any]]) -> None:
        self._stream = iter(stream)
        self._ahead: dict[int, Any] = {}

    def at(self, stamp_ns: int) -> Any | None:
        """Return the item of a stamp, or None."""
        while stamp_ns not in self._ahead:
            following = next(self._stream, None)
            if following is None:
                return None
            self._ahead[following[0]] = following[1]
            if following[0] > stamp_ns:
                break
        return self._ahead.pop(stamp_ns, None)


def mask_of_track(track: Any, image_size: tuple[int, int]) -> np.ndarray:
    """Return the mask of a Track message, which is cropped to its box, as bool [H, W].

    Args:
        track: deserialised surgsam2_msgs/Track with a mask, or without one for an empty mask.
        image_size: (H, W).
    """
    mask = np.zeros(image_size, bool)
    box, crop = track.box, track.mask
    if crop.data.size:
        pixels = crop.data.reshape(crop.height, crop.step)[:, : crop.width]
        rows = slice(box.y_offset, box.y_offset + box.height)
        mask[rows, box.x_offset : box.x_offset + box.width] = pixels > 0
    return mask
