# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Identity scores: cases worked out by hand, and random videos against plain re-derivations."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import label_images

from surgsam2_ros.evaluation.metrics import identity_counts, identity_scores, pooled_identity
from surgsam2_ros.evaluation.metrics.identity import (
    MissingTrackEvalError,
    as_trackeval,
    overlap_table,
)

pytest.importorskip('trackeval')

SIZE = (4, 12)
LEFT, RIGHT = slice(0, 5), slice(7, 12)


def picture(left: int = 0, right: int = 0) -> np.ndarray:
    """Return a label image with one object on each side; 0 = none."""
    labels = np.zeros(SIZE, np.uint8)
    labels[:, LEFT], labels[:, RIGHT] = left, right
    return labels


def test_a_perfect_track_has_full_scores_whatever_its_values_are():
    truth = [picture(1, 2)] * 4
    assert identity_scores(truth, [picture(9, 4)] * 4) == {
        'HOTA': pytest.approx(1.0),
        'DetA': pytest.approx(1.0),
        'AssA': pytest.approx(1.0),
        'LocA': pytest.approx(1.0),
        'IDF1': 1.0,
        'IDP': 1.0,
        'IDR': 1.0,
        'MOTA': 1.0,
        'IDSW': 0,
        'Frag': 0,
    }


def test_swapped_ids_are_two_switches():
    """Of 4 frames the last one is swapped: 3 of 4 matches of each track are right.

    Every match has 3 or 1 of 4 frames in common with its track, of 4 + 4 in all.
    """
    truth = [picture(1, 2)] * 4
    scores = identity_scores(truth, [*truth[:3], picture(2, 1)])
    assert scores['IDSW'] == 2
    assert scores['IDF1'] == pytest.approx(0.75)
    assert scores['MOTA'] == pytest.approx((8 - 2) / 8)
    assert scores['DetA'] == pytest.approx(1.0)
    association = (3 * 3 / (4 + 4 - 3) + 1 / (4 + 4 - 1)) / 4
    assert scores['AssA'] == pytest.approx(association)
    assert scores['HOTA'] == pytest.approx(association**0.5)


def test_an_interrupted_track_is_a_fragment():
    truth = [picture(1, 2)] * 5
    tracked = [picture(1, 2), picture(0, 2), picture(1, 2), picture(0, 2), picture(1, 2)]
    scores = identity_scores(truth, tracked)
    assert (scores['Frag'], scores['IDSW']) == (2, 0)
    assert scores['MOTA'] == pytest.approx(8 / 10)


def test_a_return_counts_as_a_fragment_and_a_frame_without_any_track_does_not():
    """As TrackEval counts: with the other object in view, and with no track in the picture."""
    truth = [picture(1, 2), picture(0, 2), picture(1, 2)]
    assert identity_scores(truth, truth)['Frag'] == 1
    alone = [picture(1)] * 3
    assert identity_scores(alone, [picture(1), picture(), picture(1)])['Frag'] == 0


def test_nothing_tracked():
    scores = identity_scores([picture(1)] * 2, [picture()] * 2)
    assert (scores['HOTA'], scores['IDF1'], scores['IDSW'], scores['Frag']) == (0, 0, 0, 0)


def test_without_objects_nothing_is_said():
    assert identity_scores([picture()], [picture(3)]) == {}
    assert identity_scores([], []) == {}


def test_an_ignored_region_is_no_object():
    truth = [picture(1, 255)] * 2
    assert identity_scores(truth, [picture(1)] * 2)['HOTA'] == pytest.approx(1.0)


def test_masks_below_half_overlap_are_no_matches_but_count_in_hota():
    truth = np.zeros((1, 10), np.uint8)
    truth[0, :4] = 1
    tracked = np.zeros((1, 10), np.uint8)
    tracked[0, 2:8] = 1  # IoU 2/8: a match for the thresholds 0.05 to 0.25, 5 of 19
    scores = identity_scores([truth] * 3, [tracked] * 3)
    assert (scores['IDF1'], scores['MOTA']) == (0.0, -1.0)
    assert scores['DetA'] == pytest.approx(5 / 19)
    assert scores['HOTA'] == pytest.approx(5 / 19)
    # TrackEval takes LocA for 1 at the 14 thresholds without a match.
    assert scores['LocA'] == pytest.approx((5 * 0.25 + 14) / 19)


def test_false_tracks_cost_id_precision_and_missed_objects_id_recall():
    """Of the truth's 6 masks 4 are followed by one track; a second track of 2 lies on nothing."""
    truth = [picture(1)] * 6
    tracked = [picture(1), picture(1), picture(1, 2), picture(1, 2), picture(), picture()]
    scores = identity_scores(truth, tracked)
    assert scores['IDP'] == pytest.approx(4 / 6)
    assert scores['IDR'] == pytest.approx(4 / 6)
    assert identity_scores(truth[:4], tracked[:4])['IDR'] == 1.0
    assert identity_scores(truth[:4], tracked[:4])['IDP'] == pytest.approx(4 / 6)


def test_counts_of_an_earlier_version_are_pooled_without_loca():
    counts = dict(identity_counts([picture(1)], [picture(1)]))
    del counts['LocA']
    scores = pooled_identity([counts, identity_counts([picture(1)], [picture(1)])])
    assert scores['HOTA'] == pytest.approx(1.0)
    assert 'LocA' not in scores


