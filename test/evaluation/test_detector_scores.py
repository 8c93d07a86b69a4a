# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A detector against data sets on disk: what it is scored by, and what is left out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from surgsam2_ros.drawing import label_palette
from surgsam2_ros.evaluation.detector_scores import count_frames, score_data_set, score_tissue
from surgsam2_ros.sources import SourceError, write_label_png
from surgsam2_ros.tracking import Proposal

HEIGHT, WIDTH = 80, 120


def bright(rgb):
    """Propose what is bright in a picture."""
    mask = rgb[..., 0] > 150
    if not mask.any():
        return ()
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    return (Proposal((x, y, x + width, y + height), 0.8, mask),)


@pytest.fixture(name='data_set')
def _data_set(tmp_path):
    """Give two videos of three frames with a square; the one is found, of the other a part."""
    for video, seen in (('whole', 40), ('part', 12)):
        for part in ('JPEGImages', 'Annotations'):
            (tmp_path / part / video).mkdir(parents=True)
        for index in range(3):
            rgb = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
            rgb[20:60, 30 : 30 + seen] = 220
            labels = np.zeros((HEIGHT, WIDTH), np.uint8)
            labels[20:60, 30:70] = 7
            labels[0, 0] = 3  # too small to be asked for
            labels[:5, 100:] = 255
            cv2.imwrite(str(tmp_path / 'JPEGImages' / video / f'{index:05d}.png'), rgb)
            path = tmp_path / 'Annotations' / video / f'{index:05d}.png'
            write_label_png(path, labels, label_palette())
    return tmp_path


def test_scores_of_a_data_set_and_of_its_videos(data_set):
    done = []
    scores = score_data_set(data_set, bright, 0.5, progress=lambda: done.append(1))
    assert scores['frames'] == len(done) == count_frames(data_set) == 6
    assert scores['boxes']['instruments'] == 6
    assert scores['boxes']['found'] == 3
    assert scores['videos']['whole']['masks']['average_precision'] == 1.0
    assert scores['videos']['part']['masks']['recall'] == 0.0
    whole = scores['videos']['whole']['foreground_iou']
    assert whole == pytest.approx(1600 / 1601, abs=1e-6)  # the one small pixel is foreground, too
    assert scores['foreground_iou'] < whole


def test_what_is_less_certain_counts_for_average_precision_alone(data_set):
    scores = score_data_set(data_set, bright, 0.9)
    assert scores['boxes']['found'] == 0
    assert scores['videos']['whole']['boxes']['average_precision'] == 1.0
    assert scores['foreground_iou'] == 0.0


def test_every_so_many_th_frame(data_set):
    assert count_frames(data_set, every=2) == 4
    assert score_data_set(data_set, bright, 0.5, every=2)['frames'] == 4


def test_instruments_found_in_tissue_are_counted(tmp_path):
    for number, grey in enumerate((60, 60, 220, 60)):
        cv2.imwrite(str(tmp_path / f'{number}.png'), np.full((40, 50, 3), grey, np.uint8))
    scores = score_tissue(tmp_path, bright, 0.5)
    assert scores == {
        'pictures': 4,
        'false': 1,
        'pictures_with_false': 1,
        'false_per_200': 50.0,
    }
    assert score_tissue(tmp_path, bright, 0.9)['false'] == 0


def test_folders_that_cannot_be_measured_are_named(tmp_path, data_set):
    (tmp_path / 'none').mkdir()
    with pytest.raises(SourceError, match='holds no picture'):
        score_tissue(tmp_path / 'none', bright, 0.5)
    (data_set / 'JPEGImages' / 'part' / '00001.png').write_text('no picture')
    with pytest.raises(SourceError, match='no readable image'):
        score_data_set(data_set, bright, 0.5)
