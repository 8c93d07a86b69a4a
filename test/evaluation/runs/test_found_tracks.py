# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Tracks that nobody named are paired with the truth at the end of a video, and scored."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation_data import LATE, SIZE, truth, write_labels, write_vos

from surgsam2_ros.evaluation.records import read_video, write_video
from surgsam2_ros.evaluation.runs.found_tracks import FoundTracks, score_found
from surgsam2_ros.evaluation.runs.frame_scores import ObjectResult
from surgsam2_ros.evaluation.runs.inputs import open_videos
from surgsam2_ros.evaluation.runs.label_writer import LabelWriter
from surgsam2_ros.evaluation.runs.video_records import record_of
from surgsam2_ros.sources import SourceError, read_label_png

pytest.importorskip('scipy')

FRAMES = 8
NOWHERE = np.zeros(SIZE, bool)
TISSUE = NOWHERE.copy()
TISSUE[0:6, 50:60] = True


def the(object_id: int, frame: int) -> np.ndarray:
    return truth(frame) == object_id


def found_in(frame: int) -> dict[str, np.ndarray]:
    """Return what a tracker says; frame 5 is dropped.

    Object 3 is found_2 from frame 2 to 4 and found_4 from frame 6 on, object 7 is found_3 from
    frame 4 on, and found_1 lies on tissue in frames 1 to 6.
    """
    masks = {}
    if 1 <= frame <= 6:
        masks['found_1'] = TISSUE
    if 2 <= frame <= 4:
        masks['found_2'] = the(3, frame)
    if frame >= 4:
        masks['found_3'] = the(7, frame)
    if frame >= 6:
        masks['found_4'] = the(3, frame)
    return masks


@pytest.fixture(name='video')
def _video(tmp_path):
    (video,) = open_videos(write_vos(tmp_path / 'data', frames=FRAMES))
    with video:
        yield video


def scored(video, output, say=found_in, dropped=(5,)):
    found = FoundTracks(video.size)
    for frame in range(len(video)):
        if frame not in dropped:
            masks = say(frame)
            found.add(frame, {k: ObjectResult(m, 0.8, 0.9, 'TRACKED') for k, m in masks.items()})
    return score_found(video, found, LabelWriter(output, video.name, video.stems))


def test_a_mask_is_kept_as_it_was():
    rng = np.random.default_rng(3)
    found = FoundTracks(SIZE)
    masks = [rng.random(SIZE) < 0.3, NOWHERE, ~NOWHERE]
    masks.append(NOWHERE.copy())
    masks[-1][47, 63] = True
    for frame, mask in enumerate(masks):
        found.add(frame, {'a': ObjectResult(mask, 0.1 * frame, None, 'LOST')})
    for frame, mask in enumerate(masks):
        (result,) = found.at(frame).values()
        np.testing.assert_array_equal(result.mask, mask)
        assert (result.score, result.presence, result.state) == (0.1 * frame, None, 'LOST')


def test_each_object_is_scored_by_the_track_that_agrees_most_over_the_video(video, tmp_path):
    """found_2 has object 3 in three frames, found_4 in two."""
    records = scored(video, tmp_path / 'out').scores.objects
    assert records[3].discovery == {'track': 'found_2', 'frames_until_found': 2}
    assert records[7].discovery == {'track': 'found_3', 'frames_until_found': 4 - LATE}
    assert records[3].iou == [0.0, 0.0, 1.0, 1.0, 1.0, None, 0.0, 0.0]
    # Before object 7 is there nothing is said of it, and rightly.
    assert records[7].iou == [1.0, 1.0, 0.0, 0.0, 1.0, None, 1.0, 1.0]
    assert records[3].state == [None, None, *['TRACKED'] * 3, None, None, None]
    assert not any(records[3].prompted) and not any(records[7].prompted)
    assert (records[3].first_frame, records[7].first_frame) == (0, LATE)


def test_tracks_that_are_no_object_are_told_apart(video, tmp_path):
    values = scored(video, tmp_path / 'out').values
    assert values['discovery'] == {'until_found': [2, 2], 'tracks': 4, 'extra': 1, 'false': 1}
    false, extra = sorted(values['others'], key=lambda one: one.name)
    assert (false.name, extra.name) == ('found_1', 'found_4')
    assert {false.object_id, extra.object_id} == {8, 9}, 'the first ids that no object has'
    assert false.iou == [None, 0.0, 0.0, 0.0, 0.0, None, 0.0, None]
    assert extra.iou == [None] * 6 + [1.0, 1.0]
    assert (false.first_frame, extra.first_frame) == (0, 5), 'prompted before their first result'
    assert extra.truth_area[6] == the(3, 6).sum()
    assert false.truth_area[1] == 0


