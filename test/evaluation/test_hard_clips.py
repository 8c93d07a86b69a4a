# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The data set of held-out hard clips."""

from __future__ import annotations

import numpy as np

from surgsam2_ros.datasets.vos_folder import VosFolder
from surgsam2_ros.evaluation import hard_clips
from surgsam2_ros.sources import read_label_png
from surgsam2_ros.synthesis import HARD_KINDS


def test_every_hard_kind_becomes_labelled_videos(tmp_path, monkeypatch):
    monkeypatch.setattr(hard_clips, 'FRAMES', 7)
    monkeypatch.setattr(hard_clips, 'SIZE', 64)
    hard_clips.write_hard_clips(tmp_path, 1)
    videos = {video.name: video for video in VosFolder(tmp_path).videos}
    assert set(videos) == {f'{kind}_0' for kind in HARD_KINDS}
    for video in videos.values():
        labels = [read_label_png(frame.annotation) for frame in video.frames]
        assert len(labels) == 7
        assert labels[0].any()
    crossing = read_label_png(videos['crossing_look_alikes_0'].frames[0].annotation)
    assert set(np.unique(crossing)) == {0, 1, 2, 3}

    before = videos['thick_smoke_0'].frames[0].image.stat().st_mtime_ns
    hard_clips.write_hard_clips(tmp_path, 1)
    assert videos['thick_smoke_0'].frames[0].image.stat().st_mtime_ns == before
