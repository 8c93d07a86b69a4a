# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A video goes through the tracker frame by frame, the same every time, however it is run."""

from __future__ import annotations

import dataclasses
import errno
import os
import types

import numpy as np
import pytest
from evaluation_data import LATE, picture, truth, write_bag, write_tiny_model, write_vos
from tiny_network import tiny_network

from surgsam2_ros.evaluation.metrics import identity_counts, identity_scores
from surgsam2_ros.evaluation.records import read_video, write_video
from surgsam2_ros.evaluation.runs.attempts import describe_error, is_finished
from surgsam2_ros.evaluation.runs.folder_video import FolderVideo
from surgsam2_ros.evaluation.runs.inputs import open_videos
from surgsam2_ros.evaluation.runs.jobs import Standing, VideoJob, run_job, run_jobs
from surgsam2_ros.evaluation.runs.prompting import PromptSettings, correction
from surgsam2_ros.evaluation.runs.settings import (
    PARAMETERS,
    NetworkChoice,
    RunSettings,
    node_parameters,
    tracker_config,
)
from surgsam2_ros.evaluation.runs.tracker_run import run_video
from surgsam2_ros.sources import SourceError, read_label_png
from surgsam2_ros.tracking import Prompt, StreamingTracker, TrackerConfig

FRAMES = 8


@pytest.fixture(name='network', scope='module')
def _network():
    return tiny_network()


@pytest.fixture(name='root')
def _root(tmp_path):
    return write_vos(tmp_path / 'data', frames=FRAMES)


def run(root, network, output, settings=None, **options):
    (video,) = open_videos(root)
    return run_video(video, network, settings or RunSettings(), output, **options)