def test_instrument_against_background_by_frame(video, tmp_path):
    values = scored(video, tmp_path / 'out').values
    for frame, overlap in enumerate(values['binary_iou']):
        if frame == 5:
            assert overlap is None
            continue
        said = np.any([NOWHERE, *found_in(frame).values()], axis=0)
        there = truth(frame) > 0
        assert overlap == pytest.approx((said & there).sum() / (said | there).sum())


def test_label_images_have_the_ids_of_the_truth(video, tmp_path):
    scored(video, tmp_path / 'out')
    folder = tmp_path / 'out/a'
    for frame in (0, 1, 2, 3, 4, 6, 7):
        labels = read_label_png(folder / f'all/{frame:05d}.png')
        np.testing.assert_array_equal(labels == 3, the(3, frame) & (2 <= frame <= 4))
        np.testing.assert_array_equal(labels == 7, the(7, frame) & (frame >= 4))
        np.testing.assert_array_equal(
            labels > 7, (TISSUE & (1 <= frame <= 6)) | (the(3, frame) & (frame >= 6))
        )
        assert (folder / f'003/{frame:05d}.png').exists(), 'also where it was missed'
    assert not list(folder.glob('*/00005.png')), 'the frame was dropped'


def test_identities_count_what_was_missed_and_what_is_false(video, tmp_path):
    pytest.importorskip('trackeval')
    result = scored(video, tmp_path / 'out')
    record = record_of(video, 'tracker', result.scores, tmp_path / 'out/a', **result.values)
    there = sum((truth(f) == i).any() for f in (0, 1, 2, 3, 4, 6, 7) for i in (3, 7))
    said = sum(len(found_in(f)) for f in (0, 1, 2, 3, 4, 6, 7))
    identical = 3 + 3  # found_2 with object 3, found_3 with object 7
    assert record.identity['IDP'] == pytest.approx(identical / said)
    assert record.identity['IDR'] == pytest.approx(identical / there)
    assert record.identity['IDSW'] == 1, 'object 3 goes on as found_4'
    write_video(tmp_path, record)
    assert read_video(tmp_path, 'tracker', 'a') == record


def test_nothing_found_is_all_missed_in_every_frame(video, tmp_path):
    pytest.importorskip('trackeval')
    result = scored(video, tmp_path / 'out', lambda frame: {}, dropped=())
    assert result.scores.objects[3].iou == [0.0] * FRAMES
    assert result.scores.objects[3].discovery == {'track': None, 'frames_until_found': None}
    record = record_of(video, 'tracker', result.scores, tmp_path / 'out/a', **result.values)
    assert (record.identity['HOTA'], record.identity['IDR']) == (0.0, 0.0)
    assert len(list((tmp_path / 'out/a/all').iterdir())) == FRAMES


def test_a_video_without_instruments_can_only_have_false_ones(tmp_path):
    root = write_vos(tmp_path / 'data', frames=3)
    for frame in range(3):
        write_labels(root / f'Annotations/a/{frame:05d}.png', np.zeros(SIZE, np.uint8))
    (video,) = open_videos(root)
    with video:
        say = {0: {}, 1: {}, 2: {'found_1': TISSUE}}
        result = scored(video, tmp_path / 'out', say.get, dropped=())
        record = record_of(video, 'tracker', result.scores, tmp_path / 'out/a', **result.values)
    assert record.objects == [] and record.identity == {}
    assert record.discovery == {'until_found': [], 'tracks': 1, 'extra': 0, 'false': 1}
    assert record.binary_iou == [1.0, 1.0, 0.0]
    assert len(list((tmp_path / 'out/a/all').iterdir())) == 3


def test_more_tracks_than_a_label_image_can_tell_apart_are_refused(video, tmp_path):
    def say(frame):
        return {f'found_{frame * 40 + number}': TISSUE for number in range(40)}

    with pytest.raises(SourceError, match=r'322 tracks and objects .* more than the 254 .* raise'):
        scored(video, tmp_path / 'out', say, dropped=())


def test_ids_below_those_of_the_truth_are_taken_where_there_are_none_above(tmp_path):
    root = write_vos(tmp_path / 'data', frames=2)
    for frame in range(2):
        labels = np.zeros(SIZE, np.uint8)
        labels[8:24, 5:21], labels[30:44, 20:34] = 254, 253
        write_labels(root / f'Annotations/a/{frame:05d}.png', labels)
    (video,) = open_videos(root)
    with video:
        values = scored(video, tmp_path / 'out', lambda frame: {'x': TISSUE}, dropped=()).values
    assert [other.object_id for other in values['others']] == [252]
