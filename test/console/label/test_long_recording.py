# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Label mode over thousands of frames: what is kept is counted."""

import numpy as np
import psutil
import pytest
from label_desks import disc_mask, give, mask_prompt, open_desk, write_bag

from surgsam2_ros.console.label.frame_masks import ObjectMask
from surgsam2_ros.console.label.labels import Verdict
from surgsam2_ros.tracking import MaskCrop, TrackState

FRAMES = 4000


@pytest.mark.slow
def test_nothing_grows_with_the_frames_but_some_bytes_for_each(tmp_path, monkeypatch):
    monkeypatch.setattr('surgsam2_ros.console.label.recording._KEPT_BYTES', 10 * 48 * 80 * 3)
    bag = write_bag(tmp_path / 'long.mcap', FRAMES)
    desk = open_desk(bag)
    give(desk, 0, mask_prompt(0))
    files = psutil.Process().num_fds()
    for index in range(1, FRAMES):  # as if masks had been carried there
        crop = MaskCrop.of(disc_mask(index))
        desk.labelling.put(index, [ObjectMask(1, crop, 0.9, 1.0, TrackState.TRACKED)])
    for index in np.random.default_rng(0).integers(0, FRAMES, 400).tolist():
        desk.go_to(index)
        assert desk.wait_for_picture(desk.cameras[0], 0, 5.0).frame_index == index
    for index in range(60):
        give(desk, index * 7, mask_prompt(index * 7))
    desk.judge(Verdict.ACCEPTED, 0, FRAMES - 1)

    assert desk.recording.kept <= 10
    assert len(desk.recording.images._fetched) <= 8
    assert sum(states.nbytes for states in desk.labelling.masks.states.values()) == FRAMES
    work = tmp_path / 'long.mcap.labels'
    assert len(list((work / 'masks').glob('*/*.masks'))) <= FRAMES + 50
    assert len(list((work / 'masks' / 'undo').iterdir())) <= 50
    assert (work / 'journal.jsonl').stat().st_size < 61 * 1000
    assert psutil.Process().num_fds() <= files
    size = sum(file.stat().st_size for file in (work / 'masks').glob('0*/*.masks'))
    assert size < FRAMES * 400, f'{size / FRAMES:.0f} bytes a frame'
    desk.close()

    again = open_desk(bag)
    assert (again.overview().verdicts == Verdict.ACCEPTED).all()
    assert (work / 'index.npz').stat().st_size < FRAMES * 20
    again.close()
