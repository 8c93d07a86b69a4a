# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Validation scores, pictures of predictions, and a network that learns two clips by heart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_network import SIZE, tiny_network
from tiny_training import write_discs, write_training

from surgsam2_ros.training.clips import IMAGENET_MEAN, IMAGENET_STD, TrainingClip
from surgsam2_ros.training.config import load_training_config
from surgsam2_ros.training.loop import train
from surgsam2_ros.training.monitoring import SHEET_COLUMNS, prediction_sheet, prediction_tiles
from surgsam2_ros.training.validation import NAMES, scores_of, validate


def make_clip(number: int, frames: int = 3) -> TrainingClip:
    """Make a grey clip of one square that moves to the right."""
    masks = np.zeros((1, frames, SIZE, SIZE), bool)
    for frame in range(frames):
        masks[0, frame, 16:32, 8 + 8 * frame : 24 + 8 * frame] = True
    grey = ((0.5 - IMAGENET_MEAN) / IMAGENET_STD).reshape(1, 3, 1, 1)
    images = np.broadcast_to(grey, (frames, 3, SIZE, SIZE)).astype(np.float32)
    names = tuple(f'video_{number}/{frame:05d}' for frame in range(frames))
    return TrainingClip(images, masks, masks.any(axis=0), names)


def test_processes_share_out_the_clips_and_their_sums_are_those_of_one():
    network, clips = tiny_network(), [make_clip(number) for number in range(3)]
    alone, _ = validate(network, clips)
    shares = [validate(network, clips, rank=rank, world=2)[0] for rank in (0, 1)]
    assert torch.allclose(alone, sum(shares))
    counts = dict(zip(NAMES, alone[:, 1].tolist(), strict=True))
    assert counts['J mask'] == 3 * 2  # the prompted frame is not counted
    assert counts['J box'] == counts['J point'] == 2 * 3  # every second clip
    assert counts['presence'] == 3 * 2
    assert counts['absent'] == 0


def test_validation_leaves_the_network_in_training_mode():
    network = tiny_network().train()
    validate(network, [make_clip(0, frames=2)])
    assert network.training


def test_scores_are_totals_over_counts_and_j_is_the_mean_of_the_kinds():
    sums = torch.tensor([[3.0, 4.0], [1.0, 2.0], [1.0, 4.0], [9.0, 12.0], [0.0, 0.0]])
    scores = scores_of(sums)
    assert scores['J mask'] == 0.75
    assert scores['J'] == pytest.approx((0.75 + 0.5 + 0.25) / 3)
    assert scores['presence'] == 0.75
    assert 'absent' not in scores


def test_a_row_shows_the_prediction_over_the_picture_and_the_truth_in_white():
    clip = make_clip(0, frames=5)
    predicted = np.zeros_like(clip.masks)
    predicted[0, 0, 40:60, 40:60] = True
    tiles = prediction_tiles(clip, predicted, np.full((1, 5), 0.25))
    assert len(tiles) == SHEET_COLUMNS
    picture, caption = tiles[0]
    assert caption == 'video_0/00000  J 0.25'
    scale = picture.shape[0] // SIZE
    assert (picture[5 * scale, 5 * scale] == 128).all()  # grey, as it was before normalising
    assert (picture[50 * scale, 50 * scale] != 128).any()  # predicted
    assert (picture[16 * scale, 16 * scale] == 255).all()  # the truth's outline
    assert prediction_sheet(tiles, 'step 1').dtype == np.uint8
    assert prediction_sheet([], 'step 1') is None


@pytest.mark.slow
def test_two_clips_are_learned_by_heart(tmp_path):
    write_discs(tmp_path / 'two', second=False)
    path = write_training(
        tmp_path,
        data=[{'type': 'vos', 'path': 'two'}],
        validation=[{'type': 'vos', 'path': 'two'}],
        validation_frames=3,
        steps=240,
        clips_at_once=2,
        learning_rate=2e-3,
        ema=None,
        warmup=0.05,
        final_factor=0.01,
        prompts={'correction_clicks': 0, 'read_masks': True},
        loss={'bce': 1.0, 'foreground': 0.5, 'gated': False, 'mean': True},
    )
    scores = []
    train(load_training_config(path), tmp_path / 'run', report=lambda s: scores.append(s.scores))
    assert scores[-1]['J mask'] > 0.95
    assert scores[-1]['J'] > 0.95
