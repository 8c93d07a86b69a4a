# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How well identities are kept through a video: HOTA, IDF1, switches and fragments by TrackEval.

TrackEval is needed when scores are computed, not before.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np

from surgsam2_ros.evaluation.metrics.overlap import check_same_size

INSTALL = 'pip install --no-deps trackeval==1.3.0 scipy==1.15.3'
IGNORED = 255


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

    The similarity of two objects of a frame is the IoU of their masks. HOTA, DetA and AssA (Luiten
    et al., IJCV 2021) are means over the thresholds 0.05, 0.10, ..., 0.95; the others match from
    0.5: IDF1 (Ristani et al., ECCV 2016), MOTA, switches and fragmentations (Bernardin and
    Stiefelhagen, 2008), all as TrackEval computes them. Its fragmentations also count an object
    that truly leaves and is taken up again, and pass over frames in which nothing is tracked.

    Args:
        truth, predicted: uint8 [H, W] label images of the same frames, 0 = background; 255 is no
            object. Frames without a truth or a result are left out by the caller.

    Returns:
        'HOTA', 'DetA', 'AssA', 'IDF1' in [0, 1]; 'MOTA' up to 1; 'IDSW', 'Frag' counts. Empty when
        the truth shows no object, since nothing can be said then.

    Raises:
        MissingTrackEvalError: when TrackEval is not installed.
        ValueError: when shapes or numbers of frames differ.
    """
    metrics = load_trackeval()
    data = _as_trackeval(truth, predicted)
    if data['num_gt_dets'] == 0:
        return {}
    quiet = {'PRINT_CONFIG': False, 'THRESHOLD': 0.5}
    hota = metrics.HOTA().eval_sequence(data)
    identity = metrics.Identity(dict(quiet)).eval_sequence(data)
    clear = metrics.CLEAR(dict(quiet)).eval_sequence(data)
    return {
        **{name: float(np.mean(hota[name])) for name in ('HOTA', 'DetA', 'AssA')},
        'IDF1': float(identity['IDF1']),
        'MOTA': float(clear['MOTA']),
        **{name: int(clear[name]) for name in ('IDSW', 'Frag')},
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


def _as_trackeval(truth: Iterable[np.ndarray], predicted: Iterable[np.ndarray]) -> dict[str, Any]:
    """Build what TrackEval's metrics take: ids by frame, counted from 0, and their similarities."""
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