def files(folder):
    """All label images below a folder, by their path in it."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob('*.png'))}


def without_times(record):
    values = dataclasses.asdict(record)
    values.pop('inference_ms')
    return values


def tracked(network, prompts, corrections=types.MappingProxyType({}), config=None):
    """Masks by object and frame, straight from the tracker, as the specification of a run."""
    tracker = StreamingTracker(network, config)
    masks = {}
    for frame in range(FRAMES):
        tracker.add_objects(prompts.get(frame, []))
        for track in tracker.track(picture(frame)).tracks:
            masks[int(track.object_id), frame] = track.mask
        for object_id in corrections.get(frame, ()):
            true_mask = truth(frame) == object_id
            click = correction(masks[object_id, frame], true_mask, object_id, frame)
            prompt = Prompt(str(object_id), points=click.points, labels=click.labels)
            tracker.add_objects([prompt], frame_index=frame)
    return masks


def masks_of(frame, *object_ids):
    return [Prompt(str(i), mask=truth(frame) == i) for i in object_ids]


def check_masks(output, masks):
    for (object_id, frame), mask in masks.items():
        labels = read_label_png(output / f'a/{object_id:03d}/{frame:05d}.png')
        np.testing.assert_array_equal(labels, np.where(mask, object_id, 0))
    assert len(list((output / 'a').glob('[0-9]*/*.png'))) == len(masks)


def test_masks_are_those_of_the_tracker_with_each_object_from_its_own_first_frame(
    root, network, tmp_path
):
    record = run(root, network, tmp_path / 'out')
    expected = tracked(network, {0: masks_of(0, 3), LATE: masks_of(LATE, 7)})
    check_masks(tmp_path / 'out', expected)
    assert [(o.object_id, o.first_frame) for o in record.objects] == [(3, 0), (7, LATE)]
    late = record.objects[1]
    assert late.area[:LATE] == [None] * LATE
    assert late.truth_area[:LATE] == [0] * LATE
    assert late.prompted == [frame == LATE for frame in range(FRAMES)]
    for (object_id, frame), mask in expected.items():
        entry = record.objects[0 if object_id == 3 else 1]
        true_mask = truth(frame) == object_id
        union = (mask | true_mask).sum()
        assert entry.iou[frame] == pytest.approx((mask & true_mask).sum() / union)
        assert entry.area[frame] == mask.sum()


def test_one_at_a_time_each_object_has_the_tracker_for_itself(root, network, tmp_path):
    record = run(root, network, tmp_path / 'out', RunSettings(jointly=False))
    tracker = StreamingTracker(network)
    alone = tracked(network, {0: masks_of(0, 3)})
    tracker.add_objects(masks_of(LATE, 7))
    for frame in range(LATE, FRAMES):
        alone[7, frame] = tracker.track(picture(frame)).tracks[0].mask
    check_masks(tmp_path / 'out', alone)
    assert len(list((tmp_path / 'out/a/all').iterdir())) == FRAMES
    assert record.objects[1].truth_area[0] == 0


def test_a_run_is_the_same_twice_to_the_bit(root, network, tmp_path):
    settings = RunSettings(PromptSettings('5-points', correct_every=2, correct_below=1))
    first = run(root, network, tmp_path / 'first', settings)
    second = run(root, network, tmp_path / 'second', settings)
    assert files(tmp_path / 'first') == files(tmp_path / 'second')
    assert without_times(first) == without_times(second)


def test_identities_are_counted_on_the_label_images_written(root, network, tmp_path):
    pytest.importorskip('trackeval')
    write_video(tmp_path / 'out', run(root, network, tmp_path / 'out'))
    record = read_video(tmp_path / 'out', 'tracker', 'a')
    written = [read_label_png(tmp_path / f'out/a/all/{frame:05d}.png') for frame in range(FRAMES)]
    assert record.identity_counts == identity_counts(map(truth, range(FRAMES)), written)
    assert record.identity == identity_scores(map(truth, range(FRAMES)), written)


def test_identities_of_objects_that_are_not_evaluated_are_not_missed(root, network, tmp_path):
    pytest.importorskip('trackeval')
    record = run(root, network, tmp_path / 'out', RunSettings(PromptSettings(objects=(3,))))
    counts = record.identity_counts
    assert counts['CLR_TP'] + counts['CLR_FN'] == FRAMES, 'object 3 alone, once in every frame'


def test_a_bag_gives_the_same_as_a_folder(root, network, tmp_path):
    run(root, network, tmp_path / 'folder')
    bag = write_bag(tmp_path / 'a.mcap', FRAMES)
    (video,) = open_videos(bag, truth_topic='/camera/truth')
    record = run_video(video, network, RunSettings(), tmp_path / 'bag')
    assert files(tmp_path / 'folder') == files(tmp_path / 'bag')
    assert record.stamps_ns[1] - record.stamps_ns[0] == 40_000_000
    assert record.image_topic == '/camera/image_raw'


def test_corrections_condition_the_frame_they_were_made_on(root, network, tmp_path):
    settings = RunSettings(PromptSettings(correct_every=3, correct_below=1, objects=(3,)))
    record = run(root, network, tmp_path / 'out', settings)
    expected = tracked(
        network, {0: masks_of(0, 3)}, {3: [3], 6: [3]}, TrackerConfig(replay_frames=1)
    )
    check_masks(tmp_path / 'out', expected)
    assert [f for f, given in enumerate(record.objects[0].prompted) if given] == [0, 3, 6]
    plain = tracked(network, {0: masks_of(0, 3)})
    assert all((expected[3, f] == plain[3, f]).all() for f in range(4)), 'scored as it was before'
    assert any((expected[3, f] != plain[3, f]).any() for f in range(4, FRAMES))


def test_good_objects_are_not_corrected(root, network, tmp_path):
    settings = RunSettings(PromptSettings(correct_every=1, correct_below=1e-9))
    record = run(root, network, tmp_path / 'out', settings)
    for entry in record.objects:
        clicked = [f for f in range(FRAMES - 1) if entry.prompted[f] and f != entry.first_frame]
        assert clicked == [f for f in range(entry.first_frame, FRAMES - 1) if entry.iou[f] == 0]


def test_more_objects_than_the_tracker_takes_by_default_are_tracked():
    assert RunSettings().tracker_for(12).max_objects == 12
    assert RunSettings().tracker_for(2).max_objects == TrackerConfig().max_objects


def test_progress_counts_to_the_total(root, network, tmp_path):
    for jointly, total in ((True, FRAMES), (False, FRAMES + FRAMES - LATE)):
        seen = []
        run(
            root,
            network,
            tmp_path / 'out',
            RunSettings(jointly=jointly),
            on_progress=lambda done, of, seen=seen: seen.append((done, of)),
        )
        assert seen == [(step + 1, total) for step in range(total)]


# Parameters


def test_parameters_bear_the_names_of_the_node_and_mean_the_same():
    parameters = pytest.importorskip('surgsam2_ros.nodes.tracker.parameters')
    schema = parameters.parameter_schema()
    defaults = {name: schema[name].default for name in PARAMETERS}
    assert tracker_config(defaults) == parameters.Parameters.defaults().to_tracker_config()


def test_the_node_gets_what_the_tracker_has(network):
    config = TrackerConfig(min_memory_score=0.3, presence_threshold=0.7)
    values = node_parameters(config, network.config)
    assert values['memory.num_maskmem'] == network.config.num_maskmem
    assert tracker_config(values) == dataclasses.replace(
        config,
        num_maskmem=network.config.num_maskmem,
        num_frame_to_prune=network.config.num_frame_to_prune,
    )


@pytest.mark.parametrize(
    ('parameters', 'complaint'),
    [
        (
            {'tracking.speed': 1},
            "no parameter 'tracking.speed'; there are input.region, memory.num_maskmem",
        ),
        (
            {'tracking.max_objects': 'ten'},
            "tracking.max_objects is 'ten'; it must be a whole number",
        ),
        ({'memory.write_when_absent': 1}, 'must be true or false'),
        ({'tracking.presence_threshold': 2}, 'presence_threshold is 2.0; it must be from 0.5 to 1'),
    ],
)
def test_wrong_parameters_are_named(parameters, complaint):
    with pytest.raises(ValueError, match=complaint):
        tracker_config(parameters)


# Many videos


@pytest.fixture(name='model', scope='module')
def _model(tmp_path_factory):
    return NetworkChoice(write_tiny_model(tmp_path_factory.mktemp('model')))


def make_jobs(root, model, output):
    return [VideoJob(video, model, RunSettings(), output) for video in open_videos(root)]


def test_a_bad_video_is_recorded_and_leaves_no_label_images(model, tmp_path):
    root = write_vos(tmp_path / 'data', ('bad', 'good'))
    (root / 'JPEGImages/bad/00003.png').write_bytes(b'cut off')
    standings = []
    jobs = make_jobs(root, model, tmp_path / 'out')
    records = run_jobs(jobs, 1, on_standing=standings.append)
    assert standings[-1] == Standing(videos=2, failed=1, frames=7, expected=7)
    assert [record.video for record in records if record.error] == ['bad']
    assert 'JPEGImages/bad/00003.png is no readable image' in records[0].error
    assert read_video(tmp_path / 'out', 'tracker', 'bad').error == records[0].error
    assert not (tmp_path / 'out/bad').exists(), 'three of its frames were tracked'
    assert not is_finished('bad', 'tracker', tmp_path / 'out')
    assert is_finished('good', 'tracker', tmp_path / 'out')


def test_a_full_disk_ends_the_run_since_every_video_would_fail(model, tmp_path, monkeypatch):
    def fail(*_arguments):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr('surgsam2_ros.evaluation.runs.label_writer.write_label_png', fail)
    jobs = make_jobs(write_vos(tmp_path / 'data', ('a', 'b')), model, tmp_path / 'out')
    with pytest.raises(OSError, match='No space left'):
        run_jobs(jobs, 1)
    assert not (tmp_path / 'out/a').exists()
    assert not is_finished('a', 'tracker', tmp_path / 'out')


def test_an_error_of_several_lines_is_told_in_one():
    assert describe_error(SourceError('case.yaml:\n  line 1\n  is odd')) == (
        'case.yaml: line 1 is odd'
    )


def test_an_unexpected_error_is_recorded_with_its_place(model, tmp_path, monkeypatch):
    def fail(*_arguments, **_options):
        raise ZeroDivisionError('seven')

    monkeypatch.setattr('surgsam2_ros.evaluation.runs.tracker_run.FrameScores', fail)
    (job,) = make_jobs(write_vos(tmp_path / 'data'), model, tmp_path / 'out')
    assert run_job(job).error.startswith('ZeroDivisionError: seven (test_tracker_run.py')


def test_several_processes_give_the_same_as_one(model, tmp_path):
    root = write_vos(tmp_path / 'data', ('a', 'b'), frames=3)
    run_jobs(make_jobs(root, model, tmp_path / 'one'), 1)
    standings = []
    run_jobs(make_jobs(root, model, tmp_path / 'two'), 2, on_standing=standings.append)
    assert files(tmp_path / 'one') == files(tmp_path / 'two')
    assert [is_finished(video, 'tracker', tmp_path / 'two') for video in 'ab'] == [True, True]
    assert standings[-1] == Standing(videos=2, failed=0, frames=6, expected=6)


class Deadly(FolderVideo):
    """A video that takes its process with it, as one that needs too much memory does."""

    def _open(self):
        os._exit(9)


@pytest.mark.slow
def test_a_killed_process_takes_its_own_video_with_it_alone(model, tmp_path):
    root = write_vos(tmp_path / 'data', ('a', 'b', 'c'), frames=3)
    jobs = make_jobs(root, model, tmp_path / 'out')
    deadly = Deadly('deadly', root, root)
    jobs.insert(1, VideoJob(deadly, model, RunSettings(), tmp_path / 'out'))
    records = run_jobs(jobs, 2)
    failed = [record for record in records if record.error is not None]
    assert [record.video for record in failed] == ['deadly']
    assert 'was killed, perhaps for want of memory' in failed[0].error
    assert sorted(r.video for r in records if r.error is None) == ['a', 'b', 'c']
