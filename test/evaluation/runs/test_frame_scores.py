# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is recorded of an object's frames, and the label images that are written of them."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation_data import LATE, SIZE, truth

from surgsam2_ros.evaluation.measures import FRAME_MEASURES
from surgsam2_ros.evaluation.runs.frame_scores import FrameScores, ObjectResult
from surgsam2_ros.evaluation.runs.label_writer import LabelWriter, compose
from surgsam2_ros.sources import SourceError, read_label_png


def test_a_perfect_mask_scores_one():
    scores = FrameScores({3: 'scissors'}, 2)
    scores.add(1, truth(1), {3: ObjectResult(truth(1) == 3, 0.9, 0.8, 'TRACKED')})
    (record,) = scores.records
    assert (record.object_id, record.name) == (3, 'scissors')
    assert record.measures == {measure.field: [None, 1.0] for measure in FRAME_MEASURES}
    assert record.area == [None, 16 * 16]
    assert (record.score, record.presence) == ([None, 0.9], [None, 0.8])
    assert record.state == [None, 'TRACKED']


def test_half_a_mask_has_half_the_overlap():
    scores = FrameScores({3: ''}, 1)
    half = truth(0) == 3
    half[16:] = False
    scores.add(0, truth(0), {3: ObjectResult(half)})
    record = scores.objects[3]
    assert record.iou == [0.5]
    assert record.measures['dice'] == [pytest.approx(2 / 3)]


def test_a_track_on_another_object_is_noted():
    """Half of the other's mask is enough, 6 of its 14 rows are not."""
    scores = FrameScores({3: ''}, 4)
    labels = truth(LATE)
    own, other = labels == 3, labels == 7
    half = other.copy()
    half[30 + 7 :] = False
    less = other.copy()
    less[30 + 6 :] = False
    for frame, mask in enumerate((own, other, half, less)):
        scores.add(frame, labels, {3: ObjectResult(mask)})
    assert scores.objects[3].on_another == [False, True, True, False]


def test_what_another_prediction_covers_is_noted():
    scores = FrameScores({3: '', 7: ''}, 2)
    whole = truth(0) == 3
    half = whole.copy()
    half[16:] = False
    scores.add(0, truth(0), {3: ObjectResult(whole), 7: ObjectResult(half)})
    scores.add(1, truth(1), {3: ObjectResult(truth(1) == 3)})
    assert scores.objects[3].overlap == [0.5, 0.0]
    assert scores.objects[7].overlap == [1.0, None]


def test_without_result_the_truth_is_known_and_without_truth_the_result():
    scores = FrameScores({3: ''}, 2)
    scores.add(0, truth(0), {})
    scores.add(1, None, {3: ObjectResult(truth(1) == 3)})
    record = scores.objects[3]
    assert record.truth_area == [256, None]
    assert record.area == [None, 256]
    assert record.iou == [None, None]


def test_prompts_are_noted_and_the_first_is_the_earliest():
    scores = FrameScores({3: ''}, 4)
    scores.note_prompt(2, 3)
    scores.note_prompt(1, 3)
    assert scores.objects[3].prompted == [False, True, True, False]
    assert scores.objects[3].first_frame == 1


def test_an_object_of_which_nothing_is_left_to_score_is_told():
    scores = FrameScores({3: ''}, 4)
    for frame in (1, 2):
        scores.add(frame, truth(frame), {3: ObjectResult(truth(frame) == 3)})
    (warning,) = scores.warnings()
    assert warning.startswith('object 3 has a truth and a result in no more than 2 frames')


def test_an_object_that_the_truth_never_shows_is_told():
    scores = FrameScores({3: '', 9: ''}, 3)
    for frame in range(3):
        scores.add(frame, truth(frame), {3: ObjectResult(truth(frame) == 3)})
    assert scores.warnings() == ['object 9 is prompted, but no frame of the truth shows it']


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match='the size of the image'):
        FrameScores({3: ''}, 1).add(0, truth(0), {3: ObjectResult(np.ones((5, 5), bool))})


# Label images


def masks():
    left, right = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    left[:, :40] = right[:, 30:] = True
    return {2: right, 1: left}


def test_masks_are_written_as_the_authors_tools_do(tmp_path):
    writer = LabelWriter(tmp_path, 'seq_1', ['00000', '00001'])
    writer.write(0, {1: masks()[1]})
    writer.write(1, masks())
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob('*.png'))
    assert files == [
        'seq_1/001/00000.png',
        'seq_1/001/00001.png',
        'seq_1/002/00001.png',
        'seq_1/all/00000.png',
        'seq_1/all/00001.png',
    ]
    second = read_label_png(tmp_path / 'seq_1/002/00001.png')
    np.testing.assert_array_equal(second, np.where(masks()[2], 2, 0))
    together = read_label_png(tmp_path / 'seq_1/all/00001.png')
    assert (together[0, 0], together[0, 35], together[0, 60]) == (1, 1, 2), 'lower ids on top'


def test_objects_written_one_after_the_other_are_composed_alike(tmp_path):
    writer = LabelWriter(tmp_path, 'seq_1', ['00000', '00001'])
    for object_id in (1, 2):
        writer.write_objects(1, {object_id: masks()[object_id]})
    writer.compose_all()
    assert [path.name for path in (tmp_path / 'seq_1/all').iterdir()] == ['00001.png']
    together = read_label_png(tmp_path / 'seq_1/all/00001.png')
    np.testing.assert_array_equal(together, compose(masks()))


def test_what_an_interrupted_run_left_is_removed(tmp_path):
    LabelWriter(tmp_path, 'seq_1', ['00007']).write(0, masks())
    LabelWriter(tmp_path, 'seq_1', ['00000']).write(0, masks())
    assert not list(tmp_path.rglob('00007.png'))


@pytest.mark.parametrize('name', ['node', 'overlay', 'records'])
def test_a_video_cannot_bear_the_name_of_another_folder(tmp_path, name):
    with pytest.raises(SourceError, match=f"cannot be called '{name}'.*rename it"):
        LabelWriter(tmp_path, name, ['00000'])
