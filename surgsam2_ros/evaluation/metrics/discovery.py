# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How well instruments are found without prompts: which track is which object, and when it came.

How well identities are kept by such tracks is for `identity`, which needs no pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from surgsam2_ros.evaluation.metrics.identity import IGNORED, INSTALL
from surgsam2_ros.evaluation.metrics.overlap import check_same_size, jaccard
from surgsam2_ros.evaluation.metrics.presence import RETURNED, TAKEN_UP

ON_INSTRUMENT = 0.5
"""A mask lies on instruments when so much of it does."""


class MissingScipyError(ImportError):
    """scipy is not installed; the message says how to install it."""


def load_assignment() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Return `scipy.optimize.linear_sum_assignment`, the Hungarian method.

    Raises:
        MissingScipyError: when scipy is not installed.
    """
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise MissingScipyError(
            f'pairing tracks with objects needs scipy ({error}); install it with: {INSTALL}'
        ) from error
    return linear_sum_assignment


def best_pairs(overlap: Mapping[tuple[int, int], float]) -> dict[int, int]:
    """Pair objects with tracks one to one so that the sum of their overlaps is largest.

    As the unsupervised DAVIS challenge does (Caelles et al., arXiv:1905.00737, section 3), by the
    IoU alone.

    Args:
        overlap: by (object, track), not negative; pairs that are not there have none.

    Returns:
        object -> track; without objects that overlap none of the tracks left to them.

    Raises:
        MissingScipyError: when scipy is not installed.
    """
    assign = load_assignment()
    objects = sorted({one for one, _ in overlap})
    tracks = sorted({track for _, track in overlap})
    table = np.zeros((len(objects), len(tracks)))
    for (one, track), value in overlap.items():
        table[objects.index(one), tracks.index(track)] = value
    pairs = zip(*assign(table, maximize=True), strict=True)
    return {objects[row]: tracks[column] for row, column in pairs if table[row, column] > 0}


class DiscoveryTally:
    """Compares what was tracked with the truth, frame by frame, without knowing what is what.

    Masks may overlap. Frames without a truth are left out.

    Args:
        size: (H, W) of the images.

    Attributes:
        first_seen: object -> first frame in which the truth shows it.
        overlap: (object, track) -> sum of their IoUs over the frames.
        binary: frame -> IoU of all tracks together with all objects together.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._pixels = size[0] * size[1]
        self.first_seen: dict[int, int] = {}
        self.overlap: dict[tuple[int, int], float] = {}
        self.binary: dict[int, float] = {}
        self._shown: dict[int, int] = {}  # object -> first frame that it covers RETURNED of
        self._taken_up: dict[int, int] = {}  # object -> first frame in which a track is on it
        self._on_instrument: dict[int, list[bool]] = {}  # by track, of the frames it has a mask in

    def add(self, frame: int, truth: np.ndarray, masks: Mapping[int, np.ndarray] | None) -> None:
        """Account for a frame, later than those before.

        Args:
            frame: index.
            truth: uint8 [H, W], 0 = background, 255 = of no object.
            masks: bool [H, W] by number of the track; they may be empty. None where the frame has
                no result.

        Raises:
            ValueError: when a mask is not of the truth's size.
        """
        areas = np.bincount(truth.ravel(), minlength=256)
        objects = [int(value) for value in np.flatnonzero(areas[1:IGNORED]) + 1]
        for one in objects:
            self.first_seen.setdefault(one, frame)
            if areas[one] >= RETURNED * self._pixels:
                self._shown.setdefault(one, frame)
        if masks is None:
            return
        known = truth != IGNORED
        union = np.zeros(truth.shape, bool)
        for track, mask in masks.items():
            check_same_size(mask, truth)
            union |= mask
            self._compare(frame, track, np.bincount(truth[mask], minlength=256), areas)
        self.binary[frame] = jaccard(union & known, (truth > 0) & known)

    def _compare(self, frame: int, track: int, shared: np.ndarray, areas: np.ndarray) -> None:
        """Account for a track of which `shared` pixels lie on each value of the truth."""
        area = int(shared.sum())
        if not area:
            return
        on_instruments = int(shared[1:IGNORED].sum())
        counted = area - int(shared[IGNORED])
        if counted:
            on = on_instruments >= ON_INSTRUMENT * counted
            self._on_instrument.setdefault(track, []).append(on)
        for one in np.flatnonzero(shared[1:IGNORED]) + 1:
            iou = float(shared[one] / (areas[one] + area - shared[one]))
            pair = int(one), track
            self.overlap[pair] = self.overlap.get(pair, 0.0) + iou
            if iou >= TAKEN_UP:
                self._taken_up.setdefault(int(one), frame)

    @property
    def tracks(self) -> list[int]:
        """Tracks that had a mask in a frame with a truth."""
        return sorted(self._on_instrument)

    @property
    def false_tracks(self) -> set[int]:
        """Tracks that are no instrument: in most frames most of their mask lies on none."""
        return {track for track, on in self._on_instrument.items() if np.mean(on) < ON_INSTRUMENT}

    def frames_until_found(self) -> dict[int, int | None]:
        """Count the frames from an object's coming to the first in which any track is on it.

        It came once it covered RETURNED of the picture; one that never did is left out. A track is
        on it from an IoU of TAKEN_UP.

        Returns:
            object -> frames, 0 when it was found at once, or before; None when it was never found.
        """
        return {
            one: max(self._taken_up[one] - frame, 0) if one in self._taken_up else None
            for one, frame in sorted(self._shown.items())
        }


def discovery_scores(
    until_found: Sequence[int | None], tracks: int, extra: int, false: int, binary: Sequence[float]
) -> dict[str, float | int | None]:
    """Score how instruments were found, of one video or of several together.

    Args:
        until_found: of every object, see `DiscoveryTally.frames_until_found`.
        tracks: number of tracks; extra: of them, those that are instruments and paired with no
            object; false: those that are no instrument.
        binary: of every frame the IoU of instrument against background, 0 to 1.

    Returns:
        'instruments': number of objects; 'found': of them, those that were found;
        'frames_until_found': mean over these, and 'most_frames_until_found', None without any;
        'tracks', 'extra', 'false'; 'binary_IoU', the mean over frames, None without any.
    """
    found = [frames for frames in until_found if frames is not None]
    return {
        'instruments': len(until_found),
        'found': len(found),
        'frames_until_found': float(np.mean(found)) if found else None,
        'most_frames_until_found': max(found, default=None),
        'tracks': tracks,
        'extra': extra,
        'false': false,
        'binary_IoU': float(np.mean(binary)) if len(binary) else None,
    }