def test_videos_are_pooled_by_their_matches_and_not_averaged():
    """8 frames tracked and 2 not: a mean over videos would give 0.5."""
    long, short = [picture(1)] * 8, [picture(1)] * 2
    pooled = pooled_identity(
        [identity_counts(long, long), identity_counts(short, [picture()] * 2), {}]
    )
    assert pooled['DetA'] == pytest.approx(8 / 10)
    assert pooled['IDF1'] == pytest.approx(2 * 8 / (8 + 10))
    assert pooled['MOTA'] == pytest.approx(8 / 10)


def test_nothing_is_said_of_no_videos():
    assert pooled_identity([]) == {}
    assert pooled_identity([{}]) == {}


def test_a_missing_trackeval_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, 'trackeval', None)
    monkeypatch.setitem(sys.modules, 'trackeval.metrics', None)
    with pytest.raises(MissingTrackEvalError, match='pip install --no-deps trackeval=='):
        identity_scores([picture(1)], [picture(1)])


def test_nothing_is_printed(capfd):
    identity_scores([picture(1)], [picture(1)])
    assert capfd.readouterr() == ('', '')


images = label_images(3, 4)
videos = st.lists(st.tuples(images, images), min_size=1, max_size=5)


@given(images, images)
def test_overlaps_are_those_of_the_masks(truth, predicted):
    true_values, values, table = overlap_table(truth, predicted)
    assert set(true_values) == set(truth[truth > 0].tolist())
    assert set(values) == set(predicted[predicted > 0].tolist())
    for (row, t), (column, p) in itertools.product(enumerate(true_values), enumerate(values)):
        of_truth = set(zip(*np.nonzero(truth == t), strict=True))
        of_prediction = set(zip(*np.nonzero(predicted == p), strict=True))
        shared, either = of_truth & of_prediction, of_truth | of_prediction
        assert table[row, column] == pytest.approx(len(shared) / len(either))


@given(videos)
def test_idf1_is_that_of_the_best_pairing_of_tracks(video):
    """By its definition: the pairing of truth ids with track ids that shares most frames."""
    truth, predicted = zip(*video, strict=True)
    scores = identity_scores(truth, predicted)
    true_values = sorted({int(v) for image in truth for v in image.ravel() if v})
    if not true_values:
        assert scores == {}
        return
    shared = {
        (t, p): sum(frame_overlap(a == t, b == p) >= 0.5 for a, b in video)
        for t in true_values
        for p in (1, 2, 3)
    }
    places = [*(1, 2, 3), *[0] * len(true_values)]  # 0: paired with nothing
    best = max(
        sum(shared.get(pair, 0) for pair in zip(true_values, pairing, strict=True))
        for pairing in itertools.permutations(places, len(true_values))
    )
    detections = sum((image == v).any() for image in truth + predicted for v in (1, 2, 3))
    assert scores['IDF1'] == pytest.approx(2 * best / detections)


@given(videos)
def test_detection_accuracy_counts_matches_at_each_threshold(video):
    """With one object on each side no matching is needed: DetA is TP / (TP + FN + FP)."""
    video = [(np.minimum(t, 1), np.minimum(p, 1)) for t, p in video]
    truth, predicted = zip(*video, strict=True)
    scores = identity_scores(truth, predicted)
    there = sum(image.any() for image in truth)
    if not there:
        assert scores == {}
        return
    found = sum(image.any() for image in predicted)
    overlaps = [frame_overlap(t == 1, p == 1) for t, p in video if t.any() and p.any()]
    accuracies = []
    for step in range(1, 20):
        matches = sum(overlap >= step * 0.05 - 1e-9 for overlap in overlaps)
        accuracies.append(matches / (there + found - matches))
    assert scores['DetA'] == pytest.approx(np.mean(accuracies))


@given(st.lists(videos, min_size=1, max_size=3))
def test_several_videos_are_pooled_as_trackeval_combines_sequences(sequences):
    import trackeval.metrics

    quiet = {'PRINT_CONFIG': False}
    metrics = [
        trackeval.metrics.HOTA(),
        *(m(dict(quiet)) for m in (trackeval.metrics.Identity, trackeval.metrics.CLEAR)),
    ]
    columns = [tuple(zip(*video, strict=True)) for video in sequences]
    scores = pooled_identity([identity_counts(*pair) for pair in columns])
    if not any(image.any() for truth, _ in columns for image in truth):
        assert scores == {}
        return
    combined = {}
    for metric in metrics:
        each = {i: metric.eval_sequence(as_trackeval(*pair)) for i, pair in enumerate(columns)}
        combined |= metric.combine_sequences(each)
    names = {'HOTA', 'DetA', 'AssA', 'LocA', 'IDF1', 'IDP', 'IDR', 'MOTA', 'IDSW', 'Frag'}
    assert scores.keys() == names
    for name, score in scores.items():
        assert score == pytest.approx(np.mean(combined[name]))


def frame_overlap(truth: np.ndarray, predicted: np.ndarray) -> float:
    if not truth.any() or not predicted.any():
        return 0.0
    return float((truth & predicted).sum() / (truth | predicted).sum())
