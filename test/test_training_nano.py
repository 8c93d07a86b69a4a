# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The shipped nano network follows real instruments that it has never seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from surgsam2_ros.evaluation import intersection_over_union
from surgsam2_ros.network import load_network
from surgsam2_ros.sources import open_source, read_label_png
from surgsam2_ros.tracking import StreamingTracker

MODELS = Path(__file__).resolve().parent.parent / 'models'


@pytest.fixture(scope='module')
def network():
    if not (MODELS / 'surgsam2_nano.safetensors').exists():
        pytest.skip('models/surgsam2_nano.safetensors is not there')
    return load_network(MODELS / 'surgsam2_nano.yaml')


def track_clip(network, folder, clip, prompt):
    """Track all objects of the first frame; return object -> IoU of the frames after the first.

    Args:
        prompt: object mask bool [H, W] -> arguments of `add_object`.
    """
    frames = open_source(folder / 'JPEGImages' / clip)
    truths = [read_label_png(p) for p in sorted((folder / 'Annotations' / clip).glob('*.png'))]
    tracker = StreamingTracker(network)
    ids = [int(value) for value in np.unique(truths[0]) if value]
    for value in ids:
        tracker.add_object(str(value), **prompt(truths[0] == value))
    overlaps = {value: [] for value in ids}
    for index, (frame, truth) in enumerate(zip(frames, truths, strict=True)):
        result = tracker.track(frame.rgb)
        for track in result.tracks:
            value = int(track.object_id)
            if index:
                overlaps[value].append(intersection_over_union(track.mask, truth == value))
    return overlaps


def test_mean_j_on_real_instruments_from_first_frame_masks(network, shared_data):
    """Every object counts alike, every frame after the prompted one."""
    folder = shared_data('endoscope_clips')
    scores = {}
    for clip in ('one_tool', 'two_tools'):
        overlaps = track_clip(network, folder, clip, lambda mask: {'mask': mask})
        scores |= {f'{clip}/{value}': float(np.mean(j)) for value, j in overlaps.items()}
    mean = float(np.mean(list(scores.values())))
    print({name: round(score, 4) for name, score in scores.items()}, f'mean J {mean:.4f}')
    assert len(scores) == 3
    assert mean >= 0.80
