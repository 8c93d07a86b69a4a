# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How well identities are kept through a video: HOTA, IDF1, switches and fragments by TrackEval.

TrackEval counts the matches of a video, and is needed for that alone. Scores follow from the counts
of one video or of several.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from surgsam2_ros.evaluation.metrics.overlap import check_same_size

INSTALL = 'pip install --no-deps trackeval==1.3.0 scipy==1.15.3'
IGNORED = 255
COUNTS = (
    *('HOTA_TP', 'HOTA_FN', 'HOTA_FP', 'AssA'),
    *('IDTP', 'IDFN', 'IDFP'),
    *('CLR_TP', 'CLR_FN', 'CLR_FP', 'IDSW', 'Frag'),
    'LocA',
)
"""What scores of any number of videos follow from, by the names of TrackEval."""
_LATER_COUNTS = ('LocA',)
"""Those that records of earlier versions lack."""

Counts = Mapping[str, float | list[float]]


class MissingTrackEvalError(ImportError):
    """TrackEval or scipy is not installed; the message says how to install them."""


def load_trackeval() -> ModuleType:
    """Return the module `trackeval.metrics`.

    Raises:
        MissingTrackEvalError: when it, or scipy below it, is not installed.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it reports data sets that it cannot read
            import trackeval.metrics
    except ImportError as error:
        raise MissingTrackEvalError(
            f'identity scores need TrackEval ({error}); install it with: {INSTALL}'
        ) from error
    return trackeval.metrics


def identity_scores(
    truth: Iterable[np.ndarray], predicted: Iterable[np.ndarray]
) -> dict[str, float | int]:
    """Compare two label videos as identities, whatever their values are.

    Args:
        truth, predicted: as `identity_counts` takes them.

    Returns:
        As `pooled_identity`, of this video alone.

    Raises:
        MissingTrackEvalError: when TrackEval is not installed.
        ValueError: when shapes or numbers of frames differ.
    """
    return pooled_identity([identity_counts(truth, predicted)])


def identity_counts(truth: Iterable[np.ndarray], predicted: Iterable[np.ndarray]) -> Counts:
    """Count how the objects of two label videos match.

    The similarity of two objects of a frame is the IoU of their masks.

    Args:
        truth, predicted: uint8 [H, W] label images of the same frames, 0 = background; 255 is no
            object. Frames without a truth or a result are left out by the caller.

    Returns:
        COUNTS by their names in TrackEval, JSON-ready. Lists have one entry per threshold of HOTA:
        0.05, 0.10, ..., 0.95; the others are matched from 0.5.

    Raises:
        MissingTrackEvalError: when TrackEval is not installed.
        ValueError: when shapes or numbers of frames differ.
    """
    metrics = load_trackeval()
    data = as_trackeval(truth, predicted)
    quiet = {'PRINT_CONFIG': False, 'THRESHOLD': 0.5}
    results = (metrics.HOTA(), metrics.Identity(dict(quiet)), metrics.CLEAR(dict(quiet)))
    found = {name: value for m in results for name, value in m.eval_sequence(data).items()}
    return {name: np.asarray(found[name]).tolist() for name in COUNTS}


def pooled_identity(videos: Iterable[Counts]) -> dict[str, float | int]:
    """Score videos as if they were one, as TrackEval does for all sequences of a benchmark.

    HOTA, DetA, AssA and LocA (Luiten et al., IJCV 2021) are means over their thresholds, AssA and
    LocA of several videos being weighted by their matches; IDF1, IDP and IDR are those of Ristani
    et al. (ECCV 2016); MOTA, switches and fragmentations are those of Bernardin and Stiefelhagen
    (2008). TrackEval's fragmentations also count an object that truly leaves and is taken up again,
    and pass over frames in which nothing is tracked; its LocA is 1 at a threshold without matches.

    Args:
        videos: `identity_counts` of each; empty ones do not count.

    Returns:
        'HOTA', 'DetA', 'AssA', 'LocA', 'IDF1', 'IDP', 'IDR' in [0, 1]; 'MOTA' up to 1; 'IDSW',
        'Frag' counts. Without 'LocA' where a record of an earlier version has none. Empty when no
        truth shows an object, since nothing can be said then.
    """
    counted = [
        {name: np.asarray(video[name]) for name in COUNTS if name in video}
        for video in videos
        if video
    ]
    names = [name for name in COUNTS if name not in _LATER_COUNTS]
    total = {name: sum(counts[name] for counts in counted) for name in names}
    if not counted or total['CLR_TP'] + total['CLR_FN'] == 0:
        return {}
    matches = total['HOTA_TP']
    detection = matches / np.maximum(1, matches + total['HOTA_FN'] + total['HOTA_FP'])
    weighted = sum(counts['AssA'] * counts['HOTA_TP'] for counts in counted)
    association = weighted / np.maximum(1, matches)
    location = {}
    if all('LocA' in counts for counts in counted):
        located = sum(counts['LocA'] * counts['HOTA_TP'] for counts in counted)
        of_each = np.divide(located, matches, out=np.ones(len(matches)), where=matches > 0)
        location['LocA'] = float(np.mean(of_each))
    identical, wrong = total['IDTP'], total['IDFN'] + total['IDFP']
    right = total['CLR_TP'] - total['CLR_FP'] - total['IDSW']
    return {
        'HOTA': float(np.mean(np.sqrt(detection * association))),
        'DetA': float(np.mean(detection)),
        'AssA': float(np.mean(association)),
        **location,
        'IDF1': float(identical / (identical + wrong / 2)),
        'IDP': float(identical / max(1, identical + total['IDFP'])),
        'IDR': float(identical / max(1, identical + total['IDFN'])),
        'MOTA': float(right / (total['CLR_TP'] + total['CLR_FN'])),
        'IDSW': int(total['IDSW']),
        'Frag': int(total['Frag']),
    }


def overlap_table(
    truth: np.ndarray, predicted: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """IoU of every object of one label image with every object of another.

    Args:
        truth, predicted: uint8 [H, W], 0 = background, 255 = no object.

    Returns:
        values in the truth int [T], values in the prediction int [P], IoU float64 [T, P].

    Raises:
        ValueError: when the shapes differ.
    """
    check_same_size(predicted, truth)
    pairs = truth.ravel().astype(np.intp) * 256 + predicted.ravel()
    counts = np.bincount(pairs, minlength=256 * 256).reshape(256, 256)
    true_areas, areas = counts.sum(axis=1), counts.sum(axis=0)
    true_areas[[0, IGNORED]] = areas[[0, IGNORED]] = 0
    true_values, values = np.flatnonzero(true_areas), np.flatnonzero(areas)
    intersections = counts[np.ix_(true_values, values)]
    unions = true_areas[true_values, None] + areas[values] - intersections
    return true_values, values, intersections / unions


def as_trackeval(truth: Iterable[np.ndarray], predicted: Iterable[np.ndarray]) -> dict[str, Any]:
    """Build what TrackEval's metrics take: ids by frame, counted from 0, and their similarities.

    Args:
        truth, predicted: as `identity_counts` takes them.

    Raises:
        ValueError: when shapes or numbers of frames differ.
    """
    tables = [overlap_table(*pair) for pair in zip(truth, predicted, strict=True)]
    data: dict[str, Any] = {
        'num_timesteps': len(tables),
        'similarity_scores': [similarity for _, _, similarity in tables],
    }
    for column, name in enumerate(('gt', 'tracker')):
        by_frame = [table[column] for table in tables]
        known = np.unique(np.concatenate([np.zeros(0, int), *by_frame]))
        data[f'{name}_ids'] = [np.searchsorted(known, values) for values in by_frame]
        data[f'num_{name}_ids'] = len(known)
        data[f'num_{name}_dets'] = sum(map(len, by_frame))
    return data
