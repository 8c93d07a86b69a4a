# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The layouts that truths and predictions come in all lead to the same scores."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest
from label_scenes import (
    SIZE,
    read_labels,
    scene,
    split_objects,
    write_labels,
    write_random_videos,
)

from surgsam2_ros.evaluation.label_folders import list_videos
from surgsam2_ros.evaluation.scoring import score_folders
from surgsam2_ros.sources import SourceError


def write_binary(folder, masks) -> None:
    """Write masks as grey images of 0 and 255."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, mask in enumerate(masks):
        cv2.imwrite(str(folder / f'{index:05d}.png'), mask.astype(np.uint8) * 255)


@pytest.fixture
def one_object(tmp_path):
    """Give the folder of a truth with object 4 in the second of four frames on, and predictions."""
    truth = [scene(), *(scene((4, 10, 10 + i)) for i in range(3))]
    masks = [scene((4, 12, 10 + i)) == 4 for i in range(4)]
    write_labels(tmp_path / 'truth' / 'clip', truth)
    write_labels(tmp_path / 'plain' / 'clip', [mask * 4 for mask in masks])
    return tmp_path, masks


def scores_of(root, predictions: str, truth: str = 'truth'):
    scores = score_folders(root / truth, root / predictions, 'davis')
    return scores['J'], scores['F'], scores['Dice']


def test_images_of_each_object_score_as_images_of_all(tmp_path):
    write_random_videos(tmp_path / 'truth', tmp_path / 'plain')
    expected = scores_of(tmp_path, 'plain')
    for video in ('seq_1', 'seq_2'):
        images = [read_labels(path) for path in sorted((tmp_path / 'plain' / video).iterdir())]
        for value in np.unique(images)[1:]:
            folder = tmp_path / 'split' / video / f'{value:03d}'
            write_labels(folder, [(image == value) * value for image in images])
    assert scores_of(tmp_path, 'split') == pytest.approx(expected)


def test_binary_images_are_of_the_one_object_that_the_truth_has(one_object):
    root, masks = one_object
    expected = scores_of(root, 'plain')
    write_binary(root / 'binary' / 'clip', masks)
    assert scores_of(root, 'binary') == expected
    assert set(score_folders(root / 'truth', root / 'binary', 'davis')['objects']['clip']) == {'4'}


def test_binary_images_in_folders_of_objects(one_object):
    root, masks = one_object
    expected = scores_of(root, 'plain')
    write_binary(root / 'binary' / 'clip' / '004', masks)
    write_labels(root / 'ones' / 'clip' / '4', masks)
    assert scores_of(root, 'binary') == scores_of(root, 'ones') == expected


def test_a_binary_truth_is_of_object_1(one_object):
    root, masks = one_object
    write_binary(root / 'binary_truth' / 'clip', masks)
    write_labels(root / 'ones' / 'clip', masks)
    write_binary(root / 'binary' / 'clip', masks)
    assert scores_of(root, 'ones', 'binary_truth') == (1.0, 1.0, 1.0)
    assert scores_of(root, 'binary', 'binary_truth') == (1.0, 1.0, 1.0)


def test_binary_images_cannot_tell_several_objects_apart(tmp_path):
    write_labels(tmp_path / 'truth' / 'clip', [scene((1, 0, 0), (2, 24, 24))])
    write_binary(tmp_path / 'binary' / 'clip', [np.ones(SIZE, bool)])
    with pytest.raises(SourceError, match=r'binary images .* objects 1, 2; give each object'):
        scores_of(tmp_path, 'binary')


def test_255_beside_objects_is_no_object(tmp_path):
    truth = [scene((1, 0, 0), (255, 24, 24))] * 3
    write_labels(tmp_path / 'truth' / 'clip', truth)
    write_labels(tmp_path / 'plain' / 'clip', [scene((1, 0, 0))] * 3)
    for protocol in ('davis', 'endo_sav'):
        scores = score_folders(tmp_path / 'truth', tmp_path / 'plain', protocol)
        assert list(scores['objects']['clip']) == ['1']
        assert (scores['J'], scores['warnings']) == (1.0, [])


def test_a_single_video_needs_no_folder_above_it(one_object):
    root, masks = one_object
    expected = scores_of(root, 'plain')
    write_labels(root / 'split' / '4', [mask * 4 for mask in masks])
    assert scores_of(root, 'plain/clip', 'truth/clip') == expected
    assert scores_of(root, 'split', 'truth/clip') == expected


def test_an_object_that_was_prompted_late_is_absent_before(one_object):
    """As in the output of evaluate: its images begin with its first frame of truth."""
    root, masks = one_object
    write_labels(root / 'late' / 'clip' / '004', [mask * 4 for mask in masks[1:]], first=1)
    write_labels(root / 'plain' / 'clip', [scene(), *(mask * 4 for mask in masks[1:])])
    assert scores_of(root, 'late') == scores_of(root, 'plain')


def test_overlapping_objects_are_each_scored_whole(tmp_path):
    first, second = scene((1, 0, 0)), scene((2, 8, 8))
    write_labels(tmp_path / 'truth' / 'clip', [first] * 3)
    write_labels(tmp_path / 'split' / 'clip' / '001', [first] * 3)
    write_labels(tmp_path / 'split' / 'clip' / '002', [second] * 3)
    assert scores_of(tmp_path, 'split') == (1.0, 1.0, 1.0)


def test_lower_ids_lie_on_top_where_one_image_is_made_of_several(tmp_path):
    write_labels(tmp_path / 'split' / 'clip' / '001', [scene((1, 0, 0))])
    write_labels(tmp_path / 'split' / 'clip' / '002', [scene((2, 8, 8))])
    video = list_videos(tmp_path / 'split')['clip']
    np.testing.assert_array_equal(video.labels('00000'), scene((2, 8, 8), (1, 0, 0)))
    assert video.labels('00001') is None


def test_an_output_of_evaluate_is_read_as_it_is(tmp_path):
    write_random_videos(tmp_path / 'truth', tmp_path / 'plain')
    split_objects(tmp_path / 'truth', tmp_path / 'plain', tmp_path / 'output')
    split_objects(tmp_path / 'truth', tmp_path / 'plain', tmp_path / 'output' / 'node')
    (tmp_path / 'output' / 'records' / 'tracker').mkdir(parents=True)
    (tmp_path / 'output' / 'overlay').mkdir()
    assert list(list_videos(tmp_path / 'output')) == ['seq_1', 'seq_2']
    through_node = score_folders(tmp_path / 'truth', tmp_path / 'output' / 'node', 'endo_sav')
    assert through_node == score_folders(tmp_path / 'truth', tmp_path / 'output', 'endo_sav')


def test_of_a_data_set_the_annotations_are_taken(one_object):
    root, _ = one_object
    shutil.copytree(root / 'truth', root / 'valid' / 'Annotations')
    (root / 'valid' / 'JPEGImages' / 'clip').mkdir(parents=True)
    assert scores_of(root, 'plain', 'valid') == scores_of(root, 'plain')


def test_an_image_of_another_object_is_refused(one_object):
    root, _ = one_object
    write_labels(root / 'split' / 'clip' / '004', [scene((7, 0, 0))] * 4)
    with pytest.raises(SourceError, match=r'004/00000.png has the values \[7\]; expected 4'):
        scores_of(root, 'split')


def test_a_truth_of_one_image_per_object_is_refused(one_object):
    root, masks = one_object
    write_labels(root / 'split' / 'clip' / '004', [mask * 4 for mask in masks])
    with pytest.raises(SourceError, match='one image per object'):
        scores_of(root, 'plain', 'split')


def test_missing_and_empty_folders_are_named(one_object):
    root, _ = one_object
    (root / 'empty').mkdir()
    with pytest.raises(SourceError, match=r'empty has no label images; expected <video>'):
        scores_of(root, 'empty')
    with pytest.raises(SourceError, match='nowhere is no folder'):
        scores_of(root, 'plain', 'nowhere')
