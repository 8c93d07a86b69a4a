# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whether a track says rightly that its object is visible, and when it finds it after a return."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

TAKEN_UP = 0.5
"""IoU from which a track is on an object."""
RETURNED = 0.001
"""Share of the picture from which an object counts as having returned: a rim of it does not."""


def presence_scores(
    truth_share: Sequence[float | None],
    predicted_visible: Sequence[bool | None],
    iou: Sequence[float | None],
) -> dict[str, float | int | None]:
    """Presence of one object over a video, as a detection in every frame, and its returns.

    A frame counts for precision, recall and accuracy when both truth and prediction are known. An
    object returns when a thousandth of the picture shows it after having shown it before, then
    nothing of it for a frame or more; it is taken up in the first frame from then on in which it is
    predicted with an IoU of at least 0.5, unless it leaves before.

    Args:
        truth_share: by frame, the share of the picture that the object truly covers, in [0, 1];
            None where it is unknown. Where shares are not known, True and False do.
        predicted_visible: by frame, whether the prediction does; None where there is none.
        iou: by frame, J of prediction and truth in [0, 1]; None where one is missing.

    Returns:
        'precision': share of the frames predicted visible in which it is; None when there are none.
        'recall': share of the frames in which it is visible that are predicted so; None likewise.
        'accuracy': share of the frames with the right answer; None when no frame counts.
        'returns', 'taken_up': numbers of returns, and of those that were taken up.
        'frames_until_taken_up': mean over the returns that were taken up, 0 for the frame of the
        return itself; 'most_frames_until_taken_up': the largest of them; None when there are none.

    Raises:
        ValueError: when the lengths differ.
    """
    if not len(truth_share) == len(predicted_visible) == len(iou):
        raise ValueError(
            f'presence of {len(truth_share)} true and {len(predicted_visible)} predicted frames '
            f'with {len(iou)} overlaps; expected one each per frame'
        )
    pairs = list(zip(truth_share, predicted_visible, strict=True))
    known = [(bool(t), bool(p)) for t, p in pairs if t is not None and p is not None]
    both = sum(t and p for t, p in known)
    on_object = [
        bool(visible) and overlap is not None and overlap >= TAKEN_UP
        for visible, overlap in zip(predicted_visible, iou, strict=True)
    ]
    delays = return_delays(truth_share, on_object)
    taken_up = [delay for delay in delays if delay is not None]
    return {
        'precision': _share(both, sum(p for _, p in known)),
        'recall': _share(both, sum(t for t, _ in known)),
        'accuracy': _share(sum(t == p for t, p in known), len(known)),
        'returns': len(delays),
        'taken_up': len(taken_up),
        'frames_until_taken_up': float(np.mean(taken_up)) if taken_up else None,
        'most_frames_until_taken_up': max(taken_up, default=None),
    }


def return_delays(
    truth_share: Sequence[float | None], on_object: Sequence[bool]
) -> tuple[int | None, ...]:
    """Count the frames from every return of an object to the first in which its track is on it.

    Args:
        truth_share: by frame, the share of the picture that the object truly covers; where that is
            None, or more than nothing but less than RETURNED, the object stays as it was.
        on_object: by frame, whether the track is on the object.

    Returns:
        one entry per return; 0 when it is taken up in the frame in which it returned, None when
        it is not before it leaves again or the video ends.
    """
    delays: list[int | None] = []
    seen, away, since = False, False, None
    for share, found in zip(truth_share, on_object, strict=True):
        shown = share is not None and share >= RETURNED
        if share is not None and share == 0:
            if since is not None:
                delays.append(None)
            away, since = seen, None
            continue
        if shown:
            if away:
                away, since = False, 0
            seen = True
        if since is not None:
            if found:
                delays.append(since)
                since = None
            else:
                since += 1
    if since is not None:
        delays.append(None)
    return tuple(delays)


def _share(count: int, total: int) -> float | None:
    return count / total if total else None
