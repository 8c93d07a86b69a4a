# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Videos of boards go through the tracker as those of an evaluation do, and are corrected."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from evaluation_data import LATE, truth, write_tiny_model, write_vos
from evaluation_fixtures import an_object
from tiny_network import tiny_network

from surgsam2_ros.evaluation.runs import corrections
from surgsam2_ros.evaluation.runs.board_runs import (
    BoardJob,
    measure,
    measure_baselines,
    measure_video,
)
from surgsam2_ros.evaluation.runs.corrections import choose_frames, correct_tracks
from surgsam2_ros.evaluation.runs.inputs import open_videos
from surgsam2_ros.evaluation.runs.prompting import PromptSettings, first_prompts
from surgsam2_ros.evaluation.runs.settings import NetworkChoice, RunSettings
from surgsam2_ros.evaluation.runs.tracker_run import run_video
from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig

FRAMES = 8
CONFIG = TrackerConfig(replay_frames=2)


@pytest.fixture(name='network', scope='module')
def _network():
    return tiny_network()


@pytest.fixture(name='root')
def _root(tmp_path):
    return write_vos(tmp_path / 'data', frames=FRAMES)


@pytest.fixture(name='video')
def _video(root):
    (video,) = open_videos(root)
    return video


@pytest.mark.parametrize('kind', ['mask', 'box', 'click'])
def test_tracks_are_those_of_an_evaluation_from_the_same_prompt(kind, video, network, tmp_path):
    measured = measure_video(video, network, CONFIG)
    settings = RunSettings(PromptSettings(kind), CONFIG)
    record = run_video(video, network, settings, tmp_path / 'out')
    assert measured.tracks[kind] == record.objects
    assert measured.tracks[kind][1].first_frame == LATE


def test_bad_frames_are_spread_over_the_video_and_drawn_alike_every_time():
    record = an_object([1.0] + [0.5] * 40)
    chosen = choose_frames([record], 4, 0, 'a')
    assert chosen == choose_frames([record], 4, 0, 'a') != choose_frames([record], 4, 1, 'a')
    assert [(frame - 1) // 10 for frame in chosen] == [0, 1, 2, 3]


def test_good_frames_the_prompted_one_and_those_without_the_object_are_not_corrected():
    record = an_object([0.1, 0.7, 0.1, 0.0, None], truth=[9, 9, 9, 0, None])
    assert choose_frames([record], 12, 0, 'a') == {2: [1]}
    assert choose_frames([record], 0, 0, 'a') == {}


@pytest.mark.slow
def test_a_correction_does_what_it_does_when_it_comes_a_frame_late(video, network):
    """Measured on a copy of the tracker: the tracker itself, asked to replay, says the same."""
    frame, object_id = 4, 3
    with video:
        prompts = first_prompts(video, PromptSettings('mask'))
        found = correct_tracks(video, network, CONFIG, prompts, {frame: [object_id]})
        tracker = StreamingTracker(network, CONFIG)
        tracker.add_object('3', mask=prompts[object_id].mask)
        overlaps = []
        for index in range(FRAMES):
            if index == frame + 1:
                tracker.add_objects(
                    [Prompt('3', mask=truth(frame) == object_id)], frame_index=frame
                )
            (track,) = tracker.track(video.image(index)).tracks
            true_mask = truth(index) == object_id
            overlaps.append((track.mask & true_mask).sum() / (track.mask | true_mask).sum())
    by_mask = next(entry for entry in found if entry.kind == 'mask')
    assert by_mask.later == pytest.approx(np.mean(overlaps[frame + 1 :]), abs=1e-6)
    assert by_mask.before == pytest.approx(overlaps[frame], abs=1e-6)
    assert by_mask.after > 0.9


def test_a_frame_is_corrected_by_a_click_a_box_and_a_mask(video, network):
    measured = measure_video(video, network, CONFIG, corrections=3)
    assert len(measured.corrections) == 9
    assert {entry.kind for entry in measured.corrections} == {'click', 'box', 'mask'}
    records = {record.object_id: record for record in measured.tracks['mask']}
    for entry in measured.corrections:
        record = records[entry.object_id]
        assert entry.before == pytest.approx(record.iou[entry.frame], abs=1e-6)
        later = record.iou[entry.frame + 1 : entry.frame + 11]
        assert (entry.without is None) == (not later)
        if later:
            assert entry.without == pytest.approx(np.mean(later), abs=1e-6)


@pytest.mark.slow
def test_only_ten_frames_after_a_correction_are_looked_at(video, network, monkeypatch):
    monkeypatch.setattr(corrections, 'LATER_FRAMES', 2)
    with video:
        prompts = first_prompts(video, PromptSettings('mask'))
        tracks = measure_video(video, network, CONFIG).tracks['mask']
        found = correct_tracks(video, network, CONFIG, prompts, {2: [3], 3: [3, 7]})
    assert len(found) == 9
    for entry in found:
        record = next(record for record in tracks if record.object_id == entry.object_id)
        later = record.iou[entry.frame + 1 : entry.frame + 3]
        assert entry.without == pytest.approx(np.mean(later), abs=1e-6)


def test_a_baseline_is_scored_over_the_frames_after_its_prompt(video):
    copied = measure_baselines(video, {'copy': lambda frames, mask: (mask for _ in frames)})
    overlaps = [(16 - shift) / (16 + shift) for shift in range(1, FRAMES)]
    first, late = copied.baselines['copy']
    assert (first.object_id, late.object_id) == (3, 7)
    assert first.iou == pytest.approx([1.0, *overlaps])
    assert (late.first_frame, late.iou[:LATE]) == (LATE, [None] * LATE)


def test_several_processes_give_the_same_as_one(tmp_path):
    root = write_vos(tmp_path / 'data', ('a', 'b'), frames=4)
    choice = NetworkChoice(write_tiny_model(tmp_path))
    jobs = [BoardJob('data', video, choice, CONFIG, 2) for video in open_videos(root)]
    jobs.append(dataclasses.replace(jobs[0], network=None))
    one, two = measure(jobs, 1), measure(jobs, 2)
    assert one == two
    assert [measured.video for measured in one['data']] == ['a', 'b']
    assert one['data'][0].tracks and one['data'][0].baselines and not one['data'][1].baselines
